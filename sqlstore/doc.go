// Package sqlstore keeps what a partner must not lose in SQLite or PostgreSQL:
// installations with their tokens, sealed, and acknowledged events until they are
// handled.
//
// The package imports no database driver. Open the database with one of your
// choice, and pass the [*sql.DB] to [New].
//
// # Installations
//
// Methods of a [Store] fit the hooks of package sunco: [Store.FirstUse] and
// [Store.Save] those of a [sunco.Installer], [Store.ByKey] that of a
// [sunco.EventHandler], [Store.ForRemoval] and [Store.Delete] those of a
// [sunco.RemovalHandler]. [Store.Maintain] finishes what was interrupted and finds
// removals that nobody reported.
//
// # Events
//
// [Store.Enqueue] stores an event before Zendesk gets its 200. [Store.Work] handles
// the stored events, those of one conversation one after the other.
//
// # Several processes
//
// Any number of processes can use one PostgreSQL database, and the processes of one
// machine one SQLite file. All of them may run Maintain and Work.
package sqlstore

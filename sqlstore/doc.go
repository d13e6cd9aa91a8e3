// Package sqlstore keeps what a partner must not lose in SQLite or PostgreSQL: tokens
// and acknowledged events, sealed. It imports no database driver: open the database with
// one of your choice, and pass the [*sql.DB] to [New].
//
// Methods of a [Store] fit the hooks of package sunco: [Store.FirstUse] and
// [Store.Save] those of a [sunco.Installer], [Store.ByKey] that of a
// [sunco.EventHandler], [Store.ForRemoval] and [Store.Delete] those of a
// [sunco.RemovalHandler]. [Store.Maintain] finishes what was interrupted and finds
// removals that nobody reported. [Store.Enqueue] stores an event before Zendesk gets its
// 200, and [Store.Work] handles the events of each conversation one after the other.
//
// Any number of processes can use one PostgreSQL database, and the processes of one
// machine one SQLite file, without mmap_size and not on a network file system.
package sqlstore

// Package store proves package sqlstore on real databases: SQLite through two drivers, and
// PostgreSQL, which the tests start themselves on a free port of loopback. It has only
// tests. They are skipped where PostgreSQL is missing, but not where the environment
// variable CI is set.
//
// What must survive the end of a process is tested with processes that end: the tests
// execute their own program again as a child, which is a partner's whole program or a part
// of it, and kill it. The parent owns the fake platform and plays the customers, and what
// it read from the child or got as an answer is what the next child must still know.
//
// Hours pass by moving the times that are stored back, while no process works on the
// database. The products have no hooks for any of this.
package store

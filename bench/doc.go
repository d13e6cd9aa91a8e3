// Package bench compares package sqlstore with what it stands on and with a peer, on the
// databases of e2e/engine. It has only benchmarks, and a test that runs each of them once.
// docs/benchmarks.md in the repository has the results.
package bench

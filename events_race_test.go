//go:build race

package sunco_test

// raceDetector makes everything ten times slower, and needs fewer rounds.
const raceDetector = true

//go:build !race

package sunco_test

const raceDetector = false

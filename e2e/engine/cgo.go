//go:build cgo

package engine

const cgo = true

package sandbox

import (
	"fmt"
	"os"
)

// writeCA puts the authority's certificate where clients look for it. Its key
// never leaves the process.
func writeCA(path string, certificate []byte) error {
	if err := os.WriteFile(path, certificate, 0o644); err != nil {
		return fmt.Errorf("writing -ca-file: %w", err)
	}
	if err := os.Chmod(path, 0o644); err != nil { // whatever the file had before, or the umask took
		return fmt.Errorf("writing -ca-file: %w", err)
	}
	return nil
}

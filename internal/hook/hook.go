// Package hook calls functions of the partner's, and logs why they fail.
package hook

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/sunco-go/sunco/internal/redact"
)

// Panic is a panic in a function of the partner's.
type Panic struct {
	value any
	stack []byte
}

// Error implements error.
func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// Try calls a function of the partner's. A panic becomes a [*Panic].
func Try(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &Panic{value, debug.Stack()}
		}
	}()
	return f()
}

// Log writes a line about an error, whose text is left out where it repeats one
// of the credentials at hand. A panic has level Error and its stack. Nil is
// [slog.Default].
func Log(
	ctx context.Context, logger *slog.Logger, level slog.Level, message string,
	err error, credentials []string, attrs ...slog.Attr,
) {
	defer func() { _ = recover() }() // of a logger, where it would end the process
	panicked, ok := err.(*Panic)
	if ok {
		level = slog.LevelError
	}
	logger = cmp.Or(logger, slog.Default())
	if !logger.Enabled(ctx, level) {
		return
	}
	const longest = 1 << 10   // bytes
	reason := fmt.Sprint(err) // also where its Error method panics
	reason = reason[:min(len(reason), longest)]
	if redact.Contains(reason, credentials...) {
		reason = "withheld, because it repeats a credential"
	}
	attrs = append(attrs, slog.String("error", reason))
	if ok {
		attrs = append(attrs, slog.String("stack", string(panicked.stack)))
	}
	logger.LogAttrs(ctx, level, "sunco: "+message, attrs...)
}

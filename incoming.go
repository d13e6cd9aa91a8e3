package sunco

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
)

// RequestError says what is wrong with a request that came from outside: a
// callback, a return_to, an identity, a delivery or a removal.
type RequestError struct {
	Name   string // what is wrong: "query", "callback", "return_to", "identity", "delivery" or "removal"
	Reason string // what is wrong with it; never its value
	Status int    // the status to answer with
}

// Error implements error.
func (e *RequestError) Error() string { return "sunco: " + e.Name + ": " + e.Reason }

// wait returns when nothing runs any more, or with the error of ctx.
func wait(ctx context.Context, running *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() {
		running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// try calls a function of the partner's. A panic becomes a [*hookPanic].
func try(hook func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &hookPanic{value, debug.Stack()}
		}
	}()
	return hook()
}

// hookPanic is a panic in a function of the partner's.
type hookPanic struct {
	value any
	stack []byte
}

func (p *hookPanic) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// writeLog writes a handler's line about an error, whose text is left out where it
// repeats one of the credentials at hand. A panic has level Error and its stack.
func writeLog(
	ctx context.Context, logger *slog.Logger, level slog.Level, message string,
	err error, secrets credentials, attrs ...slog.Attr,
) {
	defer func() { _ = recover() }() // of a logger, where it would end the process
	panicked, ok := err.(*hookPanic)
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
	if secrets.within(reason) {
		reason = "withheld, because it repeats a credential"
	}
	attrs = append(attrs, slog.String("error", reason))
	if ok {
		attrs = append(attrs, slog.String("stack", string(panicked.stack)))
	}
	logger.LogAttrs(ctx, level, "sunco: "+message, attrs...)
}

// secretsOf returns the credentials of an installation, which may be nil.
func secretsOf(in *Installation) credentials {
	if in == nil {
		return nil
	}
	secrets := credentials{in.Token.AccessToken}
	for i := range in.Webhooks {
		secrets = append(secrets, in.Webhooks[i].Secret)
	}
	return secrets
}

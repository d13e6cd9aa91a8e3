package sunco

import (
	"context"
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

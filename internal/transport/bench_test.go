package transport

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"testing"
)

// canned answers every request out of memory, as a fake in the process would,
// with two allocations.
type canned struct {
	body   []byte
	header http.Header
}

type cannedBody struct{ bytes.Reader }

func (*cannedBody) Close() error { return nil }

func newCanned() canned {
	return canned{bytes.Repeat([]byte("b"), 400), http.Header{"Content-Type": {"application/json"}}}
}

func (c canned) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return nil, err
		}
		req.Body.Close()
	}
	body := &cannedBody{}
	body.Reset(c.body)
	return &http.Response{
		StatusCode:    http.StatusOK,
		Header:        c.header,
		Body:          body,
		ContentLength: int64(len(c.body)),
		Request:       req,
	}, nil
}

func benchCall(class Class) *Call {
	call := &Call{
		Class: class, Op: "bench", Method: http.MethodGet,
		URL:    url.URL{Scheme: "https", Host: "bench.example", Path: "/v2/thing"},
		Header: http.Header{"Authorization": {"Bearer x"}},
		Limit:  64 << 10,
	}
	if class == Once {
		call.Method, call.Body = http.MethodPost, bytes.Repeat([]byte("a"), 200)
	}
	return call
}

func BenchmarkDo(b *testing.B) {
	c := New(Config{HTTPClient: &http.Client{Transport: newCanned()}})
	for name, class := range map[string]Class{"read": Read, "exchange": Once} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			call := benchCall(class)
			for b.Loop() {
				if _, err := c.Do(ctx, call); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkNetHTTP is the same work with net/http alone, without retries, bounds
// or a time limit.
func BenchmarkNetHTTP(b *testing.B) {
	c := &http.Client{Transport: newCanned()}
	for name, class := range map[string]Class{"read": Read, "exchange": Once} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			call := benchCall(class)
			for b.Loop() {
				var body io.Reader
				if call.Body != nil {
					body = bytes.NewReader(call.Body)
				}
				req, err := http.NewRequestWithContext(ctx, call.Method, call.URL.String(), body)
				if err != nil {
					b.Fatal(err)
				}
				req.Header = call.Header
				resp, err := c.Do(req)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadAll(resp.Body); err != nil {
					b.Fatal(err)
				}
				resp.Body.Close()
			}
		})
	}
}

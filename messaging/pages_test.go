package messaging_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/messaging"
)

// archive is a conversation of n messages, numbered from 0, that answers pages
// as Zendesk does.
func archive(n int, newestFirst, sameTime bool) *wire {
	return &wire{answer: func(_ int, r sent) (int, string, error) {
		_, query, _ := strings.Cut(r.Line, "?")
		values, _ := url.ParseQuery(query)
		end := n
		if before := values.Get("page[before]"); before != "" {
			end, _ = strconv.Atoi(before)
		}
		begin := max(0, end-100)
		messages := []map[string]any{}
		for i := begin; i < end; i++ {
			at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			if !sameTime {
				at = at.Add(time.Duration(i) * time.Second)
			}
			messages = append(messages, map[string]any{"id": fmt.Sprint(i), "received": at})
		}
		if newestFirst {
			slices.Reverse(messages)
		}
		meta := map[string]any{"hasMore": begin > 0}
		if begin > 0 {
			meta["beforeCursor"] = fmt.Sprint(begin)
		}
		body, _ := json.Marshal(map[string]any{"messages": messages, "meta": meta})
		return 200, string(body), nil
	}}
}

func TestPagesOfMessages(t *testing.T) {
	for _, n := range []int{0, 1, 100, 101, 250} {
		for _, newestFirst := range []bool{false, true} {
			w := archive(n, newestFirst, false)
			want := n
			for m, err := range newApp(w).Messages(t.Context(), chatID) {
				require.NoError(t, err)
				want--
				require.Equal(t, fmt.Sprint(want), m.ID)
			}
			assert.Zero(t, want)
			assert.Len(t, w.requests(), max(1, (n+99)/100))
			assert.Equal(t, "GET "+appURL+"/conversations/"+chatID+"/messages", w.requests()[0].Line)
		}
	}
	want := 150 // messages of one moment are in the order in which they are listed
	for m, err := range newApp(archive(150, false, true)).Messages(t.Context(), chatID) {
		require.NoError(t, err)
		want--
		require.Equal(t, fmt.Sprint(want), m.ID)
	}
}

// TestPagesOfMessagesOdd has times that are absent at both ends of a page.
func TestPagesOfMessagesOdd(t *testing.T) {
	for name, test := range map[string]struct{ page, want string }{
		"ascending": {
			`{"id":"a"},{"id":"b","received":"2026-01-01T00:00:00Z"},{"id":"c","received":"2026-01-02T00:00:00Z"},
			{"id":"d","received":"soon"}`, "dcba",
		},
		"descending": {
			`{"id":"a"},{"id":"b","received":"2026-01-02T00:00:00Z"},{"id":"c","received":"2026-01-01T00:00:00Z"},
			{"id":"d","received":"soon"}`, "abcd",
		},
		"without times": {`{"id":"a"},{"id":"b"}`, "ba"},
	} {
		got := ""
		for m, err := range newApp(always(200, `{"messages":[`+test.page+`]}`)).Messages(t.Context(), chatID) {
			require.NoError(t, err)
			got += m.ID
		}
		assert.Equal(t, test.want, got, name)
	}
}

// TestPagesForward ranges over the lists that go forward.
func TestPagesForward(t *testing.T) {
	person := messaging.Person{UserID: userID}
	for name, list := range map[string]func(context.Context, messaging.App) (ids string, err error){
		"conversations": func(ctx context.Context, app messaging.App) (ids string, err error) {
			for c, err := range app.Conversations(ctx, person) {
				if err != nil {
					return ids, err
				}
				ids += c.ID
			}
			return ids, nil
		},
		"participants": func(ctx context.Context, app messaging.App) (ids string, err error) {
			for p, err := range app.Participants(ctx, chatID) {
				if err != nil {
					return ids, err
				}
				ids += p.ID
			}
			return ids, nil
		},
		"clients": func(ctx context.Context, app messaging.App) (ids string, err error) {
			for c, err := range app.Clients(ctx, userID) {
				if err != nil {
					return ids, err
				}
				ids += c.ID
			}
			return ids, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := script(
				200, `{"`+name+`":[{"id":"a"},{"id":"b"}],"meta":{"hasMore":true,"afterCursor":"1 &"}}`,
				200, `{"`+name+`":[],"meta":{"hasMore":true,"afterCursor":"2"}}`,
				200, `{"`+name+`":[{"id":"c"}],"meta":{"hasMore":false,"afterCursor":"3"},"links":{"next":"https://evil.example"}}`)
			ids, err := list(t.Context(), newApp(w))
			require.NoError(t, err)
			assert.Equal(t, "abc", ids)
			require.Len(t, w.requests(), 3)
			assert.NotContains(t, w.requests()[0].Line, "page%5Bafter%5D")
			assert.Contains(t, w.requests()[0].Line, "page%5Bsize%5D=100")
			assert.Contains(t, w.requests()[1].Line, "page%5Bafter%5D=1+%26&page%5Bsize%5D=100")
			assert.Contains(t, w.requests()[2].Line, "page%5Bafter%5D=2")

			synctest.Test(t, func(t *testing.T) { // the third page fails
				w := script(
					200, `{"`+name+`":[{"id":"a"}],"meta":{"hasMore":true,"afterCursor":"1"}}`,
					200, `{"`+name+`":[{"id":"b"}],"meta":{"hasMore":true,"afterCursor":"2"}}`,
					403, `{"errors":[{"code":"forbidden"}]}`)
				ids, err := list(t.Context(), newApp(w))
				assert.Equal(t, "ab", ids)
				assert.ErrorIs(t, err, sunco.ErrForbidden)
			})
		})
	}
}

func TestPagesWithoutNewCursor(t *testing.T) {
	page := func(cursor string) string {
		return `{"messages":[{"id":"a"}],"meta":{"hasMore":true,"beforeCursor":"` + cursor + `"}}`
	}
	for name, test := range map[string]struct {
		pages    []any
		requests int
	}{
		"none":                {[]any{200, page("")}, 1},
		"the same":            {[]any{200, page("1"), 200, page("1")}, 2},
		"an earlier one":      {[]any{200, page("1"), 200, page("2"), 200, page("1")}, 3},
		"of another type":     {[]any{200, `{"messages":[],"meta":{"hasMore":true,"beforeCursor":{}}}`}, 1},
		"in the wrong member": {[]any{200, `{"messages":[],"meta":{"hasMore":true,"afterCursor":"1"}}`}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := script(test.pages...)
			failures := 0
			for _, err := range newApp(w).Messages(t.Context(), chatID) {
				if err != nil {
					failures++
					assert.ErrorIs(t, err, sunco.ErrBadReply)
					assert.Contains(t, err.Error(), "list messages")
				} else {
					assert.Zero(t, failures, "the error is the last")
				}
			}
			assert.Equal(t, 1, failures)
			assert.Len(t, w.requests(), test.requests)
		})
	}
}

// TestPagesLazy makes no request before it is ranged over and none after a
// break, and starts anew each time.
func TestPagesLazy(t *testing.T) {
	w := archive(250, false, false)
	messages := newApp(w).Messages(t.Context(), chatID)
	assert.Empty(t, w.requests())
	for range 2 {
		seen := 0
		for range messages {
			if seen++; seen == 150 {
				break
			}
		}
	}
	assert.Len(t, w.requests(), 4)
	for range messages { // break at the end of a page
		break
	}
	assert.Len(t, w.requests(), 5)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range newApp(w).Messages(ctx, chatID) {
		assert.ErrorIs(t, err, context.Canceled)
	}
	for _, err := range newApp(silent(t)).Messages(t.Context(), "../x") {
		assert.ErrorAs(t, err, new(*sunco.InputError))
	}
}

func TestPageOfList(t *testing.T) {
	w := always(200, `{"participants":[{"id":"a"}],"meta":{"hasMore":true,"afterCursor":"1","beforeCursor":"2"}}`)
	page, err := newApp(w).ListParticipants(t.Context(), chatID, messaging.Cursor{})
	require.NoError(t, err)
	assert.Equal(t, &messaging.Page[*messaging.Participant]{
		Items: []*messaging.Participant{{ID: "a"}}, HasMore: true, AfterCursor: "1", BeforeCursor: "2",
	}, page)
	assert.Equal(t, "GET "+appURL+"/conversations/"+chatID+"/participants", w.requests()[0].Line)
}

package messaging

import (
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/sunco-go/sunco"
)

const maxPage = 100

// Cursor says which page of a list to get. The zero Cursor gets the first
// page; of messages, that is the latest one.
type Cursor struct {
	After  string // the page after it: AfterCursor of a Page
	Before string // the page before it: BeforeCursor of a Page; not beside After
	Size   int    // 1 to 100; 0: Zendesk's choice; of messages there are always 100
}

// Page is a part of a list. The cursors are opaque, and empty where there is no
// page.
type Page[T any] struct {
	Items        []T
	HasMore      bool // in the direction in which the list is read
	AfterCursor  string
	BeforeCursor string
}

// query adds the page to the query of a call.
func (c Cursor) query(l *limits, query url.Values) url.Values {
	if query == nil {
		query = url.Values{}
	}
	if c.After != "" && c.Before != "" {
		l.refuse("cursor", "After and Before are both set; only one of them is accepted")
	}
	if c.Size < 0 || c.Size > maxPage {
		l.refuse("cursor size", "not 1 to 100")
	}
	if c.After != "" {
		query.Set("page[after]", c.After)
	}
	if c.Before != "" {
		query.Set("page[before]", c.Before)
	}
	if c.Size > 0 {
		query.Set("page[size]", strconv.Itoa(c.Size))
	}
	return query
}

// page makes a Page of a list in a reply.
func page[T any](r *reply, list []*T, call *sunco.Call, name string) (*Page[*T], error) {
	items, err := some(list, call, name)
	if err != nil {
		return nil, err
	}
	return &Page[*T]{items, r.Meta.HasMore, r.Meta.AfterCursor, r.Meta.BeforeCursor}, nil
}

// all ranges over a list, page by page. It makes no request before it is ranged
// over and none after a break, and yields an error once, as the last.
func all[T any](op string, at Cursor, get func(Cursor) (*Page[*T], error), next func(*Page[*T]) Cursor,
) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		seen := map[Cursor]bool{at: true}
		for at := at; ; {
			page, err := get(at)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if !page.HasMore {
				return
			}
			if at = next(page); seen[at] || at.After+at.Before == "" {
				yield(nil, &sunco.Error{Op: op, Err: fmt.Errorf(
					"%w: it says that there is more, and names no new cursor", sunco.ErrBadReply)})
				return
			}
			seen[at] = true
		}
	}
}

// forward ranges over a list from its beginning.
func forward[T any](op string, get func(Cursor) (*Page[*T], error)) iter.Seq2[*T, error] {
	return all(op, Cursor{Size: maxPage}, get, func(p *Page[*T]) Cursor {
		return Cursor{After: p.AfterCursor, Size: maxPage}
	})
}

// backward ranges over messages, the newest first. Zendesk's pages go
// backwards; the order inside a page is not documented, and is turned round
// unless the times show that it is the newest first already.
func backward(op string, get func(Cursor) (*Page[*Message], error)) iter.Seq2[*Message, error] {
	return all(op, Cursor{}, func(at Cursor) (*Page[*Message], error) {
		page, err := get(at)
		if err == nil && !descends(page.Items) {
			slices.Reverse(page.Items)
		}
		return page, err
	}, func(p *Page[*Message]) Cursor { return Cursor{Before: p.BeforeCursor} })
}

// descends reports whether the first time of a page is after the last.
func descends(messages []*Message) bool {
	var first, last time.Time
	for _, m := range messages {
		if m.Received.IsZero() {
			continue
		}
		if first.IsZero() {
			first = m.Received
		}
		last = m.Received
	}
	return first.After(last)
}

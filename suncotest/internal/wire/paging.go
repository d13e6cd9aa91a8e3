package wire

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// MaxPage is how many records a page may have.
const MaxPage = 100

const (
	defaultPage  = 25
	cursorLength = 24
)

// Query returns the parameters of the request that have these names, each of which may
// be given once. Others are noted and left out, and refused only when the call is a strict one.
func (c *Call) Query(names ...string) (map[string]string, Reply, bool) {
	values, err := url.ParseQuery(c.URL.RawQuery)
	if err != nil {
		return nil, BadRequest("The query is malformed"), false
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case slices.Contains(names, name):
			continue
		case c.Strict:
			return nil, BadRequest("The query has the unknown parameter " + shown(name)), false
		}
		c.Unknown = append(c.Unknown, "the parameter "+shown(name))
		values.Del(name)
	}
	once, doubled := Singles(values)
	if doubled != "" {
		return nil, BadRequest("The query has the parameter " + shown(doubled) + " twice"), false
	}
	return once, Reply{}, true
}

// wireMeta and wireLinks say what is around a page.
type wireMeta struct {
	HasMore      bool   `json:"hasMore"`
	AfterCursor  string `json:"afterCursor,omitempty"`
	BeforeCursor string `json:"beforeCursor,omitempty"`
}

type wireLinks struct {
	Prev string `json:"prev,omitempty"`
	Next string `json:"next,omitempty"`
}

// Paging is what a request asks of a list.
type Paging struct {
	after, before string
	Size          int
	Backwards     bool // the last page is the first
	NewestFirst   bool // the order inside a page
}

// ReadPaging reads the page parameters out of a query. The text says what is wrong.
func ReadPaging(query map[string]string) (page Paging, wrong string) {
	page = Paging{after: query["page[after]"], before: query["page[before]"], Size: defaultPage}
	for _, name := range []string{"page[after]", "page[before]"} {
		if cursor, given := query[name]; given && len(cursor) != cursorLength {
			return page, name + " must be a cursor"
		}
	}
	if raw, given := query["page[size]"]; given {
		n, err := strconv.Atoi(raw)
		if err != nil || n < 1 || n > MaxPage || strconv.Itoa(n) != raw {
			return page, "page[size] must be a number from 1 to 100"
		}
		page.Size = n
	}
	if page.after != "" && page.before != "" {
		return page, "page[after] and page[before] exclude each other"
	}
	return page, ""
}

// cut returns where the page begins and ends in a list, of which id tells the ids.
// It reports false when the list has no such cursor.
func (page Paging) cut(length int, id func(int) string) (from, to int, ok bool) {
	find := func(cursor string) int {
		for i := range length {
			if id(i) == cursor {
				return i
			}
		}
		return -1
	}
	switch {
	case page.before != "":
		to = find(page.before)
		return max(0, to-page.Size), to, to >= 0
	case page.after != "":
		at := find(page.after)
		return at + 1, min(length, at+1+page.Size), at >= 0
	case page.Backwards:
		return max(0, length-page.Size), length, true
	}
	return 0, min(length, page.Size), true
}

// around says what there is before and after the page.
func (page Paging) around(c *Call, from, to, length int, id func(int) string) (wireMeta, wireLinks) {
	var meta wireMeta
	var links wireLinks
	older, newer := from > 0, to < length
	meta.HasMore = newer
	if page.before != "" || page.Backwards && page.after == "" {
		meta.HasMore = older
	}
	if older {
		meta.BeforeCursor = page.cursor(from, length, id)
		links.Prev = c.link("page[before]", meta.BeforeCursor)
	}
	if newer {
		meta.AfterCursor = page.cursor(to-1, length, id)
		links.Next = c.link("page[after]", meta.AfterCursor)
	}
	return meta, links
}

// cursor is the id at the edge of the page. A page without a record keeps the one
// it was asked with.
func (page Paging) cursor(edge, length int, id func(int) string) string {
	if edge < 0 || edge >= length {
		return cmp.Or(page.before, page.after)
	}
	return id(edge)
}

// link is the address of the request with another cursor. Brackets stay as they
// are, as they do in the documents.
func (c *Call) link(name, cursor string) string {
	values, _ := url.ParseQuery(c.URL.RawQuery) // it was read before
	values.Del("page[after]")
	values.Del("page[before]")
	values.Set(name, cursor)
	scheme := "http"
	if c.TLS != nil {
		scheme = "https"
	}
	query := strings.NewReplacer("%5B", "[", "%5D", "]")
	var pairs []string
	for key, all := range values {
		pairs = append(pairs, query.Replace(url.QueryEscape(key))+"="+url.QueryEscape(all[0]))
	}
	slices.Sort(pairs)
	return scheme + "://" + c.Host + c.URL.EscapedPath() + "?" + strings.Join(pairs, "&")
}

// List answers with one page of a list.
func List[T any](c *Call, page Paging, name string, all []T, id func(T) string) Reply {
	at := func(i int) string { return id(all[i]) }
	from, to, fine := page.cut(len(all), at)
	if !fine {
		return BadRequest("The list has no such cursor")
	}
	meta, links := page.around(c, from, to, len(all), at)
	records := append([]T{}, all[from:to]...)
	if page.NewestFirst {
		slices.Reverse(records)
	}
	return OK(http.StatusOK, map[string]any{name: records, "meta": meta, "links": links})
}

// Singles returns the values by their names, and the name of one that is not there
// exactly once.
func Singles(values url.Values) (once map[string]string, doubled string) {
	once = map[string]string{}
	for name, all := range values {
		if len(all) != 1 {
			return nil, name
		}
		once[name] = all[0]
	}
	return once, ""
}

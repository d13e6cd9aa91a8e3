package spec

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
)

// route is the operation that a request asks for.
type route struct {
	routers.Route
	params map[string]string
}

// scoped reports whether the operation is documented for an integration's token.
// An operation without security, of which only token info takes a token, is.
func (r *route) scoped() bool {
	for _, alternative := range r.security() {
		for _, scope := range alternative["bearerAuth"] {
			if scope == "integration" {
				return true
			}
		}
	}
	return len(r.security()) == 0
}

// security is what the operation asks for, or else what all operations do.
func (r *route) security() openapi3.SecurityRequirements {
	if r.Operation.Security != nil {
		return *r.Operation.Security
	}
	return r.Spec.Security
}

// find returns the operation of a request, which must be sent to a host where the
// description has it.
func (d *Description) find(r *http.Request) (*route, error) {
	if r.Host != "" && r.Host != r.URL.Host {
		return nil, errors.New("the Host header names another host than the URL")
	}
	path, label, ok := d.split(r.URL.Scheme + "://" + r.URL.Host + r.URL.EscapedPath())
	if !ok {
		return nil, fmt.Errorf("host %s, or the base path, is not among the servers", r.URL.Host)
	}
	found := d.match(r.Method, path)
	if found == nil {
		return nil, fmt.Errorf("there is no operation %s %s", r.Method, path)
	}
	if atBridge := strings.Contains(found.Operation.Description, bridgeBase); atBridge != (label == bridgeLabel) {
		return nil, fmt.Errorf("operation %s does not live at %s", found.Operation.OperationID, r.URL.Host)
	}
	return found, nil
}

// OperationOf returns the id of the operation that a request asks for, or "" if there
// is none.
func (d *Description) OperationOf(r *http.Request) string {
	if found, err := d.find(r); err == nil {
		return found.Operation.OperationID
	}
	return ""
}

// split takes the base off a URL, and returns the subdomain where there is one.
func (d *Description) split(url string) (path, label string, ok bool) {
	for _, base := range d.bases {
		groups := base.FindStringSubmatch(url)
		if groups == nil {
			continue
		}
		if i := base.SubexpIndex("label"); i > 0 {
			label = groups[i]
		}
		return groups[base.SubexpIndex("path")], label, true
	}
	return "", "", false
}

// match finds the operation whose path has the fewest names where path has text.
func (d *Description) match(method, path string) *route {
	var best *route
	for template, item := range d.doc.Paths.Map() {
		op := item.GetOperation(method)
		params, fits := fit(template, path)
		if op == nil || !fits || best != nil && len(best.params) <= len(params) {
			continue
		}
		best = &route{routers.Route{Spec: d.doc, Path: template, PathItem: item, Method: method, Operation: op}, params}
	}
	return best
}

func fit(template, path string) (map[string]string, bool) {
	want, have := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return nil, false
	}
	params := map[string]string{}
	for i, segment := range want {
		switch {
		case strings.HasPrefix(segment, "{") && have[i] != "":
			params[strings.Trim(segment, "{}")] = have[i]
		case segment != have[i]:
			return nil, false
		}
	}
	return params, true
}

// Examples returns the published examples of an operation's reply.
func (d *Description) Examples(id string, status int) []any {
	var ref *openapi3.ResponseRef
	if op := d.operation(id); op != nil {
		ref = op.Responses.Status(status)
	}
	return examples(ref)
}

// Operation is where one of the description's operations lives.
type Operation struct {
	Method, Path string
	AtBridge     bool // at the OAuth bridge, otherwise at the customer's host
	Integration  bool // an integration's token is enough, or none is asked for
}

// Operations returns all operations by their ids.
func (d *Description) Operations() map[string]Operation {
	all := map[string]Operation{}
	for path, item := range d.doc.Paths.Map() {
		for method, op := range item.Operations() {
			r := route{Route: routers.Route{Spec: d.doc, Operation: op}}
			all[op.OperationID] = Operation{method, path, strings.Contains(op.Description, bridgeBase), r.scoped()}
		}
	}
	return all
}

package spec

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/getkin/kin-openapi/openapi3"
)

// CheckReply holds the reply to a request against the description and returns
// every violation. A 4xx that is not documented must have the documented form of
// an error; a success that is not documented is a violation. What stands in a
// 5xx is nowhere documented and not looked at.
func (d *Description) CheckReply(r *http.Request, res *http.Response, body []byte) []error {
	found, err := d.find(r)
	switch {
	case res.StatusCode >= 500:
		return nil
	case err != nil:
		return d.checkProblem(r, res, body)
	case found.Operation.OperationID == "Authorize":
		return checkPage(r, res, body)
	case res.StatusCode >= 400:
		return append(d.checkProblem(r, res, body), d.checkCode(found, res.StatusCode, body)...)
	case !found.scoped():
		return []error{errors.New("a success where an integration's token is not enough")}
	}
	media := jsonOf(found.Operation.Responses.Status(res.StatusCode))
	if media == nil {
		return []error{fmt.Errorf("status %d is not documented", res.StatusCode)}
	}
	return checkJSON(media.Schema.Value, res.Header, body)
}

// checkProblem checks the form of an error, of which only a 400 may have several.
func (d *Description) checkProblem(r *http.Request, res *http.Response, body []byte) []error {
	if res.StatusCode < 400 {
		return []error{fmt.Errorf("status %d for a request that is not documented", res.StatusCode)}
	}
	if r.Method == http.MethodHead {
		return nil
	}
	errs := checkJSON(d.problem, res.Header, body)
	if value, err := decode(body, false); err == nil && res.StatusCode != http.StatusBadRequest {
		if list, _ := member(value, "errors").([]any); len(list) > 1 {
			errs = append(errs, errors.New("several errors, which only a 400 may have"))
		}
	}
	return errs
}

// checkCode compares an error's code with those that are shown for its status,
// where the operation documents that status at all.
func (d *Description) checkCode(found *route, status int, body []byte) []error {
	if len(exampleCodes(found.Operation.Responses.Status(status))) == 0 {
		return nil
	}
	value, err := decode(body, false)
	if err != nil {
		return nil // checkProblem says so
	}
	var errs []error
	list, _ := member(value, "errors").([]any)
	for _, entry := range list {
		code, _ := member(entry, "code").(string)
		if _, known := d.codes[status][code]; !known {
			errs = append(errs, fmt.Errorf("code %q is shown for no error with status %d", code, status))
		}
	}
	return errs
}

// checkPage checks what a browser gets from authorize: the documented redirect,
// or a page, about which nothing is documented.
func checkPage(r *http.Request, res *http.Response, body []byte) []error {
	if res.StatusCode != http.StatusFound {
		if res.StatusCode/100 == 3 || mediaType(res.Header) != "text/html" {
			return []error{fmt.Errorf("status %d is neither the redirect nor a page", res.StatusCode)}
		}
		return nil
	}
	var errs []error
	target, err := url.Parse(res.Header.Get("Location"))
	if err != nil || !target.IsAbs() {
		return []error{errors.New("the redirect leads nowhere")}
	}
	if len(body) > 0 && mediaType(res.Header) != "text/plain" {
		errs = append(errs, errors.New("the redirect's body is not text"))
	}
	asked, answered := r.URL.Query(), target.Query()
	if (len(answered["code"]) == 1) == (len(answered["error"]) == 1) {
		errs = append(errs, errors.New("the redirect carries not one code or one error"))
	}
	if asked.Has("state") && (len(answered["state"]) != 1 || answered.Get("state") != asked.Get("state")) {
		errs = append(errs, errors.New("the redirect does not return the state"))
	}
	return errs
}

func checkJSON(schema *openapi3.Schema, h http.Header, body []byte) []error {
	if mediaType(h) != typeJSON {
		return []error{errors.New("the reply is not application/json")}
	}
	value, err := decode(body, false)
	if err != nil {
		return []error{fmt.Errorf("reply: %w", err)}
	}
	return visit("reply", schema, value, openapi3.VisitAsResponse())
}

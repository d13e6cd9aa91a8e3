package spec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/go-json-experiment/json"
)

const (
	typeJSON  = "application/json"
	typeForm  = "application/x-www-form-urlencoded"
	typeParts = "multipart/form-data"
)

// CheckRequest holds a request against the description and returns every
// violation. The errors repeat no value that the request carries.
func (d *Description) CheckRequest(r *http.Request, body []byte) []error {
	found, err := d.find(r)
	if err != nil {
		return []error{err}
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: found.params, Route: &found.Route,
		Options: &openapi3filter.Options{
			ExcludeRequestBody: true, MultiError: true, SkipSettingDefaults: true,
			AuthenticationFunc: authenticate,
		},
	}
	var errs []error
	if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil {
		errs = append(errs, reasons("request", err)...)
	}
	errs = append(errs, found.checkQuery(r.URL.RawQuery)...)
	errs = append(errs, found.checkAuthorization(r.Header)...)
	return append(errs, found.checkRequestBody(r.Header, body)...)
}

// checkQuery refuses parameters that are unknown or repeated, which the
// description does not forbid.
func (r *route) checkQuery(raw string) []error {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return []error{errors.New("the query is malformed")}
	}
	var errs []error
	for name, all := range values {
		plain, _, _ := strings.Cut(name, "[") // page[after] belongs to page
		known := r.Operation.Parameters.GetByInAndName("query", plain) != nil ||
			r.PathItem.Parameters.GetByInAndName("query", plain) != nil
		if !known {
			errs = append(errs, fmt.Errorf("query parameter %q is unknown", name))
		}
		if len(all) > 1 {
			errs = append(errs, fmt.Errorf("query parameter %q is repeated", name))
		}
	}
	return errs
}

// checkAuthorization asks for a token where only the text of the description does,
// and for none where the credentials are elsewhere.
func (r *route) checkAuthorization(h http.Header) []error {
	if len(r.security()) > 0 {
		return nil // openapi3filter has asked authenticate
	}
	switch {
	case r.Operation.OperationID == "GetTokenInfo" && !bearer(h):
		return []error{errors.New("there is no bearer token")}
	case r.Operation.OperationID != "GetTokenInfo" && h.Get("Authorization") != "":
		return []error{errors.New("an Authorization header where none belongs")}
	}
	return nil
}

func authenticate(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	if in.SecuritySchemeName == "bearerAuth" && bearer(in.RequestValidationInput.Request.Header) {
		return nil
	}
	return errors.New("there is no bearer token")
}

// bearer reports whether there is one token, a JWT by form.
func bearer(h http.Header) bool {
	values := h.Values("Authorization")
	return len(values) == 1 && regexp.MustCompile(`^Bearer [\w-]+\.[\w-]+\.[\w-]+$`).MatchString(values[0])
}

// checkRequestBody checks type and body. The type must be JSON without a body
// too; the token endpoint alone takes a form of the same members, and an upload is
// multipart.
func (r *route) checkRequestBody(h http.Header, body []byte) []error {
	if r.Operation.RequestBody != nil {
		if content := r.Operation.RequestBody.Value.Content.Get(typeParts); content != nil {
			value, err := decodeParts(h, body)
			if err != nil {
				return []error{err}
			}
			return visit("request body", content.Schema.Value, value, openapi3.VisitAsRequest())
		}
	}
	browser := r.Operation.OperationID == "Authorize"
	media := mediaType(h)
	isForm := r.Operation.OperationID == "GetToken" && media == typeForm
	var errs []error
	if !browser && !isForm && media != typeJSON {
		errs = append(errs, errors.New("the Content-Type is not application/json"))
	}
	if r.Operation.RequestBody == nil {
		if len(body) > 0 {
			errs = append(errs, errors.New("there is a body where none belongs"))
		}
		return errs
	}
	wanted := r.Operation.RequestBody.Value
	content := wanted.Content.Get(typeJSON)
	if content == nil {
		return append(errs, errors.New("the operation takes no JSON"))
	}
	if len(body) == 0 {
		if wanted.Required {
			errs = append(errs, errors.New("there is no body"))
		}
		return errs
	}
	value, err := decode(body, isForm)
	if err != nil {
		return append(errs, err)
	}
	return append(errs, visit("request body", content.Schema.Value, value, openapi3.VisitAsRequest())...)
}

func mediaType(h http.Header) string {
	media, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset, given := params["charset"]
	if err != nil || len(h.Values("Content-Type")) != 1 || given && !strings.EqualFold(charset, "utf-8") {
		return ""
	}
	return media
}

// decode reads JSON without repeated names, or a form without repeated fields.
func decode(body []byte, isForm bool) (any, error) {
	if !isForm {
		var value any
		if err := json.Unmarshal(body, &value); err != nil {
			return nil, errors.New("the body is not one JSON value with distinct names")
		}
		return value, nil
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errors.New("the body is not a form")
	}
	object := map[string]any{}
	for name, all := range values {
		if len(all) != 1 {
			return nil, fmt.Errorf("field %q is repeated", name)
		}
		object[name] = all[0]
	}
	return object, nil
}

// decodeParts reads a multipart form of files with distinct names.
func decodeParts(h http.Header, body []byte) (map[string]any, error) {
	_, params, _ := mime.ParseMediaType(h.Get("Content-Type"))
	if mediaType(h) != typeParts {
		return nil, errors.New("the Content-Type is not multipart/form-data")
	}
	object := map[string]any{}
	for parts := multipart.NewReader(bytes.NewReader(body), params["boundary"]); ; {
		part, err := parts.NextPart()
		if err == io.EOF {
			return object, nil
		}
		if err != nil {
			return nil, errors.New("the body is not a multipart form")
		}
		file, err := io.ReadAll(part)
		if _, repeated := object[part.FormName()]; err != nil || repeated || part.FileName() == "" {
			return nil, errors.New("a part is broken, is repeated or has no file name")
		}
		object[part.FormName()] = string(file)
	}
}

// visit holds a decoded value against a schema.
func visit(what string, schema *openapi3.Schema, value any, as openapi3.SchemaValidationOption) []error {
	err := schema.VisitJSON(value, as, openapi3.MultiErrors(), openapi3.DisableSchemaErrorDetails())
	if err == nil {
		return nil
	}
	return reasons(what, err)
}

// reasons makes one error of each part, and leaves out schemas and values.
func reasons(what string, err error) []error {
	var several openapi3.MultiError
	if errors.As(err, &several) {
		var errs []error
		for _, part := range several {
			errs = append(errs, reasons(what, part)...)
		}
		return errs
	}
	var schema *openapi3.SchemaError
	if errors.As(err, &schema) {
		pointer := strings.Join(schema.JSONPointer(), "/")
		return []error{fmt.Errorf("%s: /%s: %s", what, pointer, schema.Reason)}
	}
	var request *openapi3filter.RequestError
	if errors.As(err, &request) && request.Parameter != nil {
		return []error{fmt.Errorf("%s: parameter %s: %s", what, request.Parameter.Name, request.Reason)}
	}
	return []error{fmt.Errorf("%s: %w", what, err)}
}

// integrationHeaders are all that a request to the platform may carry.
var integrationHeaders = []string{
	"Accept", "Accept-Encoding", "Authorization", "Content-Length", "Content-Type", "User-Agent",
	"X-Zendesk-Marketplace-App-Id", "X-Zendesk-Marketplace-Bot-Id",
	"X-Zendesk-Marketplace-Name", "X-Zendesk-Marketplace-Organization-Id",
}

// CheckHeaders returns a violation for every header that no document names. It is
// for requests of the SDK, not of browsers.
func CheckHeaders(h http.Header) []error {
	var errs []error
	for name := range h {
		if !slices.Contains(integrationHeaders, name) {
			errs = append(errs, fmt.Errorf("header %q is unknown", name))
		}
	}
	return errs
}

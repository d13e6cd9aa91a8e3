package spec

import (
	"errors"
	"fmt"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// required are the members that are always there by Zendesk's guide and by the
// published examples, though the schemas do not say so.
var required = map[string][]string{
	"appResponseWithSubdomain": {"app"},
	"app":                      {"id", "displayName", "settings", "metadata"},
	"webhookResponse":          {"webhook"},
	"webhookListResponse":      {"webhooks"},
	"webhook": {
		"id", "version", "target", "triggers", "secret", "includeFullUser", "includeFullSource",
	},
	"errorResponse": {"errors"},
	"error":         {"code", "title"},
}

// forgotten are the members that published examples and the guide have in events,
// though the schemas do not. Those of the second schema stand in for them.
var forgotten = []struct {
	schema, like string
	members      []string
}{
	{"authorWebhook", "author", []string{"displayName", "avatarUrl", "subtypes"}},
	{"messageWebhook", "message", []string{"activity"}},
}

// addForgotten adds them. An answer to a form is never sent, by the description's own
// words, and so the form that it names is received.
func addForgotten(schemas openapi3.Schemas) error {
	for _, f := range forgotten {
		schema, like := schemas[f.schema], schemas[f.like]
		if schema == nil || like == nil {
			return fmt.Errorf("spec: there is no schema %s or %s", f.schema, f.like)
		}
		for _, name := range f.members {
			if like.Value.Properties[name] == nil {
				return fmt.Errorf("spec: schema %s has no member %s", f.like, name)
			}
			schema.Value.Properties[name] = like.Value.Properties[name]
		}
	}
	field := schemas["formResponseMessageField"]
	if field == nil || schemas["signedUpAt"] == nil {
		return errors.New("spec: forms have no answers, or users no signedUpAt")
	}
	for _, part := range field.Value.AllOf {
		if form := part.Value.Properties["quotedMessageId"]; form != nil {
			form.Value.WriteOnly = false
		}
	}
	return nil
}

// tighten adds what the description says in words only, and closes every object
// that is not open on purpose.
func (d *Description) tighten() error {
	if d.doc.Components == nil {
		return errors.New("spec: there are no schemas")
	}
	schemas := d.doc.Components.Schemas
	for name, members := range required {
		if err := require(schemas[name], members...); err != nil {
			return fmt.Errorf("spec: schema %s: %w", name, err)
		}
	}
	if err := addForgotten(schemas); err != nil {
		return err
	}
	if err := d.tightenWebhooks(); err != nil {
		return err
	}
	if err := d.tightenOAuth(); err != nil {
		return err
	}
	atLeastOne(schemas["errorResponse"], "errors")
	for _, name := range required["error"] {
		schemas["error"].Value.Properties[name].Value.MinLength = 1
	}
	schemas["signedUpAt"].Value.Pattern = `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`
	c := closer{}
	d.problem = c.closed(schemas["errorResponse"]).Value
	d.payloads = map[string]*openapi3.Schema{}
	for _, schema := range schemas {
		if payload := c.closed(schema).Value.Properties["payload"]; slices.Contains(d.triggers, schema.Value.Title) {
			d.payloads[schema.Value.Title] = payload.Value
		}
	}
	for _, item := range d.doc.Paths.Map() {
		for _, op := range item.Operations() {
			c.closeOperation(op)
		}
	}
	return nil
}

func (d *Description) tightenWebhooks() error {
	schemas := d.doc.Components.Schemas
	triggers, version := schemas["triggers"], schemas["webhook"].Value.Properties["version"]
	if triggers == nil || triggers.Value.Items == nil || version == nil {
		return errors.New("spec: webhooks have no triggers or no version")
	}
	triggers.Value.MinItems = 1
	for _, name := range d.triggers {
		triggers.Value.Items.Value.Enum = append(triggers.Value.Items.Value.Enum, name)
	}
	version.Value.Enum = []any{"v2"}
	return nil
}

func (d *Description) tightenOAuth() error {
	authorize, token := d.operation("Authorize"), d.operation("GetToken")
	if authorize == nil || token == nil {
		return errors.New("spec: the OAuth operations are missing")
	}
	kind := authorize.Parameters.GetByInAndName("query", "response_type")
	media := jsonOf(token.Responses.Status(200))
	if kind == nil || kind.Schema == nil || media == nil ||
		token.RequestBody == nil || token.RequestBody.Value.Content.Get(typeJSON) == nil {
		return errors.New("spec: the OAuth operations have other parameters or replies")
	}
	kind.Schema.Value.Enum = []any{"code"}
	if err := require(media.Schema, "access_token", "token_type"); err != nil {
		return err
	}
	media.Schema.Value.Properties["token_type"].Value.Enum = []any{"Bearer"}
	body := token.RequestBody.Value.Content.Get(typeJSON).Schema
	if err := require(body, "grant_type", "code", "client_id", "client_secret"); err != nil {
		return err
	}
	for _, property := range body.Value.Properties {
		property.Value.MinLength = 1
	}
	body.Value.Properties["grant_type"].Value.Enum = []any{"authorization_code"}
	return nil
}

// operation finds an operation by its id.
func (d *Description) operation(id string) *openapi3.Operation {
	for _, item := range d.doc.Paths.Map() {
		for _, op := range item.Operations() {
			if op.OperationID == id {
				return op
			}
		}
	}
	return nil
}

func require(ref *openapi3.SchemaRef, members ...string) error {
	if ref == nil {
		return errors.New("there is none")
	}
	for _, name := range members {
		if ref.Value.Properties[name] == nil {
			return fmt.Errorf("there is no member %s", name)
		}
		if !slices.Contains(ref.Value.Required, name) {
			ref.Value.Required = append(ref.Value.Required, name)
		}
	}
	return nil
}

func atLeastOne(ref *openapi3.SchemaRef, list string) {
	ref.Value.Properties[list].Value.MinItems = 1
}

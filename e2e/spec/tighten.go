package spec

import (
	"errors"
	"fmt"
	"maps"
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
	c := closer{}
	d.problem = c.closed(schemas["errorResponse"]).Value
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

// closer makes copies of schemas that allow no member they do not name. It
// remembers what it copied, because schemas refer to each other.
type closer map[*openapi3.Schema]*openapi3.SchemaRef

// closeOperation closes the request body and the JSON replies.
func (c closer) closeOperation(op *openapi3.Operation) {
	var contents []openapi3.Content
	if op.RequestBody != nil {
		contents = append(contents, op.RequestBody.Value.Content)
	}
	for _, response := range op.Responses.Map() {
		contents = append(contents, response.Value.Content)
	}
	for _, content := range contents {
		if media := content.Get(typeJSON); media != nil && media.Schema != nil {
			media.Schema = c.closed(media.Schema)
		}
	}
}

// closed returns a closed copy with allOf merged into it. Alternatives stay as
// they are: what is unknown in one may be known in the other.
func (c closer) closed(ref *openapi3.SchemaRef) *openapi3.SchemaRef {
	if ref == nil || ref.Value == nil {
		return ref
	}
	if done := c[ref.Value]; done != nil {
		return done
	}
	if !mergeable(ref.Value) {
		return ref
	}
	s := *ref.Value
	copied := &openapi3.SchemaRef{Value: &s}
	c[ref.Value] = copied
	s.Properties, s.Required, s.AllOf = maps.Clone(s.Properties), slices.Clone(s.Required), nil
	if s.Properties == nil {
		s.Properties = openapi3.Schemas{}
	}
	for _, part := range ref.Value.AllOf {
		c.merge(&s, c.closed(part).Value)
	}
	for name, property := range s.Properties {
		s.Properties[name] = c.closed(property)
	}
	s.Items = c.closed(s.Items)
	if s.Type == nil && len(s.Properties) > 0 {
		s.Type = &openapi3.Types{"object"}
	}
	open := s.AdditionalProperties
	if s.Type.Is("object") && open.Has == nil && open.Schema == nil {
		s.AdditionalProperties.Has = new(false)
	}
	return copied
}

// merge adds one part of an allOf.
func (closer) merge(s, part *openapi3.Schema) {
	maps.Copy(s.Properties, part.Properties)
	s.Required = append(s.Required, part.Required...)
	s.Nullable = s.Nullable || part.Nullable
	if s.Type == nil {
		s.Type = part.Type
	}
	if s.Items == nil {
		s.Items, s.MinItems, s.MaxItems = part.Items, part.MinItems, part.MaxItems
	}
	if len(s.Enum) == 0 {
		s.Enum = part.Enum
	}
	s.MinLength = max(s.MinLength, part.MinLength)
	if s.MaxLength == nil {
		s.MaxLength = part.MaxLength
	}
	if part.AdditionalProperties.Schema != nil || part.AdditionalProperties.Has != nil && *part.AdditionalProperties.Has {
		s.AdditionalProperties = part.AdditionalProperties
	}
}

// mergeable reports whether neither the schema nor what it is made of has
// alternatives.
func mergeable(s *openapi3.Schema) bool {
	if len(s.OneOf)+len(s.AnyOf) > 0 || s.Not != nil || s.Discriminator != nil {
		return false
	}
	return !slices.ContainsFunc(s.AllOf, func(part *openapi3.SchemaRef) bool { return !mergeable(part.Value) })
}

package spec

import (
	"maps"
	"path"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// closer makes copies of schemas that allow no member they do not name. It
// remembers what it copied, because schemas refer to each other.
type closer map[*openapi3.Schema]*openapi3.SchemaRef

// closeOperation closes the request body and the JSON replies. A body without
// members has none.
func (c closer) closeOperation(op *openapi3.Operation) {
	var contents []openapi3.Content
	if op.RequestBody != nil {
		contents = append(contents, op.RequestBody.Value.Content)
	}
	for _, response := range op.Responses.Map() {
		contents = append(contents, response.Value.Content)
	}
	for _, content := range contents {
		for _, media := range content {
			if media.Schema == nil {
				continue
			}
			media.Schema = c.closed(media.Schema)
			if s := media.Schema.Value; s.Type.Is("object") && s.AdditionalProperties.Has == nil {
				s.AdditionalProperties.Has = new(false)
			}
		}
	}
}

// closed returns a closed copy with allOf and anyOf merged into it. An object
// without members, which is free, stays open.
func (c closer) closed(ref *openapi3.SchemaRef) *openapi3.SchemaRef {
	if ref == nil || ref.Value == nil {
		return ref
	}
	if done := c[ref.Value]; done != nil {
		return done
	}
	if same := alias(ref.Value); same != nil {
		return c.closed(same)
	}
	s := *ref.Value
	copied := &openapi3.SchemaRef{Ref: ref.Ref, Value: &s}
	c[ref.Value], c[&s] = copied, copied // a copy is closed already
	s.Properties, s.Required = maps.Clone(s.Properties), slices.Clone(s.Required)
	if s.Properties == nil {
		s.Properties = openapi3.Schemas{}
	}
	s.AllOf, s.AnyOf = nil, nil
	for _, part := range slices.Concat(ref.Value.AllOf, ref.Value.AnyOf) {
		c.merge(&s, c.closed(part).Value)
	}
	for name, property := range s.Properties {
		s.Properties[name] = c.closed(property)
	}
	s.Items = c.closed(s.Items)
	c.closeAlternatives(&s)
	if s.Type == nil && len(s.Properties) > 0 {
		s.Type = &openapi3.Types{"object"}
	}
	if open := s.AdditionalProperties; len(s.Properties) > 0 && open.Has == nil && open.Schema == nil {
		s.AdditionalProperties.Has = new(false)
	}
	return copied
}

// alias returns what a schema says in other words, or nil. Schemas that refer to
// themselves do so by one.
func alias(s *openapi3.Schema) *openapi3.SchemaRef {
	if len(s.AllOf) != 1 || len(s.Properties)+len(s.Required) > 0 {
		return nil
	}
	if part := s.AllOf[0]; s.Nullable == part.Value.Nullable && !s.ReadOnly && !s.WriteOnly {
		return part
	}
	return nil
}

// closeAlternatives closes each alternative. Where the member that tells them apart
// has no values, these are the names of the schemas.
func (c closer) closeAlternatives(s *openapi3.Schema) {
	if len(s.OneOf) == 0 {
		return
	}
	alternatives, mapping := make(openapi3.SchemaRefs, len(s.OneOf)), map[string]openapi3.MappingRef{}
	for i, alternative := range s.OneOf {
		alternatives[i] = &openapi3.SchemaRef{Ref: alternative.Ref, Value: c.closed(alternative).Value}
		mapping[path.Base(alternative.Ref)] = openapi3.MappingRef{Ref: alternative.Ref}
	}
	s.OneOf = alternatives
	if s.Discriminator != nil && len(s.Discriminator.Mapping) == 0 {
		pinned := *s.Discriminator
		pinned.Mapping, s.Discriminator = mapping, &pinned
	}
}

// merge adds one part of an allOf, or one alternative of an anyOf.
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
	if len(s.OneOf) == 0 {
		s.OneOf, s.Discriminator = part.OneOf, part.Discriminator
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

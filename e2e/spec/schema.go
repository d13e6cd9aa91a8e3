package spec

import (
	"slices"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
)

// Body returns the schema of an operation's request body, or nil if it has none.
func (d *Description) Body(id string) *openapi3.Schema {
	if op := d.operation(id); op.RequestBody != nil {
		for _, media := range op.RequestBody.Value.Content {
			return media.Schema.Value // there is one
		}
	}
	return nil
}

// Reply returns the schema of an operation's reply, or nil if it is not documented.
func (d *Description) Reply(id string, status int) *openapi3.Schema {
	if media := jsonOf(d.operation(id).Responses.Status(status)); media != nil {
		return media.Schema.Value
	}
	return nil
}

// Payload returns the schema of the payload of an event, or nil if there is none.
func (d *Description) Payload(trigger string) *openapi3.Schema { return d.payloads[trigger] }

// CheckPayload holds the payload of an event against the description.
func (d *Description) CheckPayload(trigger string, payload any) []error {
	schema := d.payloads[trigger]
	if schema == nil {
		return nil
	}
	return visit(trigger, schema, payload, openapi3.VisitAsResponse())
}

// Statuses returns the documented statuses of an operation, sorted: first the
// success.
func (d *Description) Statuses(id string) []int {
	var all []int
	for text := range d.operation(id).Responses.Map() {
		if status, err := strconv.Atoi(text); err == nil {
			all = append(all, status)
		}
	}
	slices.Sort(all)
	return all
}

// BodyExamples returns the published examples of an operation's request body.
func (d *Description) BodyExamples(id string) []any {
	if op := d.operation(id); op.RequestBody != nil {
		return examplesOf(op.RequestBody.Value.Content.Get(typeJSON))
	}
	return nil
}

// Queries returns the names of the query parameters of an operation. One that is an
// object has a name for each member: "page[after]".
func (d *Description) Queries(id string) []string {
	var names []string
	for _, item := range d.doc.Paths.Map() {
		for _, op := range item.Operations() {
			if op.OperationID != id {
				continue
			}
			for _, ref := range slices.Concat(op.Parameters, item.Parameters) {
				p := ref.Value
				switch {
				case p.In != openapi3.ParameterInQuery:
				case p.Schema.Value.Type.Is(openapi3.TypeObject):
					for member := range p.Schema.Value.Properties {
						names = append(names, p.Name+"["+member+"]")
					}
				default:
					names = append(names, p.Name)
				}
			}
		}
	}
	slices.Sort(names)
	return names
}

// Alternatives returns the schemas that a schema leaves the choice of, each with the
// value of the member that tells them apart, or with a number if there is none. A
// schema without a choice has itself, by the name "".
func Alternatives(s *openapi3.Schema) map[string]*openapi3.Schema {
	all := map[string]*openapi3.Schema{}
	switch {
	case len(s.OneOf) == 0:
		all[""] = s
	case s.Discriminator == nil:
		for i, alternative := range s.OneOf {
			all[strconv.Itoa(i)] = alternative.Value
		}
	default:
		for value, target := range s.Discriminator.Mapping {
			at := slices.IndexFunc(s.OneOf, func(ref *openapi3.SchemaRef) bool { return ref.Ref == target.Ref })
			all[value] = s.OneOf[at].Value
		}
	}
	return all
}

package lenient

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// Reader reads a text in one pass. Close it when it is no longer used.
type Reader struct {
	decoder jsontext.Decoder
	input   bytes.Buffer
	text    []byte
	names   [][]byte            // that Object has seen
	more    map[string]struct{} // in place of names when there are many
}

var readers = sync.Pool{New: func() any { return new(Reader) }}

// NewReader returns a Reader of a text.
func NewReader(text []byte) *Reader {
	r := readers.Get().(*Reader)
	r.names, r.more, r.text = r.names[:0], nil, text
	r.input = *bytes.NewBuffer(text)
	r.decoder.Reset(&r.input, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	return r
}

// Close gives the Reader back. It holds the text until it is used again, or the pool
// drops it.
func (r *Reader) Close() { readers.Put(r) }

// Object reads the whole text, which must be an object; see [Object]. Visit reads
// the value of the member that it is called with.
func (r *Reader) Object(visit func(name []byte) error) error {
	isObject := r.decoder.PeekKind() == '{'
	_, err := r.Members(func(name []byte) error {
		if r.repeated(name) {
			return ErrRepeated
		}
		return visit(name)
	})
	if err == nil {
		if _, end := r.decoder.ReadToken(); end != io.EOF {
			err = ErrSyntax
		}
	}
	switch {
	case err == ErrRepeated:
		return err
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return ErrIncomplete
	case err != nil:
		return ErrSyntax
	case !isObject:
		return ErrNotObject
	}
	return nil
}

// Members reads the next value and returns it as it stands in the text. If it is
// an object, it calls visit with the name of each member; visit reads the value.
func (r *Reader) Members(visit func(name []byte) error) (jsontext.Value, error) {
	if r.decoder.PeekKind() != '{' {
		return r.Value()
	}
	if _, err := r.decoder.ReadToken(); err != nil {
		return nil, err
	}
	begin := int(r.decoder.InputOffset()) - 1
	for r.decoder.PeekKind() != '}' {
		name, err := r.Value()
		if err != nil {
			return nil, err
		}
		if err := visit(Unquote(name)); err != nil {
			return nil, err
		}
	}
	_, err := r.decoder.ReadToken()
	end := int(r.decoder.InputOffset())
	return r.text[begin:end:end], err
}

// Elements reads the next value. If it is a list, it calls visit for each
// element, which visit reads, and reports true.
func (r *Reader) Elements(visit func() error) (isList bool, err error) {
	if r.decoder.PeekKind() != '[' {
		return false, r.decoder.SkipValue()
	}
	if _, err := r.decoder.ReadToken(); err != nil {
		return true, err
	}
	for r.decoder.PeekKind() != ']' {
		if err := visit(); err != nil {
			return true, err
		}
	}
	_, err = r.decoder.ReadToken()
	return true, err
}

// Value reads the next value and returns it as it stands in the text.
func (r *Reader) Value() (jsontext.Value, error) {
	value, err := r.decoder.ReadValue()
	end := int(r.decoder.InputOffset())
	return r.text[end-len(value) : end : end], err
}

// repeated notes a name and reports whether it was noted before.
func (r *Reader) repeated(name []byte) bool {
	const few = 8
	if r.more == nil {
		if slices.ContainsFunc(r.names, func(seen []byte) bool { return bytes.Equal(seen, name) }) {
			return true
		}
		if r.names = append(r.names, name); len(r.names) > few {
			r.more = make(map[string]struct{}, 2*few)
			for _, seen := range r.names {
				r.more[string(seen)] = struct{}{}
			}
		}
		return false
	}
	_, found := r.more[string(name)]
	r.more[string(name)] = struct{}{}
	return found
}

package messaging

import "encoding/json"

// Content is what a message says: a *[TextMessage], *[ImageMessage],
// *[FileMessage], *[CarouselMessage], *[ListMessage], *[FormMessage],
// *[FormResponseMessage], *[LocationMessage], *[TemplateMessage], or
// *[RawContent] for every other type. Only pointers are a Content, built or
// received.
//
// Members that Zendesk fills in, such as the size of a file, are marked "not
// sent".
//
// https://developer.zendesk.com/api-reference/conversations/#operation/PostMessage
type Content interface {
	// ContentType returns the type in the JSON: "text". It may be one that this
	// package does not know.
	ContentType() string

	check(l *limits, name string)
}

// The types of content.
const (
	ContentText         = "text"
	ContentImage        = "image"
	ContentFile         = "file"
	ContentCarousel     = "carousel"
	ContentList         = "list"
	ContentForm         = "form"
	ContentFormResponse = "formResponse"
	ContentLocation     = "location"
	ContentTemplate     = "template"
)

// TextMessage is a text, with buttons or without. MarkdownText is rendered to
// HTML by Zendesk; it and HTMLText exclude each other.
type TextMessage struct {
	Text           string     `json:"text,omitzero"`           // at most 4096 characters, see SplitText
	HTMLText       string     `json:"htmlText,omitzero"`       // at most 4096 characters
	MarkdownText   string     `json:"markdownText,omitzero"`   // at most 4096 characters; never received
	BlockChatInput bool       `json:"blockChatInput,omitzero"` // disables typing while the message is the last
	Actions        ActionList `json:"actions,omitzero"`        // buttons and quick replies
	Payload        string     `json:"payload,omitzero"`        // of the quick reply that the user chose
}

// ImageMessage is an image.
type ImageMessage struct {
	MediaURL       string     `json:"mediaUrl"`
	MediaType      string     `json:"mediaType,omitzero"` // not sent
	MediaSize      int64      `json:"mediaSize,omitzero"` // bytes; not sent
	AltText        string     `json:"altText,omitzero"`   // at most 128 characters; empty: the file's name
	Text           string     `json:"text,omitzero"`
	HTMLText       string     `json:"htmlText,omitzero"`
	MarkdownText   string     `json:"markdownText,omitzero"`
	BlockChatInput bool       `json:"blockChatInput,omitzero"`
	Actions        ActionList `json:"actions,omitzero"`
	AttachmentID   string     `json:"attachmentId,omitzero"` // Zendesk's own
}

// FileMessage is a file.
type FileMessage struct {
	MediaURL       string `json:"mediaUrl"`
	MediaType      string `json:"mediaType,omitzero"` // not sent
	MediaSize      int64  `json:"mediaSize,omitzero"` // bytes; not sent
	AltText        string `json:"altText,omitzero"`   // at most 128 characters; empty: the file's name
	Text           string `json:"text,omitzero"`
	HTMLText       string `json:"htmlText,omitzero"`
	MarkdownText   string `json:"markdownText,omitzero"`
	BlockChatInput bool   `json:"blockChatInput,omitzero"`
	AttachmentID   string `json:"attachmentId,omitzero"` // Zendesk's own
}

// CarouselMessage is 1 to 10 items side by side.
type CarouselMessage struct {
	Text            string          `json:"text,omitzero"` // for channels without carousels; not sent
	BlockChatInput  bool            `json:"blockChatInput,omitzero"`
	Items           []Item          `json:"items"`
	DisplaySettings DisplaySettings `json:"displaySettings,omitzero"`
}

// DisplaySettings is the layout of a carousel.
type DisplaySettings struct {
	ImageAspectRatio string `json:"imageAspectRatio,omitzero"` // AspectHorizontal if empty
}

// The values of [DisplaySettings].
const (
	AspectHorizontal = "horizontal"
	AspectSquare     = "square"
)

// ListMessage is 1 to 10 items one below the other.
type ListMessage struct {
	Text           string     `json:"text,omitzero"` // for channels without lists; not sent
	BlockChatInput bool       `json:"blockChatInput,omitzero"`
	Items          []Item     `json:"items"`
	Actions        ActionList `json:"actions,omitzero"` // at most 10, of the types that an Item may have
}

// Item is an entry of a [CarouselMessage] or a [ListMessage].
type Item struct {
	Title       string     `json:"title"`                // 1 to 128 characters
	Description string     `json:"description,omitzero"` // at most 128 characters
	MediaURL    string     `json:"mediaUrl,omitzero"`    // of an image
	MediaType   string     `json:"mediaType,omitzero"`
	AltText     string     `json:"altText,omitzero"`  // at most 128 characters; empty: the file's name
	Size        string     `json:"size,omitzero"`     // SizeCompact or SizeLarge
	Actions     ActionList `json:"actions"`           // 1 to 3: Buy, Link, Postback, Webview
	Metadata    Metadata   `json:"metadata,omitzero"` // comes back with a postback
}

// The sizes of an [Item]'s image and of a [WebviewAction].
const (
	SizeCompact = "compact"
	SizeLarge   = "large" // of an image
	SizeTall    = "tall"  // of a webview
	SizeFull    = "full"  // of a webview
)

// FormMessage is a form of 1 to 20 fields. What the user enters arrives as a
// [FormResponseMessage].
type FormMessage struct {
	Submitted      bool        `json:"submitted,omitzero"` // not sent
	BlockChatInput bool        `json:"blockChatInput,omitzero"`
	Fields         []FormField `json:"fields"`
	Text           string      `json:"text,omitzero"` // shown above the form's link on channels without forms
}

// FormResponseMessage is a form that a user submitted. It cannot be sent.
type FormResponseMessage struct {
	Fields       []FormField `json:"fields"`
	TextFallback string      `json:"textFallback,omitzero"` // "label: value" of each field, one a line
}

// FormField is a field of a form. The answer is in Text, Email or Select by
// the field's type, and empty in a form that is sent.
type FormField struct {
	Type  string `json:"type"`  // FieldText, FieldEmail or FieldSelect
	Name  string `json:"name"`  // identifies the field; 1 to 128 characters
	Label string `json:"label"` // shown to the user; 1 to 128 characters

	Placeholder string       `json:"placeholder,omitzero"` // at most 128 characters
	MinSize     int          `json:"minSize,omitzero"`     // characters of a text answer; 0: 1
	MaxSize     int          `json:"maxSize,omitzero"`     // characters of a text answer, at most 256; 0: 128
	Format      string       `json:"format,omitzero"`      // FormatInteger, FormatDecimal, or any text
	Options     []FormOption `json:"options,omitzero"`     // of a select field, at most 200

	Text            string       `json:"text,omitzero"`            // the answer of a text field
	Email           string       `json:"email,omitzero"`           // the answer of an email field
	Select          []FormOption `json:"select,omitzero"`          // the answer of a select field
	QuotedMessageID string       `json:"quotedMessageId,omitzero"` // of the form, in a response
}

// The types and formats of a [FormField].
const (
	FieldText     = "text"
	FieldEmail    = "email"
	FieldSelect   = "select"
	FormatInteger = "integer"
	FormatDecimal = "decimal"
)

// FormOption is a choice of a select field.
type FormOption struct {
	Name  string `json:"name"`  // identifies the option; 1 to 128 characters
	Label string `json:"label"` // shown to the user; 1 to 128 characters
}

// LocationMessage is a place on the map.
type LocationMessage struct {
	Text           string      `json:"text,omitzero"` // for channels without locations; not sent
	BlockChatInput bool        `json:"blockChatInput,omitzero"`
	Coordinates    Coordinates `json:"coordinates"`
	Location       Place       `json:"location,omitzero"`
}

// Coordinates are degrees of latitude and longitude.
type Coordinates struct {
	Lat  float64 `json:"lat"`
	Long float64 `json:"long"`
}

// Place describes a location.
type Place struct {
	Address string `json:"address,omitzero"`
	Name    string `json:"name,omitzero"`
}

// TemplateMessage is a message template of WhatsApp's, in WhatsApp's own JSON.
type TemplateMessage struct {
	BlockChatInput bool            `json:"blockChatInput,omitzero"`
	Template       json.RawMessage `json:"template"`
}

// RawContent is a content as JSON. One that is received has a type that this
// package does not know; one that is built can be anything that Zendesk
// accepts. JSON is a whole object with its type, and is sent unchanged. Type is
// what was read from it, and is not sent by itself.
type RawContent struct {
	Type string
	JSON json.RawMessage
}

// Text makes a text message, with buttons or quick replies.
func Text(text string, actions ...Action) *TextMessage {
	return &TextMessage{Text: text, Actions: actions}
}

// Image makes an image message from the URL of an image, for example that of
// an [Attachment].
func Image(mediaURL string) *ImageMessage { return &ImageMessage{MediaURL: mediaURL} }

// File makes a file message from the URL of a file, for example that of an
// [Attachment].
func File(mediaURL string) *FileMessage { return &FileMessage{MediaURL: mediaURL} }

// Carousel makes a carousel of 1 to 10 items.
func Carousel(items ...Item) *CarouselMessage { return &CarouselMessage{Items: items} }

// List makes a list of 1 to 10 items.
func List(items ...Item) *ListMessage { return &ListMessage{Items: items} }

// Form makes a form of 1 to 20 fields.
func Form(fields ...FormField) *FormMessage { return &FormMessage{Fields: fields} }

// Location makes a location message from degrees of latitude and longitude.
func Location(lat, long float64) *LocationMessage {
	return &LocationMessage{Coordinates: Coordinates{Lat: lat, Long: long}}
}

// Template makes a template message from a template in WhatsApp's JSON.
func Template(template json.RawMessage) *TemplateMessage { return &TemplateMessage{Template: template} }

// newContent returns an empty content of a type, nil if it is not known.
func newContent(kind string) Content {
	switch kind {
	case ContentText:
		return new(TextMessage)
	case ContentImage:
		return new(ImageMessage)
	case ContentFile:
		return new(FileMessage)
	case ContentCarousel:
		return new(CarouselMessage)
	case ContentList:
		return new(ListMessage)
	case ContentForm:
		return new(FormMessage)
	case ContentFormResponse:
		return new(FormResponseMessage)
	case ContentLocation:
		return new(LocationMessage)
	case ContentTemplate:
		return new(TemplateMessage)
	}
	return nil
}

// sendable returns a content without what Zendesk fills in.
func sendable(content Content) Content {
	switch c := content.(type) {
	case *ImageMessage:
		sent := *c
		sent.MediaType, sent.MediaSize = "", 0
		return &sent
	case *FileMessage:
		sent := *c
		sent.MediaType, sent.MediaSize = "", 0
		return &sent
	case *CarouselMessage:
		sent := *c
		sent.Text = ""
		return &sent
	case *ListMessage:
		sent := *c
		sent.Text = ""
		return &sent
	case *FormMessage:
		sent := *c
		sent.Submitted = false
		return &sent
	case *LocationMessage:
		sent := *c
		sent.Text = ""
		return &sent
	}
	return content
}

// ContentType returns "text".
func (*TextMessage) ContentType() string { return ContentText }

// ContentType returns "image".
func (*ImageMessage) ContentType() string { return ContentImage }

// ContentType returns "file".
func (*FileMessage) ContentType() string { return ContentFile }

// ContentType returns "carousel".
func (*CarouselMessage) ContentType() string { return ContentCarousel }

// ContentType returns "list".
func (*ListMessage) ContentType() string { return ContentList }

// ContentType returns "form".
func (*FormMessage) ContentType() string { return ContentForm }

// ContentType returns "formResponse".
func (*FormResponseMessage) ContentType() string { return ContentFormResponse }

// ContentType returns "location".
func (*LocationMessage) ContentType() string { return ContentLocation }

// ContentType returns "template".
func (*TemplateMessage) ContentType() string { return ContentTemplate }

// ContentType returns c.Type.
func (c *RawContent) ContentType() string { return c.Type }

// MarshalJSON implements [encoding/json.Marshaler]: the fields and the type.
func (m TextMessage) MarshalJSON() ([]byte, error) {
	type fields TextMessage
	return encodeTyped(ContentText, fields(m))
}

// MarshalJSON implements [encoding/json.Marshaler]: the fields and the type.
func (m ImageMessage) MarshalJSON() ([]byte, error) {
	type fields ImageMessage
	return encodeTyped(ContentImage, fields(m))
}

// MarshalJSON implements [encoding/json.Marshaler]: the fields and the type.
func (m FileMessage) MarshalJSON() ([]byte, error) {
	type fields FileMessage
	return encodeTyped(ContentFile, fields(m))
}

// MarshalJSON implements [encoding/json.Marshaler]: the fields and the type.
func (m CarouselMessage) MarshalJSON() ([]byte, error) {
	type fields CarouselMessage
	return encodeTyped(ContentCarousel, fields(m))
}

// MarshalJSON implements [encoding/json.Marshaler]: the fields and the type.
func (m ListMessage) MarshalJSON() ([]byte, error) {
	type fields ListMessage
	return encodeTyped(ContentList, fields(m))
}

// MarshalJSON implements [encoding/json.Marshaler]: the fields and the type.
func (m FormMessage) MarshalJSON() ([]byte, error) {
	type fields FormMessage
	return encodeTyped(ContentForm, fields(m))
}

// MarshalJSON implements [encoding/json.Marshaler]: the fields and the type.
func (m FormResponseMessage) MarshalJSON() ([]byte, error) {
	type fields FormResponseMessage
	return encodeTyped(ContentFormResponse, fields(m))
}

// MarshalJSON implements [encoding/json.Marshaler]: the fields and the type.
func (m LocationMessage) MarshalJSON() ([]byte, error) {
	type fields LocationMessage
	return encodeTyped(ContentLocation, fields(m))
}

// MarshalJSON implements [encoding/json.Marshaler]: the fields and the type.
func (m TemplateMessage) MarshalJSON() ([]byte, error) {
	type fields TemplateMessage
	return encodeTyped(ContentTemplate, fields(m))
}

// MarshalJSON implements [encoding/json.Marshaler]: c.JSON.
func (c RawContent) MarshalJSON() ([]byte, error) { return c.JSON.MarshalJSON() }

package main

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"github.com/sunco-go/sunco/internal/ident"
	"github.com/sunco-go/sunco/messaging"
)

type object = map[string]any

func text(said string) object { return object{"type": "text", "text": said} }

// byUser and byBusiness are messages.
func (p *probe) byUser(said string) object {
	return object{"author": object{"type": "user", "userExternalId": p.mark}, "content": text(said)}
}

func byBusiness(content object) object {
	return object{"author": object{"type": "business"}, "content": content}
}

// people are deleted with all they wrote.
func (p *probe) people() thing {
	return thing{what: "a user with two conversations", path: "/users/" + p.mark}
}

// makeTalks makes the user under whom everything else is deleted.
func makeTalks(ctx context.Context, p *probe) error {
	p.made = append(p.made, p.people())
	r, err := p.must(ctx, http.MethodPost, "/users", object{
		"externalId": p.mark, "profile": object{"givenName": "Probe"},
	})
	if err != nil {
		return err
	}
	p.user = r.id("user", "id")
	for i := range p.talks {
		r, err := p.must(ctx, http.MethodPost, "/conversations", object{
			"type": "personal", "displayName": "Probe", "metadata": object{"first": "1"},
			"participants": []object{{"userExternalId": p.mark}},
		})
		if err != nil {
			return err
		}
		p.talks[i] = r.id("conversation", "id")
	}
	p.inbox.look(func() {
		for _, id := range []string{p.user, p.talks[0], p.talks[1]} {
			p.inbox.own[id] = id != "" // an event without an id has the empty one
		}
	})
	return nil
}

// talk is the path of one of the conversations.
func (p *probe) talk(n int) (string, error) {
	if p.talks[n] == "" {
		return "", noAnswer("there is no conversation")
	}
	return "/conversations/" + p.talks[n], nil
}

// post writes to one of the conversations and returns the id of the message.
func (p *probe) post(ctx context.Context, n int, message object) (string, error) {
	talk, err := p.talk(n)
	if err != nil {
		return "", err
	}
	r, err := p.must(ctx, http.MethodPost, talk+"/messages", message)
	if err != nil {
		return "", err
	}
	list := r.list("messages")
	if len(list) == 0 {
		return "", noAnswer("a message was posted, but the reply has none")
	}
	last, _ := list[len(list)-1].(object)
	id, _ := last["id"].(string)
	if !ident.Valid(id) {
		return "", noAnswer("a message was posted, but the reply has no id of it")
	}
	return id, nil
}

func askUnknownMember(ctx context.Context, p *probe) error {
	if p.user == "" {
		return noAnswer("there is no user")
	}
	r, err := p.call(ctx, http.MethodPatch, "/users/"+p.mark, object{
		"profile": object{"givenName": "Probe"}, "suncoProbe": "1",
	})
	if err != nil {
		return err
	}
	if !r.ok() {
		p.note("the reply: %s", p.api.says(r))
	}
	p.set("Strict", is(!r.ok()))
	return nil
}

// update changes the first conversation and returns it as it is then.
func (p *probe) update(ctx context.Context, change object) (reply, error) {
	talk, err := p.talk(0)
	if err != nil {
		return reply{}, err
	}
	if _, err := p.must(ctx, http.MethodPatch, talk, change); err != nil {
		return reply{}, err
	}
	return p.must(ctx, http.MethodGet, talk, nil)
}

func askNull(ctx context.Context, p *probe) error {
	r, err := p.update(ctx, object{"displayName": nil})
	if err == nil {
		p.set("NullKept", is(r.text("conversation", "displayName") != ""))
	}
	return err
}

func askMetadata(ctx context.Context, p *probe) error {
	r, err := p.update(ctx, object{"metadata": object{"second": "2"}})
	if err != nil {
		return err
	}
	if r.text("conversation", "metadata", "second") == "" {
		return noAnswer("the conversation does not have the new metadata")
	}
	p.set("MetadataMerges", is(r.text("conversation", "metadata", "first") != ""))
	return nil
}

func askAI(ctx context.Context, p *probe) error {
	talk, err := p.talk(0)
	if err != nil {
		return err
	}
	r, err := p.must(ctx, http.MethodPost, talk+"/messages", object{
		"author": object{"type": "business", "subtypes": []string{"AI"}}, "content": text("probe: an AI writes"),
	})
	if err == nil {
		p.set("AIDisclaimer", is(len(r.list("messages")) > 1))
	}
	return err
}

func askTexts(ctx context.Context, p *probe) error {
	talk, err := p.talk(0)
	if err != nil {
		return err
	}
	var fits [3]bool
	for i, try := range []struct{ what, text string }{
		{"4,096 characters", strings.Repeat("x", 4096)},
		{"4,097 characters", strings.Repeat("x", 4097)},
		{"4,095 characters and an emoji", strings.Repeat("x", 4095) + "🛒"},
	} {
		r, err := p.call(ctx, http.MethodPost, talk+"/messages", byBusiness(text(try.text)))
		if err != nil {
			return err
		}
		p.note("%s: %s", try.what, p.api.says(r))
		fits[i] = r.ok()
	}
	if !fits[0] || fits[1] {
		return noAnswer("the limit is not 4,096 characters")
	}
	p.set("UTF16", is(!fits[2]))
	return nil
}

func askMessages(ctx context.Context, p *probe) error {
	first, err := p.post(ctx, 0, byBusiness(text("probe: the first")))
	if err != nil {
		return err
	}
	second, err := p.post(ctx, 0, byBusiness(text("probe: the second")))
	if err != nil {
		return err
	}
	ids, err := p.messages(ctx)
	if err != nil {
		return err
	}
	one, two := slices.Index(ids, first), slices.Index(ids, second)
	if one < 0 || two < 0 {
		return noAnswer("the list does not have the messages")
	}
	p.set("NewestFirst", is(two < one))
	talk, _ := p.talk(0) // it was there
	if _, err := p.must(ctx, http.MethodDelete, talk+"/messages/"+first, nil); err != nil {
		return err
	}
	if ids, err = p.messages(ctx); err != nil {
		return err
	}
	p.set("Placeholders", is(slices.Contains(ids, first)))
	return nil
}

// messages lists the ids of the first conversation's messages.
func (p *probe) messages(ctx context.Context) ([]string, error) {
	talk, err := p.talk(0)
	if err != nil {
		return nil, err
	}
	r, err := p.must(ctx, http.MethodGet, talk+"/messages", nil)
	var ids []string
	for _, m := range r.list("messages") {
		message, _ := m.(object)
		id, _ := message["id"].(string)
		ids = append(ids, id)
	}
	return ids, err
}

func askAttachments(ctx context.Context, p *probe) error {
	mediaURL, err := p.upload(ctx)
	if err != nil {
		return err
	}
	uploaded := thing{what: "an attachment", mediaURL: mediaURL}
	p.made = append(p.made, uploaded)
	defer p.unmake(ctx, uploaded)
	file := byBusiness(object{"type": "file", "mediaUrl": mediaURL})
	if _, err := p.post(ctx, 0, file); err != nil {
		return err
	}
	talk, err := p.talk(1)
	if err != nil {
		return err
	}
	r, err := p.call(ctx, http.MethodPost, talk+"/messages", file)
	if err != nil {
		return err
	}
	p.note("in the other conversation: %s", p.api.says(r))
	p.set("ForeignMedia", is(r.ok()))
	if !strings.HasPrefix(mediaURL, p.api.home+"/attachments/") {
		p.note("the file is not at the account's own host")
	}
	ask := request{method: http.MethodGet, url: mediaURL, bare: true}
	open, err := p.api.send(ctx, ask)
	if err == nil && open.status != http.StatusOK {
		open, err = p.again(ctx, ask, open)
	}
	if err != nil {
		return err
	}
	p.note("without a token: %s", p.api.says(open))
	switch {
	case open.status == http.StatusOK:
		p.set("PrivateAttachments", is(false))
	case strings.HasPrefix(mediaURL, p.api.home+"/attachments/"):
		with, err := p.api.send(ctx, request{method: http.MethodGet, url: mediaURL, token: p.token})
		if err != nil || with.status != http.StatusOK {
			return noAnswer("the file cannot be downloaded with a token either")
		}
		p.set("PrivateAttachments", is(true))
	}
	return nil
}

// upload uploads a small file for the first conversation.
func (p *probe) upload(ctx context.Context) (mediaURL string, err error) {
	if p.talks[0] == "" {
		return "", noAnswer("there is no conversation")
	}
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	part, _ := parts.CreateFormFile("source", "probe.txt") // a buffer cannot fail
	_, _ = fmt.Fprintln(part, "A file of the probe's.")
	_ = parts.Close()
	r, err := p.api.send(ctx, request{
		method: http.MethodPost, token: p.token, file: &form, contentType: parts.FormDataContentType(),
		url: p.at("/attachments?access=public&conversationId=" + p.talks[0]),
	})
	if err != nil {
		return "", err
	}
	if mediaURL = r.text("attachment", "mediaUrl"); !r.ok() || !strings.HasPrefix(mediaURL, "http") {
		return "", noAnswer("an upload was answered " + p.api.says(r))
	}
	return mediaURL, nil
}

// control returns the integration in control of a conversation, which may be empty.
func (p *probe) control(ctx context.Context, n int) (string, error) {
	talk, err := p.talk(n)
	if err != nil {
		return "", err
	}
	r, err := p.must(ctx, http.MethodGet, talk, nil)
	return r.text("conversation", "activeSwitchboardIntegration", "name"), err
}

func askControl(ctx context.Context, p *probe) error {
	if _, err := p.post(ctx, 0, p.byUser("probe: the user writes")); err != nil {
		return err
	}
	talk, _ := p.talk(0) // it was there
	r, err := p.call(ctx, http.MethodPost, talk+"/passControl", object{
		"switchboardIntegration": "sunco-probe-" + random(),
	})
	if err != nil {
		return err
	}
	p.note("control passed to an invented integration: %s", p.api.says(r))
	p.set("ControlRefused", is(!r.ok()))

	before, err := p.control(ctx, 0)
	if err != nil {
		return err
	}
	p.note("in control after a message of the user: %q", before)
	if before == "" {
		p.ticket = true
		_, _ = p.call(ctx, http.MethodPost, talk+"/passControl", object{"switchboardIntegration": messaging.AgentWorkspace})
		if before, err = p.control(ctx, 0); err != nil {
			return err
		}
	}
	p.set("NoSwitchboard", is(before == ""))
	if before == "" {
		return noAnswer("no integration is in control")
	}
	return p.release(ctx, talk, before)
}

// release gives up control, which an integration has, and looks who has it then.
func (p *probe) release(ctx context.Context, talk, before string) error {
	r, err := p.call(ctx, http.MethodPost, talk+"/releaseControl", object{})
	if err != nil {
		return err
	}
	if !r.ok() {
		return noAnswer("the bot could not release control: " + p.api.says(r))
	}
	after, err := p.control(ctx, 0)
	if err != nil {
		return err
	}
	p.note("in control after the release: %q", after)
	said := byBusiness(text("probe: after the release"))
	if r, err = p.call(ctx, http.MethodPost, talk+"/messages", said); err != nil {
		return err
	}
	p.note("a message of the bot then: %s", p.api.says(r))
	if after != "" && after != before {
		return noAnswer("another integration is in control then")
	}
	p.set("ReleaseToDefault", is(after == before))
	return nil
}

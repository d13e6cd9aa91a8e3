package main

import (
	"fmt"
	"go/format"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/sunco-go/sunco/suncotest"
)

// finding is what came of a question.
type finding struct {
	question *question
	notes    []string
	answers  map[string]answer // by field of suncotest.Behavior
}

// report writes what was found out, and last the literal.
func (p *probe) report() error {
	var b strings.Builder
	fmt.Fprint(&b, "\nWhat was found out\n")
	for _, f := range p.findings {
		fmt.Fprintf(&b, "\n%s\n  asked with: %s\n", f.question.name, f.question.how)
		for _, note := range f.notes {
			fmt.Fprintf(&b, "  %s\n", note)
		}
		for _, field := range f.question.fields {
			fmt.Fprintf(&b, "  %s: %v\n", field, f.answers[field])
		}
	}
	fmt.Fprint(&b, "\nRetry-After\n")
	if p.api.retryAfter == nil {
		fmt.Fprint(&b, "  not seen in this run\n")
	}
	for _, seen := range p.api.retryAfter {
		fmt.Fprintf(&b, "  %s\n", seen)
	}
	fmt.Fprint(&b, "\nWhat the probe cannot see\n")
	for _, field := range slices.Sorted(maps.Keys(unaskable())) {
		fmt.Fprintf(&b, "  %s: %s\n", field, unaskable()[field])
	}
	fmt.Fprint(&b, "\nTo be looked at by hand, on this account\n")
	for _, item := range checklist() {
		fmt.Fprintf(&b, "  [ ] %s\n", item)
	}
	p.writeStays(&b)
	literal, err := p.literal()
	if err != nil {
		return err
	}
	fmt.Fprintf(&b, "\nFor the tests of a bot\n\n%s\n", literal)
	_, err = io.WriteString(p.out, b.String())
	return err
}

// writeStays says what the run left behind.
func (p *probe) writeStays(w io.Writer) {
	fmt.Fprint(w, "\nWhat stays\n")
	if len(p.made) == 0 {
		fmt.Fprint(w, "  nothing that the probe made\n")
	}
	p.writeMade(w)
	if p.ticket {
		fmt.Fprint(w, "  a ticket may stay in the Agent Workspace, with the name Probe; close it there\n")
	}
}

// literal is a [suncotest.Behavior] that behaves as was seen.
func (p *probe) literal() (string, error) {
	var b strings.Builder
	fmt.Fprint(&b, "suncotest.Behavior{\n")
	for field := range reflect.TypeFor[suncotest.Behavior]().Fields() {
		a := p.answerTo(field.Name)
		if a.literal == nil || reflect.ValueOf(a.literal).IsZero() {
			continue
		}
		fmt.Fprintf(&b, "\t%s: %s,", field.Name, spell(a.literal, "suncotest."))
		if a.kind != exact {
			fmt.Fprintf(&b, " // %v", a)
		}
		fmt.Fprint(&b, "\n")
	}
	fmt.Fprint(&b, "}\n")
	text, err := format.Source([]byte(b.String()))
	return string(text), err
}

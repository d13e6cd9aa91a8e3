package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/sunco-go/sunco/suncotest"
)

// kind says how sure an answer is.
type kind int

const (
	notAsked kind = iota
	exact
	interval
	atLeast
	notSeen
)

// answer is what was found out about a field of [suncotest.Behavior].
type answer struct {
	kind      kind
	seen      any           // the value, or the bound of at least
	low, high time.Duration // of an interval
	literal   any           // for the literal; nil: the field is left out
	why       string        // it was not asked, or in what it was not seen
}

func is(value any) answer { return answer{kind: exact, seen: value, literal: value} }

func between(low, high time.Duration, literal any) answer {
	return answer{kind: interval, low: low, high: high, literal: literal}
}

func least(bound, literal any) answer { return answer{kind: atLeast, seen: bound, literal: literal} }

func unseen(in string) answer { return answer{kind: notSeen, why: in} }

func unasked(why string) answer { return answer{why: why} }

// String is the answer in the report.
func (a answer) String() string {
	switch a.kind {
	case exact:
		return spell(a.seen, "")
	case interval:
		return fmt.Sprintf("between %v and %v", a.low.Round(time.Millisecond), a.high.Round(time.Millisecond))
	case atLeast:
		return fmt.Sprintf("at least %v", a.seen)
	case notSeen:
		return "not seen in " + a.why
	}
	return "not asked: " + a.why
}

// spell writes a value as Go source, with the name of the package in front of constants.
func spell(value any, suncotestDot string) string {
	switch v := value.(type) {
	case string:
		return fmt.Sprintf("%q", v)
	case time.Duration:
		return spellDuration(v)
	case suncotest.ErrorShape:
		return suncotestDot + [...]string{"ErrorsArray", "ErrorObject", "ErrorRFC6749", "ErrorHTML", "ErrorText",
			"ErrorEmpty", "ErrorSentence", "ErrorFront"}[v]
	case suncotest.UnknownHost:
		return suncotestDot + [...]string{"HostFront", "HostPage", "HostAPIError", "HostUnresolvable"}[v]
	case suncotest.ProbeAnswer:
		return suncotestDot + [...]string{"Probe2xx", "ProbeAny", "ProbeNoNeed"}[v]
	case suncotest.TargetForm:
		var names []string
		for i, name := range []string{"TargetLowerHost", "TargetNoPort", "TargetSlash"} {
			if v&(1<<i) != 0 {
				names = append(names, suncotestDot+name)
			}
		}
		if names == nil {
			return "0"
		}
		return strings.Join(names, " | ")
	}
	return fmt.Sprint(value)
}

func spellDuration(d time.Duration) string {
	for _, unit := range []struct {
		name string
		time.Duration
	}{{"time.Hour", time.Hour}, {"time.Minute", time.Minute}, {"time.Second", time.Second},
		{"time.Millisecond", time.Millisecond}} {
		if d != 0 && d%unit.Duration == 0 {
			return fmt.Sprintf("%d * %s", d/unit.Duration, unit.name)
		}
	}
	return fmt.Sprintf("time.Duration(%d)", int64(d))
}

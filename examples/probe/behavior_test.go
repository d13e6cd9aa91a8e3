package main

import (
	"context"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

type behavior = suncotest.Behavior

// grid has the values that are drawn of the fields that are not true or false. The probe
// can tell them apart.
var grid = map[string][]any{
	"UnknownHost":       {suncotest.HostFront, suncotest.HostPage, suncotest.HostAPIError, suncotest.HostUnresolvable},
	"MarketplaceStatus": {0, 400, 401, 404}, "OtherAppStatus": {0, 401, 404}, "UnknownClientStatus": {0, 400, 403},
	"DenyDescription": {"", "The customer said no"},
	"CodeLifetime": {
		0 * time.Second, 30 * time.Second, 5 * time.Minute, 15 * time.Minute, 20 * time.Minute, time.Hour,
	},
	"TokenErrorStatus": {0, 400, 401, 403}, "TokenErrorShape": shapes, "TokenLifetime": {0 * time.Second, 2 * time.Hour},
	"RevokedStatus": {0, 403, 404}, "RevokedShape": shapes,
	"UnknownTriggerStatus": {0, 400, 422}, "WebhookLimit": {0, 1, 2, 5, 10, 20}, "WebhookLimitStatus": {0, 403, 409, 429},
	"ProbeCounts":           {suncotest.Probe2xx, suncotest.ProbeAny, suncotest.ProbeNoNeed},
	"TargetForm":            forms(),
	"DeliveryRetryInterval": {0 * time.Second, 10 * time.Second, 2 * time.Minute, 7 * time.Minute},
	"DeliveryCopies":        {0, 1, 2},
	"RemoveDelay":           {0 * time.Second, 2 * time.Second, 30 * time.Second},
	"RemoveRetries":         {0, 1, 3}, "RemoveRetryInterval": {0 * time.Second, 10 * time.Second, 2 * time.Minute},
}

var shapes = []any{
	suncotest.ErrorsArray, suncotest.ErrorObject, suncotest.ErrorRFC6749, suncotest.ErrorHTML, suncotest.ErrorText,
	suncotest.ErrorEmpty, suncotest.ErrorSentence, suncotest.ErrorFront,
}

func forms() (all []any) {
	for form := range suncotest.TargetCanonical + 1 {
		all = append(all, form)
	}
	return all
}

// draw makes up a platform. Without a subdomain nearly nothing can be asked, so that this is
// seldom.
func draw(dice *rand.Rand) behavior {
	var b behavior
	v := reflect.ValueOf(&b).Elem()
	for field := range v.Type().Fields() {
		if unaskable()[field.Name] != "" || dice.IntN(2) == 0 || field.Name == "NoSubdomain" && dice.IntN(10) != 0 {
			continue
		}
		value := any(true)
		if values := grid[field.Name]; values != nil {
			value = values[dice.IntN(len(values))]
		}
		v.FieldByIndex(field.Index).Set(reflect.ValueOf(value))
	}
	return b
}

// canonical writes out what the zero values stand for.
func canonical(b behavior) behavior {
	def := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	def(&b.OtherAppStatus, 403)
	def(&b.MarketplaceStatus, 403)
	def(&b.UnknownClientStatus, 404)
	def(&b.RevokedStatus, 401)
	def(&b.WebhookLimit, 3)
	def(&b.WebhookLimitStatus, 400)
	for _, field := range []*time.Duration{&b.DeliveryRetryInterval, &b.RemoveRetryInterval} {
		if *field == 0 {
			*field = time.Minute
		}
	}
	if b.CodeLifetime == 0 {
		b.CodeLifetime = 10 * time.Minute
	}
	return b
}

// hidden reports whether another field of the platform hides this one.
func hidden(b behavior, field string) bool {
	switch field {
	case "NoSubdomain", "EchoPostback", "TokenLifetime":
		return false
	case "MarketplaceStatus":
		return b.NoSubdomain || !b.MarketplaceRequired
	case "ReleaseToDefault", "NoStandbyEvents":
		return b.NoSubdomain || b.NoSwitchboard
	case "ProbeCounts":
		return b.NoSubdomain || b.NoProbe
	case "NoRetargetProbe":
		return b.NoSubdomain || b.NoProbe
	case "WebhookLimitStatus":
		return b.NoSubdomain || b.WebhookLimit > maxHooks
	case "RemoveFirst":
		return b.NoSubdomain || b.RemoveDelay == 0
	case "RemoveRetryInterval":
		return b.NoSubdomain || b.RemoveRetries == 0
	}
	return b.NoSubdomain
}

// quiet are the fields that can only be seen when they are not zero.
var quiet = map[string]bool{
	"TokenLifetime": true, "DeliveryCopies": true, "DeliveryDoubled": true, "DeliveryReordered": true,
	"DeliveryReceipts": true, "UserUpdateTells": true, "UserRemoveTells": true,
}

// requireTrue compares a printed answer and a field of the printed literal with the truth.
func requireTrue(t *testing.T, drawn behavior, field, answer string, literal any) {
	t.Helper()
	truth := reflect.ValueOf(canonical(drawn)).FieldByName(field)
	zero := reflect.Zero(truth.Type()).Interface()
	var low, high time.Duration
	switch length, isLength := truth.Interface().(time.Duration); {
	case hidden(drawn, field):
		require.Regexp(t, "^not asked: .", answer, field)
		require.Equal(t, zero, literal, field)
	case scan(answer, "between %s and %s", &low, &high):
		require.True(t, isLength && low <= length && length <= high, "%s: %s, but %v", field, answer, length)
		within := literal.(time.Duration)
		require.True(t, within == 0 || low <= within && within <= high, "%s: %s, but %v", field, answer, within)
	case isLength && scan(answer, "at least %s", &low):
		require.LessOrEqual(t, low, length, field)
		require.LessOrEqual(t, literal, length, field)
	case strings.HasPrefix(answer, "at least "):
		require.Equal(t, "WebhookLimit", field)
		require.Equal(t, "at least 11", answer)
		require.Greater(t, truth.Interface(), 10)
	case quiet[field] && truth.IsZero():
		require.Regexp(t, "^not seen in .", answer, field)
		require.Equal(t, zero, literal, field)
	default:
		require.Equal(t, spell(truth.Interface(), ""), answer, field)
		require.Equal(t, truth.Interface(), literal, field)
	}
}

// scan reads durations out of a text.
func scan(text, format string, into ...*time.Duration) bool {
	words := make([]string, len(into))
	targets := make([]any, len(into))
	for i := range words {
		targets[i] = &words[i]
	}
	if n, err := fmt.Sscanf(text, format, targets...); err != nil || n != len(into) {
		return false
	}
	for i, word := range words {
		var err error
		if *into[i], err = time.ParseDuration(word); err != nil {
			return false
		}
	}
	return true
}

// printed reads the answers and the literal out of a report.
func printed(t *testing.T, report string) (answers map[string]string, literal behavior) {
	t.Helper()
	found, rest, ok := strings.Cut(report, "\nWhat the probe cannot see\n")
	require.True(t, ok)
	answers = map[string]string{}
	for line := range strings.Lines(found) {
		name, answer, isAnswer := strings.Cut(strings.TrimSpace(line), ": ")
		if _, isField := reflect.TypeFor[behavior]().FieldByName(name); isField && isAnswer {
			answers[name] = answer
		}
	}
	_, source, ok := strings.Cut(rest, "\nsuncotest.Behavior{")
	require.True(t, ok)
	tree, err := parser.ParseExpr("suncotest.Behavior{" + source)
	require.NoError(t, err)
	for _, element := range tree.(*ast.CompositeLit).Elts {
		pair := element.(*ast.KeyValueExpr)
		field := reflect.ValueOf(&literal).Elem().FieldByName(pair.Key.(*ast.Ident).Name)
		require.True(t, field.IsValid())
		field.Set(reflect.ValueOf(evaluate(t, pair.Value)).Convert(field.Type()))
	}
	return answers, literal
}

// evaluate evaluates what a literal may consist of.
func evaluate(t *testing.T, e ast.Expr) any {
	t.Helper()
	switch e := e.(type) {
	case *ast.Ident:
		require.Equal(t, "true", e.Name)
		return true
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			require.NoError(t, err)
			return text
		}
		n, err := strconv.Atoi(e.Value)
		require.NoError(t, err)
		return n
	case *ast.SelectorExpr:
		if unit := map[string]time.Duration{
			"Hour": time.Hour, "Minute": time.Minute, "Second": time.Second, "Millisecond": time.Millisecond,
		}[e.Sel.Name]; unit != 0 {
			return int(unit)
		}
		for _, values := range grid {
			for _, value := range values {
				if spell(value, "suncotest.") == "suncotest."+e.Sel.Name {
					return int(reflect.ValueOf(value).Int())
				}
			}
		}
	case *ast.BinaryExpr:
		x, y := evaluate(t, e.X).(int), evaluate(t, e.Y).(int)
		if e.Op == token.MUL {
			return x * y
		}
		require.Equal(t, token.OR, e.Op)
		return x | y
	}
	require.Fail(t, "not an expression of a literal")
	return nil
}

// stage runs the probe against a platform. It must be called in a bubble.
func stage(t *testing.T, drawn behavior) (*suncotest.Platform, *probe, *strings.Builder) {
	t.Helper()
	platform := suncotest.New(fakeConfig("acme", drawn))
	t.Cleanup(platform.Close)
	ctx, stop := context.WithCancelCause(t.Context())
	t.Cleanup(func() { stop(nil) })
	p, err := newFakeProbe(ctx, stop, platform, options{subdomain: "acme", long: true, removeURL: true}, patient())
	require.NoError(t, err)
	platform.Mount("probe.example", p.inbox)
	out := new(strings.Builder)
	p.out = out
	return platform, p, out
}

// every is the step in the loops over platforms and requests, which take minutes.
var every = flag.Int("every", 20, "try one in so many platforms and requests; 1: all")

// What the probe prints is what the platform does.
func TestEveryAnswerIsTrue(t *testing.T) {
	for seed := uint64(0); seed < 300; seed += uint64(*every) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				drawn := draw(rand.New(rand.NewPCG(seed, 1)))
				platform, p, out := stage(t, drawn)
				err := p.runAndReport(p.inbox.ctx)
				if drawn.NoSubdomain {
					require.ErrorContains(t, err, "no subdomain")
				} else {
					require.NoError(t, err)
					require.Empty(t, platform.Installations())
					require.Empty(t, platform.Conversations(platform.Accounts()[0].AppID))
				}
				answers, literal := printed(t, out.String())
				for field := range reflect.TypeFor[behavior]().Fields() {
					if unaskable()[field.Name] == "" {
						printed := reflect.ValueOf(literal).FieldByIndex(field.Index).Interface()
						requireTrue(t, drawn, field.Name, answers[field.Name], printed)
					}
				}
				assert.NotContains(t, out.String(), suncotest.DefaultClientSecret)
			})
		})
	}
}

// Every field has one question, or a reason.
func TestEveryFieldHasAQuestion(t *testing.T) {
	asked := map[string]int{}
	for _, q := range questions() {
		for _, field := range q.fields {
			asked[field]++
		}
	}
	for field := range reflect.TypeFor[behavior]().Fields() {
		if unaskable()[field.Name] != "" {
			assert.Zero(t, asked[field.Name], field.Name)
		} else {
			assert.Equal(t, 1, asked[field.Name], field.Name)
		}
		delete(asked, field.Name)
		if kind := field.Type.Kind(); kind != reflect.Bool {
			assert.NotEmpty(t, grid[field.Name], "%s is not drawn", field.Name)
		}
	}
	assert.Empty(t, asked, "these are not fields")
}

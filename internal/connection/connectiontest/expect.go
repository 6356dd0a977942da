package connectiontest

import (
	"encoding/json"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// OneUpdate fails the test where a plan is not one Update with this body.
func OneUpdate(t *testing.T, plan []connection.Step, body string) {
	t.Helper()
	if len(plan) != 1 || plan[0].Action != connection.Update {
		t.Fatalf("the plan is %s, want one Update of %s", InJSON(t, plan), body)
	}
	var got, want any
	if err := json.Unmarshal([]byte(InJSON(t, plan[0].Fields())), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(body), &want); err != nil {
		t.Fatal(err)
	}
	Same(t, "the body of the update", got, want)
}

// NoSteps fails the test where a plan has a step.
func NoSteps(t *testing.T, plan []connection.Step) {
	t.Helper()
	if len(plan) > 0 {
		t.Errorf("the plan is %s, want none", InJSON(t, plan))
	}
}

// ProblemWords are the reasons and messages of problems, for a failing test.
func ProblemWords(problems []connection.Problem) string {
	var said []string
	for _, p := range problems {
		said = append(said, p.Reason+": "+p.Message)
	}
	return strings.Join(said, " | ")
}

// Same fails the test where two values differ.
func Same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, InJSON(t, got), InJSON(t, want))
	}
}

// InJSON is a value as a failing test shows it.
func InJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%#v as JSON: %v", v, err)
	}
	return string(text)
}

// Contains fails the test where a text lacks one of some parts.
func Contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not say %q", text, part)
		}
	}
}

// Lacks fails the test where a text has one of some parts.
func Lacks(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if part != "" && strings.Contains(text, part) {
			t.Errorf("%q says %q", text, part)
		}
	}
}

// Main is the TestMain of a package. It lets garbage lie longer: the property tests make much of it and keep nothing.
//
// A package whose tests read KeyPairs, which are short, has the line //go:debug rsa1024min=0 in a test file.
func Main(m *testing.M) {
	debug.SetGCPercent(1000)
	m.Run()
}

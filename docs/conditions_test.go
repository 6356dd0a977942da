package docs_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

const conditionsPage = "docs/conditions.md"

func conditions(t *testing.T) []string {
	t.Helper()
	return matches(t, sources(t, "api/v1alpha1"), `Condition\w+ = "(\w+)"`)
}

func reasons(t *testing.T) []string {
	t.Helper()
	return matches(t, sources(t, "api/v1alpha1"), `Reason\w+ = "(\w+)"`)
}

func TestEveryConditionAndReasonHasAHeadingAndNoOther(t *testing.T) {
	for part, want := range map[string][]string{"## Conditions": conditions(t), "## Reasons": reasons(t)} {
		var have []string
		for _, heading := range regexp.MustCompile(`(?m)^### (.*)$`).FindAllStringSubmatch(section(t, read(t, conditionsPage), part), -1) {
			have = append(have, heading[1])
		}
		if missing := onlyIn(want, have); len(missing) > 0 {
			t.Errorf("%s, %s: no heading for %v", conditionsPage, part, missing)
		}
		if unknown := onlyIn(have, want); len(unknown) > 0 {
			t.Errorf("%s, %s: %v does not exist", conditionsPage, part, unknown)
		}
	}
}

func TestEveryReasonCanBeFoundByWhoActs(t *testing.T) {
	index := section(t, read(t, conditionsPage), "## Find a reason")
	for _, reason := range reasons(t) {
		if !strings.Contains(index, "["+reason+"](#"+strings.ToLower(reason)+")") {
			t.Errorf("%s does not say who acts on %s", conditionsPage, reason)
		}
	}
}

func TestEveryReasonSaysWhereItIsWhatItMeansAndWhatToDo(t *testing.T) {
	for _, reason := range reasons(t) {
		paragraphs := strings.Split(strings.TrimSpace(aboutReason(t, reason)), "\n\n")
		if len(paragraphs) < 3 || !strings.HasPrefix(paragraphs[len(paragraphs)-1], "**What to do:** ") {
			t.Errorf("%s: %s needs its conditions, what it means, and what to do", conditionsPage, reason)
		}
		if unknown := onlyIn(conditionsOf(t, reason), conditions(t)); len(unknown) > 0 || len(conditionsOf(t, reason)) == 0 {
			t.Errorf("%s: %s is on conditions that do not exist: %v", conditionsPage, reason, unknown)
		}
	}
}

// A reason of Synced is said to be on each condition that the judge then gives it to.
func TestTheConditionsOfAReasonAreThoseOfTheJudge(t *testing.T) {
	for _, reason := range reasons(t) {
		if !slices.Contains(conditionsOf(t, reason), v1alpha1.ConditionSynced) {
			continue
		}
		report := connection.Report{Reason: reason, Remote: &connection.Remote{State: "active"}}
		status := connection.Judge(v1alpha1.ConnectionStatus{}, 1, report, time.Unix(0, 0))
		for _, condition := range status.Conditions {
			if condition.Reason == reason && !slices.Contains(conditionsOf(t, reason), condition.Type) {
				t.Errorf("%s: %s does not say that it is on %s", conditionsPage, reason, condition.Type)
			}
		}
	}
}

func aboutReason(t *testing.T, reason string) string {
	t.Helper()
	return section(t, section(t, read(t, conditionsPage), "## Reasons"), "### "+reason)
}

// conditionsOf are the conditions that can have a reason, as the page says.
func conditionsOf(t *testing.T, reason string) []string {
	t.Helper()
	first, _, _ := strings.Cut(strings.TrimSpace(aboutReason(t, reason)), "\n")
	list, found := strings.CutPrefix(first, "Conditions: ")
	if !found {
		t.Errorf("%s: %s does not begin with its conditions", conditionsPage, reason)
	}
	var names []string
	for _, name := range code.FindAllStringSubmatch(list, -1) {
		names = append(names, name[1])
	}
	return names
}

// code is what stands in back quotes.
var code = regexp.MustCompile("`([^`\n]+)`")

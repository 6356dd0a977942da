package connection

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Fields is the body of an Update.
func (s Step) Fields() stytch.Fields {
	body := stytch.Fields{}
	for _, c := range s.Changes {
		body[c.Field] = c.Want.Send
	}
	return body
}

// Carries says whether a field is among what is changed.
func Carries(changes []Change, field string) bool {
	return slices.ContainsFunc(changes, func(c Change) bool { return c.Field == field })
}

// PlanUpdate is the one Update of the settings that differ.
func PlanUpdate(want, have State) []Step {
	changes := Differences(want.Settings, have.Settings)
	if len(changes) == 0 {
		return nil
	}
	return []Step{{Action: Update, Changes: changes}}
}

// Differences between what is wanted and what is there, by field.
func Differences(want, have Settings) []Change {
	var changes []Change
	for _, field := range slices.Sorted(maps.Keys(want)) {
		if differs(want[field], have[field]) {
			changes = append(changes, Change{Field: field, Have: have[field], Want: want[field]})
		}
	}
	for _, field := range slices.Sorted(maps.Keys(want)) {
		beside := Carries(changes, want[field].With)
		if beside && !Carries(changes, field) {
			changes = append(changes, Change{Field: field, Have: have[field], Want: want[field]})
		}
	}
	return changes
}

func differs(want, have Value) bool {
	if have.Unreadable {
		return !want.Sent
	}
	return want.Same != have.Same
}

// Withhold takes out of a plan what was sent before, at the same have and want, and read back different. It returns what is
// left to do, and the entries that still hold.
func Withhold(steps []Step, stuck []v1alpha1.NotConverging) ([]Step, []v1alpha1.NotConverging) {
	left, out := leaveOut(steps, func(c Change) bool { return slices.Contains(stuck, Stuck(c)) })
	var withheld []v1alpha1.NotConverging
	for _, c := range out {
		withheld = append(withheld, Stuck(c))
	}
	return left, withheld
}

// leaveOut takes changes out of a plan. A step is not taken while a change is left out that it needs.
func leaveOut(steps []Step, is func(Change) bool) (left []Step, out []Change) {
	for _, s := range steps {
		var changes []Change
		for _, c := range s.Changes {
			if is(c) {
				out = append(out, c)
			} else {
				changes = append(changes, c)
			}
		}
		if changes = needed(changes); len(changes) > 0 {
			s.Changes = changes
			left = append(left, s)
		}
	}
	return slices.DeleteFunc(left, func(s Step) bool {
		return slices.ContainsFunc(out, func(c Change) bool { return slices.Contains(s.Needs, c.Field) })
	}), out
}

// needed leaves out what is equal and was to go together with a field that does not go itself.
func needed(changes []Change) []Change {
	var left []Change
	for _, c := range changes {
		if c.Want.With == "" || differs(c.Want, c.Have) || Carries(changes, c.Want.With) {
			left = append(left, c)
		}
	}
	return left
}

// Repeated are the changes of a plan that a step just made: they were sent and read back different.
func Repeated(done Step, plan []Step) []v1alpha1.NotConverging {
	var stuck []v1alpha1.NotConverging
	for _, sent := range done.Changes {
		for _, s := range plan {
			for _, c := range s.Changes {
				if s.Action == done.Action && c.Field == sent.Field && c.Want.Same == sent.Want.Same && s.Target == done.Target && differs(c.Want, c.Have) {
					stuck = append(stuck, Stuck(c))
				}
			}
		}
	}
	return stuck
}

// Stuck is how a change is remembered that was sent and read back different.
func Stuck(c Change) v1alpha1.NotConverging {
	have, want := c.Have.Same, c.Want.Same
	if from := c.Want.From; from != nil {
		have, want = "another", from.UID+"/"+from.ResourceVersion
	}
	return v1alpha1.NotConverging{Field: c.Field, Want: Hash(want), Have: Hash(have)}
}

// Hash stands in status for a value that status does not show: the first 8 bytes of its SHA-256, in hexadecimal.
func Hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

// maxPlan is how many changes status shows.
const maxPlan = 64

// Show is a plan as status has it: at most 64 changes of at most 256 characters, and no secret among them, because a Value
// of a secret has only its fingerprint to show.
func Show(steps []Step) []v1alpha1.Change {
	var shown []v1alpha1.Change
	for _, s := range steps {
		for _, c := range s.Changes {
			if len(shown) < maxPlan && differs(c.Want, c.Have) {
				have, want := c.shown()
				shown = append(shown, v1alpha1.Change{Field: c.Field, Have: Cut(have), Want: Cut(want)})
			}
		}
	}
	return shown
}

// shown is how the two sides of a change may be seen.
func (c Change) shown() (have, want string) {
	if c.Want.From != nil {
		return "", "changed"
	}
	return c.Have.Same, c.Want.Same
}

// Names lists the fields that steps change, for a sentence.
func Names(steps []Step) string {
	var names []string
	for _, s := range steps {
		for _, c := range s.Changes {
			if differs(c.Want, c.Have) && !slices.Contains(names, c.Field) {
				names = append(names, c.Field)
			}
		}
	}
	return strings.Join(names, ", ")
}

// Sentence is a step in words, for an event.
func (s Step) Sentence() string {
	var parts []string
	for _, c := range s.Changes {
		have, want := c.shown()
		switch c.Kind {
		case Added:
			parts = append(parts, fmt.Sprintf("%s: added %s", c.Field, want))
		case Removed:
			parts = append(parts, fmt.Sprintf("%s: removed %s", c.Field, have))
		case Replaced:
			if differs(c.Want, c.Have) {
				parts = append(parts, fmt.Sprintf("%s: %q → %q", c.Field, Cut(have), Cut(want)))
			}
		}
	}
	said := strings.Join(parts, "; ")
	if s.Why != "" {
		said += " (" + s.Why + ")"
	}
	return said
}

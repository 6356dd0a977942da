package connection

import (
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Outcomes of a call that changes something, as the audit log has them.
const (
	OutcomeDone    = "done"
	OutcomeGone    = "gone" // what was to be deleted did not exist any more
	OutcomeRefused = "refused"
	OutcomeUnknown = "unknown" // the call may have taken effect
)

// Outcome is what became of a call that changes something; empty if none was sent. The request is that of the call.
func Outcome(made stytch.Request, err error) (outcome string, request stytch.Request) {
	if _, is := errors.AsType[Unsent](err); is {
		return "", made
	}
	failed, ok := errors.AsType[*stytch.Error](err)
	switch {
	case ok && failed.Unknown():
		return OutcomeUnknown, failed.Request
	case ok && failed.StatusCode > 0:
		return OutcomeRefused, failed.Request
	case ok || made.Operation == "":
		return "", made
	case made.StatusCode < 200 || made.StatusCode > 299:
		return OutcomeGone, made
	}
	return OutcomeDone, made
}

// FieldNames are the fields that a step changes, each once.
func (s Step) FieldNames() []string {
	var names []string
	for _, c := range s.Changes {
		names = AddOnce(names, c.Field)
	}
	slices.Sort(names)
	return names
}

// appliedByHelm are the annotations by which Helm knows its objects.
var appliedByHelm = []string{"meta.helm.sh/release-name", "meta.helm.sh/release-namespace"} //nolint:gochecknoglobals // Go has no constants of this type

// maxAppliedBy is how many characters of a label or annotation are told. Whoever may write the manifest may write anything there.
const maxAppliedBy = 256

// AppliedBy tells who applied a manifest: the labels and annotations by which GitOps tools know their objects, and further annotations.
func AppliedBy(o v1alpha1.Connection, further []string) map[string]string {
	by := map[string]string{}
	for _, key := range slices.Concat(v1alpha1.TrackingKeys(), appliedByHelm, further) {
		if value, is := o.GetAnnotations()[key]; is {
			by[key] = printable(value)
		}
	}
	for _, key := range v1alpha1.TrackingKeys() {
		if value, is := o.GetLabels()[key]; is {
			by[key] = printable(value)
		}
	}
	return by
}

// printable is a value in one line of bounded length.
func printable(value string) string {
	return CutTo(maxAppliedBy, strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, value))
}

package connection

import (
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// Problem is something in a manifest, or in what it names, that keeps its desired state from being met.
type Problem struct {
	// Reason that Synced takes. Empty: the problem is only mentioned, and keeps nothing from being done.
	Reason string
	// Message says what it is and what to do. It is the same as long as the problem is.
	Message string
	// Cause is what Message says, without what to do, as Finding has it.
	Cause string
	// Halts says that nothing at all may be sent while the problem stands: the connection is not the one that is meant.
	Halts bool
	// Fresh says that the problem is only believed on what was read from Stytch in the same pass.
	Fresh bool
}

// Halted says whether a problem keeps everything from being sent.
func Halted(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return p.Halts })
}

// Worst is the reason and the message for all of the problems: an invalid manifest comes before anything else. Reason is empty
// where none of them keeps anything from being done.
func Worst(problems []Problem) (reason, message string) {
	for _, p := range problems {
		if reason == "" || p.Reason == v1alpha1.ReasonInvalid {
			reason = p.Reason
		}
	}
	return reason, Sentences(problems)
}

// Sentences joins the messages of problems.
func Sentences(problems []Problem) string {
	var messages []string
	for _, p := range problems {
		if !slices.Contains(messages, p.Message) {
			messages = append(messages, p.Message)
		}
	}
	return strings.Join(messages, " ")
}

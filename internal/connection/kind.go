package connection

import (
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Kind is all that is thought about one kind of connection. O is its manifest, R its object at Stytch.
type Kind[O v1alpha1.Connection, R any] struct {
	// API that lists this kind.
	API stytch.API
	// Common is the part of R that every kind has.
	Common func(R) stytch.Connection
	// Rival says whether a connection would make a creation be refused, or could not be told from what it creates. Rivalry
	// says so in words. Shared says that it counts only if no other manifest holds it.
	Rival   func(O, R) bool
	Rivalry string
	Shared  bool
	// References are the other objects that the manifest's wish is computed from, or that it writes.
	References func(O) []Reference
	// Want is the state that a manifest asks for, and what in it cannot be meant. The ID is that of the connection it is
	// meant for, empty where that is still to be created.
	Want func(o O, id string, in Inputs) (State, []Problem)
	// Have is the state of a connection at Stytch.
	Have func(R) State
	// Creation is what the creating call carries beside the display name.
	Creation func(O) stytch.Fields
	// Lacks names what a pending connection lacks to become active.
	Lacks func(R) []string
	// Publish puts what Stytch says into the kind's own part of status, given the state that was wanted.
	Publish func(o O, r R, want State)
	// Doubts says what is wrong with a connection that no step can mend.
	Doubts func(o O, want, have State) []Problem
	// Rotating is the reason and the message of the condition Rotating; empty where it does not stand.
	Rotating func(want, have State) (reason, message string)
	// Prepare puts into status what has to be known before a step is taken, because after a crash nothing else would tell. It
	// says whether there is such a thing; status is then written before the step is taken.
	Prepare func(o O, r R, step Step, now time.Time) bool
	// Learn puts into status what a connection tells that is wanted from then on: after a step, what it made of the connection
	// before; on the first look of a pass, with no step and the same connection twice, what an earlier process did not come
	// to write down.
	Learn func(o O, before, after R, done *Step, now time.Time)
	// Undo forgets what was prepared for a step that Stytch refused with an error type. It returns the step that takes back what was
	// done to make room for it; nil where nothing was.
	Undo func(o O, refused Step, errorType string) *Step
	// Expiries are the ends that status knows of.
	Expiries func(O) []Expiry
	// Due is when the clock next asks for a step that status knows of; zero for never.
	Due func(O) time.Time
}

// Problem is something in a manifest, or in what it names, that keeps its wish from being met.
type Problem struct {
	// Reason that Synced takes. Empty: the problem is only mentioned, and keeps nothing from being done.
	Reason string
	// Message says what it is and what to do. It is the same as long as the problem is.
	Message string
	// Halts says that nothing at all may be sent while the problem stands: the connection is not the one that is meant.
	Halts bool
	// Fresh says that the problem is only believed on what was read from Stytch in the same pass.
	Fresh bool
}

// Halted says whether a problem keeps everything from being sent.
func Halted(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return p.Halts })
}

// Worst is the reason and the message for all of the problems: a manifest that cannot be meant comes before anything else. Reason
// is empty where none of them keeps anything from being done.
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

// expiry is a time as status keeps it, to the second, so that a value that was read back equals the one that was written. Nil
// where there is none.
func expiry(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	return new(metav1.NewTime(t).Rfc3339Copy())
}

// RealName is the display name that a connection made for this manifest is given.
func RealName(o v1alpha1.Connection) string {
	if name := o.CommonSpec().DisplayName; name != "" {
		return name
	}
	return o.GetName()
}

// Wish completes a kind's wanted state with the display name: where the manifest has none it is wanted once, in place of the
// mark.
func Wish(o v1alpha1.Connection, want, have State) State {
	if o.CommonSpec().DisplayName == "" && !have.New {
		return want
	}
	settings := Settings{fieldDisplayName: Text(RealName(o))}
	maps.Copy(settings, want.Settings)
	want.Settings = settings
	return want
}

// Seen completes a kind's seen state with what every kind has.
func Seen(o v1alpha1.Connection, common stytch.Connection, have State) State {
	have.Settings[fieldDisplayName] = Text(common.DisplayName)
	have.New = Marked(common.DisplayName, o.GetUID())
	return have
}

package connection

import (
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// EventType is what happens in a pass that a kind may have to remember.
type EventType int

// Types of events, in the order in which they come in a pass. All come again for each step.
const (
	// InputsRead: what the manifest names was read: before the connection is looked for as far as the kind's own reading goes, without
	// Secrets and ConfigMaps, and all of it with each reading of the connection. A crash costs nothing: it is read again.
	InputsRead EventType = iota
	// TakenOver: the connection, Remote, becomes the manifest's, and status did not have it before: it was named, found by its mark, or
	// status was lost. A crash costs nothing: it comes again.
	TakenOver
	// Observed: the connection was read: Remote; Before is the same as it was before Step, and Step is what was done since, nil in the
	// first reading of a pass, in one that is made again on a newer list, and where the last step was set aside. A crash before it loses how the connection was before
	// Step: what has to be known of that is remembered when the step begins.
	Observed
	// Compared: Want was computed for Remote, so that what is wanted no more can be forgotten. A crash costs nothing.
	Compared
	// StepBegins: Step is taken next, on Remote. What is remembered now is in status before the step goes out, whatever crash follows.
	StepBegins
	// StepDone: Step was accepted, with Warning where Stytch gave one. An undoing step is done too, though it never began. A crash after the step and before the status of its pass
	// loses this: then Observed has to come to the same without, or the step is taken again.
	StepDone
	// StepFailed: Step certainly did not happen. Refusal is Stytch's answer, nil where it was never sent. After a crash
	// what was remembered when the step began stands: as of a step whose answer was lost.
	StepFailed
)

// Event is what happened, with what the comment on its Type says. Now is the time of the pass; of StepBegins, the time.
type Event[R any] struct {
	Type           EventType
	Inputs         Inputs
	Before, Remote R
	Step           *Step
	Want           State
	Warning        string
	Refusal        *stytch.Error
	Now            time.Time
}

// Note lets a kind remember an event.
func (k Kind[O, R]) Note(o O, e Event[R]) {
	was := k.ReadRecord(o)
	record := was
	if k.Record != nil {
		record = k.Record(o, was, e)
	}
	if k.Remember != nil {
		k.Remember(o, e)
	}
	if !equality.Semantic.DeepEqual(record, was) {
		k.WriteRecord(o, record)
	}
}

package connection

import (
	"maps"
	"slices"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Kind is all that is thought about one kind of connection. O is its manifest, R its object at Stytch.
//
// Every kind has an API and Common. Hooks that are nil mean nothing: nothing is named, in the way, planned, complained of, remembered
// or shown. All of them but Remember and Publish only read, and change none of their arguments. What they may rely on is the
// order of a pass:
//
//	                    runs                                    has run before        may write
//	References          first, and while a manifest is indexed  –                     –
//	Recorded, Record    at each Event                           –                     – (the core writes the Record)
//	Remember            at each Event, after Record             Record                the kind's own memory in status
//	Rival, Bare         for each connection of the list         InputsRead            –
//	Likeness,           likewise, and Likeness for the          likewise              –
//	LikenessOf,         manifest that holds it
//	Contradicts
//	Creation            before the creating call                InputsRead            –
//	Settings, Want      before a creation, and after each       InputsRead; where     –
//	                    reading of the connection               it is read, Observed
//	Have                after each reading of the connection    Observed              –
//	Plan, Problems,     on what Want and Have returned          Want, Have            –
//	Rotating
//	Publish             after each comparison                   Compared              what status shows of Stytch
//	Undo                after Stytch refused a step             StepFailed            –
//	MissingToActivate   while the connection is not active      –                     –
//	Warnings            when status is written                  –                     –
//	Expiries, Due       on status: first and last in a pass,    –                     –
//	                    and whenever metrics are read
//
// A crash in a hook that only reads means nothing: it runs again.
//
// Status is written once, at the end of a pass. Besides, the ID of a connection is recorded separately, and status is written
// before a step whose StepBegins had something remembered. So a crash loses what Remember, Record and Publish wrote since: they
// are run again by the next process, on a manifest that does not know of them, and on what Stytch then shows.
//
// Each part of status has one writer: Judge what every connection has (Warn the one condition that the clock alone changes),
// WriteRecord the Record, Remember and Publish the rest.
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
	// Bare says that nothing is set on a connection yet that only a manifest would set: it may be one that is being created. External
	// connections have to have the manifest's source.
	Bare func(O, R) bool
	// Likeness says which application of an identity provider a connection is for, in one or more ways: by what its manifest says, and
	// LikenessOf, by what Stytch has. Two are alike that share one.
	Likeness   func(O) []string
	LikenessOf func(R) []string
	// Contradicts says that a connection has another identity provider, or is for another application, than the manifest: where both say.
	Contradicts func(O, R) bool
	// References are the other objects that the manifest's desired state is computed from, or that it writes.
	References func(O) []Reference
	// Settings are the fields that an update replaces, each on one line: what a manifest wants, and what Stytch shows.
	Settings []Setting[O, R]
	// Want is what a manifest asks for besides its settings, and what in all of it is invalid.
	Want func(o O, in Inputs) (State, []Problem)
	// Have is what a connection at Stytch has besides its settings.
	Have func(R) State
	// Plan is what makes have equal to want, in the order in which it is done. Nil: one Update of the settings that differ.
	Plan func(o O, want, have State) []Step
	// Problems says what is wrong with a connection that no step can mend.
	Problems func(o O, want, have State) []Problem
	// Rotating is the reason and the message of the condition Rotating; empty where it does not stand.
	Rotating func(o O, want, have State) (reason, message string)
	// Creation is what the creating call carries in addition to the display name.
	Creation func(O) stytch.Fields
	// MissingToActivate names what a pending connection lacks to become active.
	MissingToActivate func(R) []string
	// Recorded is where status keeps the parts of the Record that not every kind has. Record is what the Record becomes by an event.
	Recorded func(O) Recorded
	Record   func(o O, was Record, e Event[R]) Record
	// Remember puts into status what else nobody can read back from Stytch after an event.
	Remember func(o O, e Event[R])
	// Publish puts what Stytch says into the kind's own part of status, given the state that was wanted.
	Publish func(o O, r R, want State)
	// Undo is the step that takes back what was done to make room for one that Stytch refused; nil where nothing was.
	Undo func(o O, refused Step) *Step
	// Warnings are what somebody has to be told once, by what a write of status changes: was and is are the manifest before and after.
	Warnings func(was, is O) []Warning
	// Expiries are the ends that status knows of.
	Expiries func(O) []Expiry
	// Due is when the clock next asks for a step that status knows of, given the settle time; zero for never.
	Due func(o O, settle time.Duration) time.Time
	// Settle is the time after a request whose response was lost, counted from the end of the call, until which that may yet take
	// effect. What a manifest wants is computed with it.
	Settle time.Duration
}

// States are the two sides that are compared: what a manifest wants, and what Stytch has. Problems are what in the manifest is
// invalid.
func (k Kind[O, R]) States(o O, r R, in Inputs) (want, have State, problems []Problem) {
	if k.Have != nil {
		have = k.Have(r)
	}
	common := k.Common(r)
	have.Settings = seenSettings(k.Settings, r)
	have.Settings[FieldDisplayName] = Text(common.DisplayName)
	have.Missing = k.remote(r).Missing
	have.New = IsNew(o, common.DisplayName)
	want, problems = k.wanted(o, have, in)
	return want, have, problems
}

// Anew is what a connection that is still to be created should be.
func (k Kind[O, R]) Anew(o O, in Inputs) (State, []Problem) { return k.wanted(o, State{New: true}, in) }

// wanted is what a manifest wants. Where it has no display name, that of the manifest is wanted once, in place of the mark.
func (k Kind[O, R]) wanted(o O, have State, in Inputs) (want State, problems []Problem) {
	if k.Want != nil {
		want, problems = k.Want(o, in)
	}
	want.Settings, want.Now, want.Settle = wantedSettings(k.Settings, o, in), in.Now, k.Settle
	if o.CommonSpec().DisplayName != "" || have.New {
		want.Settings[FieldDisplayName] = Text(RealName(o))
	}
	return want, append(problems, withholdRoles(want.Settings, in.Role, o.CommonSpec().Project())...)
}

// Names are the other objects that a manifest names.
func (k Kind[O, R]) Names(o O) []Reference {
	if k.References == nil {
		return nil
	}
	return k.References(o)
}

// Candidate is what Identify has to know of a connection.
func (k Kind[O, R]) Candidate(o O, r R) Candidate {
	common := k.Common(r)
	c := Candidate{
		ID: common.ConnectionID, DisplayName: common.DisplayName, Rival: k.Rival != nil && k.Rival(o, r), Bare: k.Bare == nil || k.Bare(o, r),
		Alike: k.LikenessOf != nil && share(k.Likeness(o), k.LikenessOf(r)),
	}
	like := c.Rival || c.Alike && o.CommonSpec().DisplayName == ""
	c.Meant = like && (k.Contradicts == nil || !k.Contradicts(o, r))
	return c
}

// Contradict says that two values are there and differ.
func Contradict(a, b string) bool { return a != "" && b != "" && a != b }

// Kin is what a manifest has in common with another one.
func (k Kind[O, R]) Kin(o, other O) Kin {
	return Kin{
		Alike:   k.Likeness != nil && share(k.Likeness(o), k.Likeness(other)),
		Unnamed: o.CommonSpec().DisplayName == "" && other.CommonSpec().DisplayName == "",
	}
}

func share(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// PlanFor is the kind's plan. Each change of a setting gets its topic.
func (k Kind[O, R]) PlanFor(o O, want, have State) []Step {
	var steps []Step
	if k.Plan == nil {
		steps = PlanUpdate(want, have)
	} else {
		steps = k.Plan(o, want, have)
	}
	for _, s := range steps {
		for i, c := range s.Changes {
			if c.Topic == (Topic{}) {
				s.Changes[i].Topic = k.topic(c.Field)
			}
		}
	}
	return steps
}

func (k Kind[O, R]) topic(field string) Topic {
	for _, s := range k.Settings {
		if s.Field == field {
			return s.Topic
		}
	}
	return TopicRest
}

// Complaints are what is wrong with a connection that no step can mend.
func (k Kind[O, R]) Complaints(o O, want, have State) []Problem {
	if k.Problems == nil {
		return nil
	}
	return k.Problems(o, want, have)
}

// Warning is what somebody has to be told once, by an event.
type Warning struct{ Reason, Message string }

// Warn is what a write of status has somebody told.
func (k Kind[O, R]) Warn(was, is O) []Warning {
	if k.Warnings == nil {
		return nil
	}
	return k.Warnings(was, is)
}

// Ends are the ends that status knows of.
func (k Kind[O, R]) Ends(o O) []Expiry {
	if k.Expiries == nil {
		return nil
	}
	return k.Expiries(o)
}

// DueAt is when the clock next asks for a step; zero for never.
func (k Kind[O, R]) DueAt(o O) time.Time {
	if k.Due == nil {
		return time.Time{}
	}
	return k.Due(o, k.Settle)
}

// Body of the creating call. The name is the provisional one, so that what a crash leaves behind is found again.
func (k Kind[O, R]) Body(o O) stytch.Fields {
	body := stytch.Fields{FieldDisplayName: ProvisionalName(RealName(o), MarkOf(o))}
	if k.Creation != nil {
		maps.Copy(body, k.Creation(o))
	}
	return body
}

// remote is the connection as status says it is, with what it lacks while it is not active.
func (k Kind[O, R]) remote(r R) *Remote {
	remote := &Remote{State: k.Common(r).Status}
	if remote.State != StateActive && k.MissingToActivate != nil {
		remote.Missing = k.MissingToActivate(r)
	}
	return remote
}

// RealName is the display name that a connection made for this manifest is given.
func RealName(o v1alpha1.Connection) string {
	if name := o.CommonSpec().DisplayName; name != "" {
		return name
	}
	return o.GetName()
}

package connection_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// glimpse is a connection of the scripted kind.
type glimpse struct{ State, Note string }

// script is what the scripted kind answers, and what it was told.
type script struct {
	plan                []connection.Step
	invalid, complaints []connection.Problem
	rotating            string
	undo                *connection.Step // nil, where nothing is taken back
	remembers           []connection.EventType

	events []connection.Event[glimpse]
	order  []string
}

// bare is the scripted kind with the hooks that no kind can do without.
func (s *script) bare() connection.Kind[*v1alpha1.SAMLConnection, glimpse] {
	return connection.Kind[*v1alpha1.SAMLConnection, glimpse]{
		Common: func(g glimpse) stytch.Connection {
			return stytch.Connection{Status: g.State, DisplayName: "Acme – Okta"}
		},
		Plan: func(*v1alpha1.SAMLConnection, connection.State, connection.State) []connection.Step {
			return slices.Clone(s.plan)
		},
	}
}

// wantedState and seenState can be told from each other.
const wantedState, seenState = "wanted", "seen"

func (s *script) kind() connection.Kind[*v1alpha1.SAMLConnection, glimpse] {
	type manifest = *v1alpha1.SAMLConnection
	kind := s.bare()
	kind.Want = func(manifest, connection.Inputs) (connection.State, []connection.Problem) {
		s.order = append(s.order, "Want")
		return connection.State{Refused: wantedState}, s.invalid
	}
	kind.Have = func(glimpse) connection.State { return connection.State{Refused: seenState} }
	kind.Problems = func(manifest, connection.State, connection.State) []connection.Problem { return s.complaints }
	kind.Rotating = func(manifest, connection.State, connection.State) (reason, message string) {
		return s.rotating, "Message of " + s.rotating
	}
	kind.MissingToActivate = func(g glimpse) []string { return []string{"what " + g.Note + " lacks"} }
	kind.Remember = s.remember
	kind.Publish = func(_ manifest, g glimpse, want connection.State) {
		s.order = append(s.order, fmt.Sprintf("Publish %s of %s", want.Refused, g.Note))
	}
	kind.Undo = func(_ manifest, refused connection.Step) *connection.Step {
		s.order = append(s.order, "Undo "+refused.Action.Name)
		return s.undo
	}
	return kind
}

// remember keeps what the kind was told, and puts it into status where the script says so.
func (s *script) remember(o *v1alpha1.SAMLConnection, e connection.Event[glimpse]) {
	s.events = append(s.events, e)
	s.order = append(s.order, typeName(e.Type))
	if slices.Contains(s.remembers, e.Type) {
		o.Status.State += "+"
	}
}

func typeName(m connection.EventType) string {
	return map[connection.EventType]string{
		connection.InputsRead: "InputsRead", connection.Observed: "Observed", connection.Compared: "Compared",
		connection.StepBegins: "StepBegins", connection.StepDone: "StepDone", connection.StepFailed: "StepFailed",
	}[m]
}

// of are the events of a moment, in order.
func (s *script) of(m connection.EventType) []connection.Event[glimpse] {
	return slices.DeleteFunc(slices.Clone(s.events), func(e connection.Event[glimpse]) bool { return e.Type != m })
}

// Topics of scripted steps.
var (
	shared      = connection.Topic{Name: "shared"}
	alone       = connection.Topic{Name: "alone", Alone: true}
	alsoAlone   = connection.Topic{Name: "also alone", Alone: true}
	foundID     = "saml-connection-live-99999999-9999-4999-8999-999999999999"
	earlier     = Noon.Add(-time.Minute)
	later       = Noon.Add(time.Minute)
	readInputs  = connection.Inputs{ID: foundID, Now: Noon.Add(2 * time.Second)}
	mentioned   = connection.Problem{Message: "Mentioned."}
	wrong       = connection.Problem{Reason: v1alpha1.ReasonInvalid, Message: "Wrong."}
	wrongIfSeen = connection.Problem{Reason: v1alpha1.ReasonConflict, Message: "Wrong, if seen.", Fresh: true}
	wrongThing  = connection.Problem{Reason: v1alpha1.ReasonInvalid, Message: "Another thing.", Halts: true}
)

// stepOf changes one field of each topic. The fields are named after the step and the topic.
func stepOf(name string, topics ...connection.Topic) connection.Step {
	s := connection.Step{Action: connection.Action{Name: name}}
	for _, topic := range topics {
		s.Changes = append(s.Changes, changeOf(name+" "+topic.Name, topic, "new"))
	}
	return s
}

func changeOf(field string, topic connection.Topic, want string) connection.Change {
	return connection.Change{Field: field, Topic: topic, Have: connection.Text("old"), Want: connection.Text(want)}
}

func freshStep(name string) connection.Step {
	s := stepOf(name, shared)
	s.Fresh = true
	return s
}

// needing is a step that is not taken while a field of another one is withheld.
func needing(s connection.Step, field string) connection.Step {
	s.Needs = []string{field}
	return s
}

// stuckOn are the entries of status that say that the changes of steps did not converge.
func stuckOn(steps ...connection.Step) []v1alpha1.NotConverging {
	var entries []v1alpha1.NotConverging
	for _, s := range steps {
		for _, c := range s.Changes {
			entries = append(entries, connection.Stuck(c))
		}
	}
	return entries
}

// loop is a convergence on a script.
type loop struct {
	*connection.Convergence[*v1alpha1.SAMLConnection, glimpse]
	script *script
}

// loopOf is the convergence of a manifest that nobody else's stands before, in a pass that began at noon.
func loopOf(s *script) loop {
	return loop{connection.Converge(s.kind(), SAMLManifest(), connection.Identity{ID: foundID}, nobodyElse, Noon), s}
}

func nobodyElse(string) string { return "" }

// reads tells of a reading of this pass that the kind makes a plan of.
func (l loop) reads(note string, plan ...connection.Step) connection.Move {
	l.script.plan = plan
	return l.Next(glimpse{"active", note}, Noon, readInputs, later)
}

func asMove(s connection.Step) connection.Move { return connection.Move{Step: &s} }

func endsWith(reason, message string) connection.Move {
	return connection.Move{End: connection.Finding{Reason: reason, Message: message}}
}

func TestWhatWasReadSaysTheNextMove(t *testing.T) {
	a, b, c := stepOf("A", shared), stepOf("B", shared), stepOf("C", shared)
	fresh := freshStep("A")
	readAnew := connection.Move{Fresh: true}
	inSync := endsWith(v1alpha1.ReasonInSync, "Stytch matches the manifest.")
	withheld := func(fields, and string) connection.Move {
		return endsWith(v1alpha1.ReasonNotConverging, "Stytch accepted a change but returns another value for: "+fields+
			". The change is not sent again until one of the two values changes. Set the value that Stytch returns, or remove the field from the manifest."+and)
	}
	pending := func(fields, and string) connection.Move {
		return connection.Move{End: connection.Finding{
			Reason: v1alpha1.ReasonPlanPending, Note: strings.TrimSpace(and),
			Message: "Stytch differs from the manifest in: " + fields + ". Nothing is sent because management is Observe. See status.plan for the values." + and,
		}}
	}
	twice := connection.Step{Action: connection.Update, Changes: []connection.Change{changeOf("A shared", shared, "new"), changeOf("A shared", shared, "newer")}}
	type (
		steps    = []connection.Step
		problems = []connection.Problem
	)
	for _, test := range []struct {
		name       string
		listed     time.Time
		plan       steps
		stuck      steps
		invalid    problems
		complaints problems
		observe    bool
		holder     string
		others     []string
		want       connection.Move
	}{
		{name: "nothing differs", listed: Noon, want: inSync},
		{name: "nothing differs, in an old list", listed: earlier, want: inSync},
		{name: "something differs", listed: Noon, plan: steps{a}, want: asMove(a)},
		{name: "something differs, in an old list", listed: earlier, plan: steps{a}, want: asMove(a)},
		{name: "the first of three steps is taken", listed: Noon, plan: steps{a, b, c}, want: asMove(a)},

		{name: "a step wants a list of this pass, and the list is old", listed: earlier, plan: steps{fresh, b}, want: readAnew},
		{name: "a step wants a list of this pass, and the list began with it", listed: Noon, plan: steps{fresh, b}, want: asMove(fresh)},
		{name: "a step wants a list of this pass, and the list began in it", listed: later, plan: steps{fresh, b}, want: asMove(fresh)},
		{name: "a later step wants a list of this pass", listed: earlier, plan: steps{b, fresh}, want: asMove(b)},
		{name: "a step that is withheld wants a list of this pass", listed: earlier, plan: steps{fresh, b}, stuck: steps{fresh}, want: asMove(b)},
		{name: "a step wants a list of this pass after one that is withheld", listed: earlier, plan: steps{b, fresh}, stuck: steps{b}, want: readAnew},
		{name: "a complaint wants a list of this pass, and the list is old", listed: earlier, complaints: problems{wrongIfSeen}, want: readAnew},
		{name: "a complaint wants a list of this pass, and the list began with it", listed: Noon, complaints: problems{wrongIfSeen}, want: endsWith(v1alpha1.ReasonConflict, "Wrong, if seen.")},
		{name: "the second complaint wants a list of this pass", listed: earlier, plan: steps{a}, complaints: problems{wrong, wrongIfSeen}, want: readAnew},
		{name: "a complaint does not want a list of this pass", listed: earlier, complaints: problems{wrong}, want: endsWith(v1alpha1.ReasonInvalid, "Wrong.")},

		{name: "Observe, and something differs", listed: Noon, plan: steps{a, b}, observe: true, want: pending("A shared, B shared", "")},
		{name: "Observe, and nothing differs", listed: Noon, observe: true, want: inSync},
		{name: "Observe, and a step wants a list of this pass", listed: earlier, plan: steps{fresh}, observe: true, want: readAnew},
		{name: "Observe, and something did not converge", listed: Noon, plan: steps{a, b}, stuck: steps{b}, observe: true, want: pending("A shared, B shared", "")},
		{name: "Observe, and a mention", listed: Noon, plan: steps{a}, complaints: problems{mentioned}, observe: true, want: pending("A shared", " Mentioned.")},
		{name: "Observe, and a problem", listed: Noon, plan: steps{a}, invalid: problems{wrong}, observe: true, want: endsWith(v1alpha1.ReasonInvalid, "Wrong.")},

		{name: "another manifest holds the connection before a step", listed: Noon, plan: steps{a}, holder: "manifest other", want: endsWith(v1alpha1.ReasonConflict, foundID+" belongs to manifest other, and a connection can have only one manifest. Delete one of the two manifests (deletionPolicy: Retain keeps the connection).")},
		{name: "another manifest holds the connection, and a step wants a list of this pass", listed: earlier, plan: steps{fresh}, holder: "manifest other", want: readAnew},
		{name: "another manifest holds the connection, and nothing differs", listed: Noon, holder: "manifest other", want: inSync},
		{name: "another manifest holds the connection, and Observe", listed: Noon, plan: steps{a}, observe: true, holder: "manifest other", want: pending("A shared", "")},

		{name: "a change did not converge", listed: Noon, plan: steps{a}, stuck: steps{a}, want: withheld("A shared", "")},
		{name: "a change did not converge, and another differs", listed: Noon, plan: steps{a, b}, stuck: steps{a}, want: asMove(b)},
		{name: "a change did not converge that another waits for", listed: Noon, plan: steps{a, needing(b, "A shared")}, stuck: steps{a}, want: withheld("A shared", "")},
		{name: "two changes did not converge", listed: Noon, plan: steps{a, b}, stuck: steps{a, b, c}, want: withheld("A shared, B shared", "")},
		{name: "two changes of one field did not converge", listed: Noon, plan: steps{twice}, stuck: steps{twice}, want: withheld("A shared", "")},
		{name: "a change did not converge, and a mention", listed: Noon, plan: steps{a}, stuck: steps{a}, invalid: problems{mentioned}, want: withheld("A shared", " Mentioned.")},
		{name: "a change did not converge, and a problem", listed: Noon, plan: steps{a}, stuck: steps{a}, invalid: problems{wrong}, want: endsWith(v1alpha1.ReasonInvalid, "Wrong.")},
		{name: "what did not converge is not wanted any more", listed: Noon, stuck: steps{a}, want: inSync},

		{name: "a mention", listed: Noon, complaints: problems{mentioned}, want: endsWith(v1alpha1.ReasonInSync, "Stytch matches the manifest. Mentioned.")},
		{name: "a problem keeps no step from being taken", listed: Noon, plan: steps{a}, invalid: problems{wrong}, complaints: problems{mentioned}, want: asMove(a)},
		{name: "problems of the manifest are said before those of the connection", listed: Noon, invalid: problems{wrong}, complaints: problems{mentioned}, want: endsWith(v1alpha1.ReasonInvalid, "Wrong. Mentioned.")},
		{name: "a problem that halts keeps every step from being taken", listed: Noon, plan: steps{a}, complaints: problems{wrongThing}, want: endsWith(v1alpha1.ReasonInvalid, "Another thing.")},

		{name: "connections were left", listed: Noon, others: []string{"left-1", "left-2"}, want: endsWith(v1alpha1.ReasonInSync,
			"Stytch matches the manifest. Unused connections, left by a create request whose response was lost: left-1, left-2. Delete them in Stytch.")},
		{name: "connections were left, and a problem", listed: Noon, others: []string{"left-1"}, invalid: problems{wrong}, want: endsWith(v1alpha1.ReasonInvalid,
			"Wrong. Unused connections, left by a create request whose response was lost: left-1. Delete them in Stytch.")},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := SAMLManifest()
			o.Status.NotConverging = stuckOn(test.stuck...)
			if test.observe {
				o.Spec.Management = v1alpha1.ManagementObserve
			}
			s := &script{plan: test.plan, invalid: test.invalid, complaints: test.complaints}
			holder := func(id string) string {
				if id == foundID {
					return test.holder
				}
				return ""
			}
			c := connection.Converge(s.kind(), o, connection.Identity{ID: foundID, Others: test.others}, holder, Noon)
			Same(t, "the move", c.Next(glimpse{State: "active"}, test.listed, readInputs, later), test.want)
		})
	}
}

func TestAPassThatDoesNotEndIsEnded(t *testing.T) {
	l := loopOf(&script{})
	for n := range 40 {
		step := connection.Step{Action: connection.Update, Changes: []connection.Change{changeOf("field", shared, fmt.Sprint(n))}}
		Same(t, fmt.Sprintf("the move after reading %d", n+1), l.reads("", step), asMove(step))
		Same(t, "the move after the step", l.Took(""), connection.Move{})
	}
	Same(t, "the move after reading 41", l.reads("", stepOf("A", shared)).End, connection.ErrEndless)
}

func TestAKindIsToldWhatHappensInItsOrder(t *testing.T) {
	s := &script{}
	l := loopOf(s)
	a := stepOf("A", shared)
	Same(t, "the first move", l.reads("first", a), asMove(a))
	Same(t, "what comes before the step", s.order, []string{
		"InputsRead", "Observed", "Want", "Compared", "Publish " + wantedState + " of first", "StepBegins",
	})
	want := s.of(connection.Compared)[0].Want
	Same(t, "the state that was compared", want.Refused, wantedState)
	first, second := glimpse{"active", "first"}, glimpse{"active", "second"}
	Same(t, "the events", s.events, []connection.Event[glimpse]{
		{Type: connection.InputsRead, Inputs: readInputs, Now: Noon},
		{Type: connection.Observed, Before: first, Remote: first, Now: Noon},
		{Type: connection.Compared, Remote: first, Want: want, Now: Noon},
		{Type: connection.StepBegins, Remote: first, Step: &a, Now: later},
	})

	s.events, s.order = nil, nil
	Same(t, "the move after the step", l.Took("Careful."), connection.Move{})
	l.reads("second")
	Same(t, "what comes after the step", s.order, []string{
		"StepDone", "InputsRead", "Observed", "Want", "Compared", "Publish " + wantedState + " of second",
	})
	Same(t, "the step that was done", s.of(connection.StepDone), []connection.Event[glimpse]{{Type: connection.StepDone, Step: &a, Warning: "Careful.", Now: Noon}})
	Same(t, "the reading after it", s.of(connection.Observed), []connection.Event[glimpse]{{Type: connection.Observed, Before: first, Remote: second, Step: &a, Now: Noon}})
}

func TestAReadingIsComparedWithTheOneBeforeOnlyAfterAStep(t *testing.T) {
	s := &script{complaints: []connection.Problem{wrongIfSeen}}
	l := loopOf(s)
	a, b := stepOf("A", shared), stepOf("B", alone)
	Same(t, "the first move", l.reads("first", a), asMove(a))
	l.Took("")
	Same(t, "the move on an old list", l.Next(glimpse{"active", "old"}, earlier, readInputs, later), connection.Move{Fresh: true})
	Same(t, "the move on a new one", l.reads("new", b), asMove(b))
	Same(t, "the move after what was set aside", l.Failed(refusedByStytch(), Noon), connection.Move{})
	l.reads("last")
	var heard []string
	for _, e := range s.of(connection.Observed) {
		heard = append(heard, fmt.Sprintf("%s %s %t", e.Before.Note, e.Remote.Note, e.Step != nil))
	}
	Same(t, "before, after, and whether a step was done", heard, []string{"first first false", "first old true", "new new false", "last last false"})
}

func TestStatusIsWrittenBeforeAStepThatSomethingIsRememberedFor(t *testing.T) {
	others := []connection.EventType{connection.InputsRead, connection.Observed, connection.Compared, connection.StepDone, connection.StepFailed}
	for _, test := range []struct {
		name      string
		remembers []connection.EventType
		want      bool
	}{
		{"nothing is remembered", nil, false},
		{"something is remembered as the step begins", []connection.EventType{connection.StepBegins}, true},
		{"something is remembered at every other moment", others, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := stepOf("A", shared)
			Same(t, "the move", loopOf(&script{remembers: test.remembers}).reads("", a), connection.Move{Step: &a, WriteAhead: test.want})
		})
	}
}

func TestAKindThatDecidesNothingMoreConverges(t *testing.T) {
	s := &script{}
	c := connection.Converge(s.bare(), SAMLManifest(), connection.Identity{ID: foundID}, nobodyElse, Noon)
	a := stepOf("A", shared)
	s.plan = []connection.Step{a}
	Same(t, "the move", c.Next(glimpse{State: "pending"}, Noon, readInputs, later), asMove(a))
	Same(t, "the report", c.Report(connection.Report{}), connection.Report{Remote: &connection.Remote{State: "pending"}, Plan: connection.Show(s.plan)})
	Same(t, "the move after a refusal", c.Failed(refusedByStytch(), Noon), connection.Move{})
}

func TestAChangeThatReadsBackDifferentIsNotSentAgain(t *testing.T) {
	a, b := stepOf("A", shared), stepOf("B", shared)
	message := func(fields string) string {
		return "Stytch accepted a change but returns another value for: " + fields +
			". The change is not sent again until one of the two values changes. Set the value that Stytch returns, or remove the field from the manifest."
	}
	t.Run("by itself", func(t *testing.T) {
		l := loopOf(&script{})
		Same(t, "the move", l.reads("", a), asMove(a))
		l.Took("")
		Same(t, "the move where it reads back different", l.reads("", a), endsWith(v1alpha1.ReasonNotConverging, message("A shared")))
		Same(t, "what is reported", l.Report(connection.Report{}).NotConverging, stuckOn(a))
	})
	t.Run("and the next one is taken", func(t *testing.T) {
		l := loopOf(&script{})
		Same(t, "the move", l.reads("", a, b), asMove(a))
		l.Took("")
		Same(t, "the move where it reads back different", l.reads("", a, b), asMove(b))
		l.Took("")
		Same(t, "the move where both do", l.reads("", a, b), endsWith(v1alpha1.ReasonNotConverging, message("A shared, B shared")))
	})
	t.Run("though another did not converge before", func(t *testing.T) {
		o, s := SAMLManifest(), &script{}
		o.Status.NotConverging = stuckOn(a)
		l := loop{connection.Converge(s.kind(), o, connection.Identity{ID: foundID}, nobodyElse, Noon), s}
		Same(t, "the move", l.reads("", a, b), asMove(b))
		l.Took("")
		Same(t, "the move where both do not converge", l.reads("", a, b), endsWith(v1alpha1.ReasonNotConverging, message("A shared, B shared")))
	})
	t.Run("but is where it was not taken", func(t *testing.T) {
		l := loopOf(&script{})
		Same(t, "the move", l.reads("", stepOf("B", alone), a), asMove(stepOf("B", alone)))
		l.Failed(refusedByStytch(), Noon)
		Same(t, "the move without the refused step", l.reads("", stepOf("B", alone), a), asMove(a))
		Same(t, "what does not converge", l.Report(connection.Report{}).NotConverging, []v1alpha1.NotConverging(nil))
	})
}

// answerOf is an answer of Stytch that says that a call failed.
func answerOf(class stytch.Class, status int, errorType string) *stytch.Error {
	return &stytch.Error{Class: class, Request: stytch.Request{
		ID: "request-id-1", Operation: "UpdateSAMLConnection", StatusCode: status, ErrorType: errorType, Time: Noon,
	}}
}

func refusedByStytch() *stytch.Error { return answerOf(stytch.Rejected, 400, "invalid_idp_sso_url") }

// answerLost is a call of which nobody knows whether it happened.
func answerLost() *stytch.Error {
	return &stytch.Error{Class: stytch.Unavailable, Request: stytch.Request{Operation: "UpdateSAMLConnection", Time: Noon}, Err: errors.New("connection reset")}
}

func TestAStepThatFailsEndsThePassOrIsSetAside(t *testing.T) {
	refused, lost := refusedByStytch(), answerLost()
	missing, denied, throttled := answerOf(stytch.NotFound, 404, "connection_not_found"), answerOf(stytch.PermissionDenied, 403, "denied"), answerOf(stytch.Throttled, 429, "too_many_requests")
	ofThePlan, ofTheSource := answerOf(stytch.Rejected, 400, "billing_not_verified"), answerOf(stytch.Rejected, 400, "external_connection_not_active")
	finding := connection.Finding{Reason: v1alpha1.ReasonInputMissing, Message: "The Secret is gone."}
	wrapped, unsaid := fmt.Errorf("sending: %w", refused), errors.New("the API server is away")
	notYet := &stytch.NotYet{At: later}
	goOn, outdated := connection.Move{}, connection.Move{End: connection.ErrOutdated}
	end := func(err error) connection.Move { return connection.Move{End: err} }
	undo := stepOf("Undo", shared)
	type topics = []connection.Topic
	for _, test := range []struct {
		name    string
		topics  topics
		err     error
		listed  time.Time
		undo    *connection.Step
		want    connection.Move
		failed  bool          // the kind is told that the step certainly did not happen
		refusal *stytch.Error // and what Stytch said
	}{
		{"refused", topics{shared}, refused, Noon, nil, goOn, true, refused},
		{"refused, on an old list", topics{shared}, refused, earlier, nil, goOn, true, refused},
		{"refused, and nothing waits for it", topics{alone}, refused, Noon, nil, goOn, true, refused},
		{"refused, and nothing waits for its two changes", topics{alone, alone}, refused, Noon, nil, goOn, true, refused},
		{"refused, of two topics that nothing waits for", topics{alone, alsoAlone}, refused, Noon, nil, goOn, true, refused},
		{"refused, of one that nothing waits for, and another", topics{alone, shared}, refused, Noon, nil, goOn, true, refused},
		{"refused, of another, and one that nothing waits for", topics{shared, alone}, refused, Noon, nil, goOn, true, refused},
		{"refused in other words, and nothing waits for it", topics{alone}, wrapped, Noon, nil, goOn, true, refused},
		{"refused in other words", topics{shared}, wrapped, Noon, nil, goOn, true, refused},
		{"refused, and something made room for it", topics{shared}, refused, Noon, &undo, asMove(undo), true, refused},
		{"refused, and something made room for it that nothing waits for", topics{alone}, refused, Noon, &undo, asMove(undo), true, refused},

		{"refused for its plan", topics{shared}, ofThePlan, Noon, nil, end(ofThePlan), true, ofThePlan},
		{"refused for its source", topics{shared}, ofTheSource, Noon, nil, end(ofTheSource), true, ofTheSource},

		{"missing, on an old list", topics{shared}, missing, earlier, nil, outdated, true, missing},
		{"missing, on an old list, though something made room for it", topics{shared}, missing, earlier, &undo, outdated, true, missing},
		{"missing, on a list that began with the pass", topics{shared}, missing, Noon, nil, end(missing), true, missing},
		{"missing, on a list of this pass, and nothing waits for it", topics{alone}, missing, later, nil, end(missing), true, missing},
		{"missing, on a list of this pass, though something made room for it", topics{shared}, missing, later, &undo, end(missing), true, missing},

		{"denied, and nothing waits for it", topics{alone}, denied, earlier, &undo, end(denied), true, denied},
		{"throttled, and nothing waits for it", topics{alone}, throttled, earlier, &undo, end(throttled), true, throttled},
		{"the answer was lost", topics{shared}, lost, earlier, nil, end(lost), false, nil},
		{"the answer was lost, and nothing waits for it", topics{alone}, lost, Noon, &undo, end(lost), false, nil},

		{"not sent", topics{alone}, connection.Unsent{Err: unsaid}, Noon, &undo, end(connection.Unsent{Err: unsaid}), true, nil},
		{"not sent, and there is something to say", topics{alone}, connection.Unsent{Err: finding}, Noon, &undo, goOn, true, nil},
		{"not sent, and there is something to say, and others wait for it", topics{shared}, connection.Unsent{Err: finding}, Noon, &undo, end(connection.Unsent{Err: finding}), true, nil},
		{"something to say", topics{alone}, finding, earlier, &undo, goOn, false, nil},
		{"something to say, and others wait for it", topics{shared}, finding, earlier, &undo, end(finding), false, nil},
		{"not yet", topics{alone}, notYet, earlier, &undo, end(notYet), false, nil},
		{"nothing to say", topics{alone}, unsaid, earlier, &undo, end(unsaid), false, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &script{undo: test.undo}
			l, a := loopOf(s), stepOf("A", test.topics...)
			Same(t, "the step", l.reads("", a), asMove(a))
			Same(t, "the move", l.Failed(test.err, test.listed), test.want)
			var told []connection.Event[glimpse]
			if test.failed {
				told = append(told, connection.Event[glimpse]{Type: connection.StepFailed, Step: &a, Refusal: test.refusal, Now: Noon})
			}
			Same(t, "what the kind is told", s.of(connection.StepFailed), append([]connection.Event[glimpse]{}, told...))
		})
	}
}

func TestWhatMadeRoomIsTakenBackBeforeARefusalIsAnswered(t *testing.T) {
	refused, ofThePlan := refusedByStytch(), answerOf(stytch.Rejected, 400, "billing_not_verified")
	undo := stepOf("Undo", shared)
	for _, test := range []struct {
		name    string
		topic   connection.Topic
		refused *stytch.Error
		want    connection.Move
	}{
		{"of a value", shared, refused, connection.Move{}},
		{"of the plan", shared, ofThePlan, connection.Move{End: ofThePlan}},
		{"of the plan, and nothing waits for the step", alone, ofThePlan, connection.Move{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &script{undo: &undo, remembers: []connection.EventType{connection.StepFailed, connection.StepBegins}}
			l, a := loopOf(s), stepOf("A", test.topic)
			l.reads("", a)
			s.order, s.events = nil, nil
			Same(t, "the undoing step", l.Failed(test.refused, Noon), asMove(undo))
			Same(t, "the move once it was taken", l.Took("Careful."), test.want)
			Same(t, "what the kind is told", s.order, []string{"StepFailed", "Undo A", "StepDone"})
			Same(t, "the step that was done", s.of(connection.StepDone), []connection.Event[glimpse]{{Type: connection.StepDone, Step: &undo, Warning: "Careful.", Now: Noon}})
		})
	}
}

func TestAnUndoingStepIsNoStepOfThePlan(t *testing.T) {
	undo, again := stepOf("Undo", shared), stepOf("Undo again", shared)
	s := &script{undo: &undo}
	l := loopOf(s)
	l.reads("first", stepOf("A", alone))
	l.Failed(refusedByStytch(), Noon)
	l.Took("")
	b := stepOf("B", alsoAlone)
	Same(t, "the step after it, which looks as if the undoing step had not converged", l.reads("second", undo, b), asMove(undo))
	Same(t, "the reading after it", s.of(connection.Observed)[1], connection.Event[glimpse]{
		Type: connection.Observed, Before: glimpse{"active", "second"}, Remote: glimpse{"active", "second"}, Now: Noon,
	})
	s.undo = &again
	Same(t, "a refusal of that step is undone anew", l.Failed(refusedByStytch(), Noon), asMove(again))
}

func TestAnUndoingStepThatFailsEndsThePass(t *testing.T) {
	undo := stepOf("Undo", alone)
	for name, err := range map[string]error{
		"refused": refusedByStytch(), "lost": answerLost(), "missing": answerOf(stytch.NotFound, 404, "connection_not_found"),
		"something to say": connection.Finding{Reason: v1alpha1.ReasonInputMissing, Message: "The Secret is gone."},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{undo: &undo}
			l := loopOf(s)
			l.reads("", stepOf("A", alone))
			Same(t, "the undoing step", l.Failed(refusedByStytch(), Noon), asMove(undo))
			Same(t, "the move", l.Failed(err, earlier), connection.Move{End: err})
			Same(t, "how often a step is said to have failed", len(s.of(connection.StepFailed)), 1)
		})
	}
}

func TestWhatIsSetAsideIsSpokenOfAndNotTakenAgain(t *testing.T) {
	a, b, c := stepOf("A", alone), stepOf("B", alsoAlone), stepOf("C", shared)
	refused := refusedByStytch()
	reason, message := connection.Failure(refused)
	finding := connection.Finding{Reason: v1alpha1.ReasonInputMissing, Message: "The Secret is gone."}

	l := loopOf(&script{})
	Same(t, "the first step", l.reads("", a, b, c), asMove(a))
	Same(t, "the move once it is refused", l.Failed(refused, Noon), connection.Move{})
	Same(t, "the second step", l.reads("", a, b, c), asMove(b))
	Same(t, "the move once it is not sent", l.Failed(connection.Unsent{Err: finding}, Noon), connection.Move{})
	Same(t, "the third step", l.reads("", a, b, c), asMove(c))
	l.Took("")
	said := connection.Finding{Reason: reason, Message: "Stytch rejected A alone: " + message + " The Secret is gone.", Request: refused.Request}
	Same(t, "the end", l.reads("", a, b), connection.Move{End: said})
	Same(t, "the plan", l.Report(connection.Report{}).Plan, connection.Show([]connection.Step{a, b}))

	l = loopOf(&script{})
	l.reads("", b)
	l.Failed(finding, Noon)
	Same(t, "the end with a finding", l.reads("", b), endsWith(v1alpha1.ReasonInputMissing, "The Secret is gone."))

	l = loopOf(&script{})
	fresh := a
	fresh.Fresh = true
	l.reads("", fresh)
	l.Failed(refused, Noon)
	l.script.plan = []connection.Step{fresh, c}
	Same(t, "the move on an old list, where what is set aside wants a list of this pass", l.Next(glimpse{}, earlier, readInputs, later), asMove(c))
}

func TestAReportSaysWhatTheLastReadingShowed(t *testing.T) {
	was := connection.Report{
		Reason: v1alpha1.ReasonInvalid, Message: "As before.", Remote: &connection.Remote{State: "before"}, Plan: []v1alpha1.Change{{Field: "before"}},
		NotConverging: []v1alpha1.NotConverging{{Field: "before"}}, Rotating: v1alpha1.ReasonStarting, RotatingMessage: "Before.",
	}
	a, b := stepOf("A", shared), stepOf("B", shared)
	o, s := SAMLManifest(), &script{rotating: v1alpha1.ReasonOverlapping, complaints: []connection.Problem{wrongThing}}
	o.Status.NotConverging = stuckOn(a)
	l := loop{connection.Converge(s.kind(), o, connection.Identity{ID: foundID}, nobodyElse, Noon), s}
	Same(t, "the report before a reading", l.Report(was), was)
	l.reads("", a, b)
	Same(t, "the report after it", l.Report(was), connection.Report{
		Reason: v1alpha1.ReasonInvalid, Message: "As before.", Remote: &connection.Remote{State: "active"},
		Plan: connection.Show([]connection.Step{a, b}), NotConverging: stuckOn(a),
		Rotating: v1alpha1.ReasonOverlapping, RotatingMessage: "Message of Overlapping",
	})
}

func TestAConnectionThatIsNotActiveSaysWhatItLacks(t *testing.T) {
	for state, want := range map[string]*connection.Remote{
		"active":  {State: "active"},
		"pending": {State: "pending", Missing: []string{"what okta lacks"}},
	} {
		l := loopOf(&script{})
		l.Next(glimpse{state, "okta"}, Noon, readInputs, later)
		Same(t, state, l.Report(connection.Report{}).Remote, want)
	}
}

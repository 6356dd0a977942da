package connection

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// maxReadings ends a pass that would go on for ever. The longest honest plan recovers a token, or replaces five certificates and
// five keys, and is made again after each of its steps.
const maxReadings = 40

// Ways in which a convergence ends without a finding.
var (
	// ErrOutdated says that Stytch denies what its list showed before this pass: the list is of no use, and the pass is taken again.
	ErrOutdated = errors.New("the listed connection no longer exists")
	// ErrEndless says that the steps do not come to an end.
	ErrEndless = errors.New("the planned steps do not bring the connection to the desired state")
)

// Unsent is the error of a step that certainly was not sent.
type Unsent struct{ Err error } //nolint:errname // it says what became of a step, and Err is the error

// Error is that of Err.
func (u Unsent) Error() string { return u.Err.Error() }

// Unwrap returns Err.
func (u Unsent) Unwrap() error { return u.Err }

// Move is the next thing to do for a connection. It is one of: take Step, end with End, read which of Roles exist and tell Known, or,
// where none of them is set, read the connection and what its manifest names, and ask Next.
type Move struct {
	// Fresh asks for a list that was begun in this pass: what was read is too old to act on or to complain of.
	Fresh bool
	// Step to take. WriteAhead says that status is written before: after a crash nothing else would tell what it says.
	Step       *Step
	WriteAhead bool
	// Roles that Stytch may not have: it refused an update that assigns them or, under Observe, the manifest assigns them anew.
	Roles []string
	// End of the pass: a Finding, the error that a step ended with, ErrOutdated or ErrEndless.
	End error
}

// Convergence brings one connection to what its manifest says, by one step of the plan after another, each on what was read after
// the last one. It does nothing itself: it is told what was read, and what became of the step that it asked for, and says
// the next Move.
//
//	zero Move ──▶ Next(what was read) ──▶ Step ──▶ Took, or Failed(why) ──▶ Move
//	                    └──▶ Fresh            └──▶ the undoing Step, the next reading, or End
//	                    └──▶ Roles ──▶ Known(which exist) ──▶ End
//	                    └──▶ End
//
// A refused value keeps no other one back:
//
//	Stytch refused a value in an update of      then
//	several topics                              the pass is split: from now on each topic is sent by itself
//	one topic                                   it is set aside for this pass, and named in the end
//	one topic, twice in a row for a reason      the pass ends: it is not about a value
//	that names no field
//
// Nor does what the roles of a member do not permit, in whose name the calls are made. Role assignments need a right of their own:
//
//	Stytch denied an update of                  then
//	role assignments and other settings         they are sent apart from now on
//	role assignments alone                      they are set aside for this pass
//	anything else                               role assignments alone are tried, if there are any; otherwise the pass ends
//
// The next passes of the same generation begin split. While certificates are missing that came with a new endpoint (entity ID, URLs,
// issuer), the endpoint of an active connection waits for them: see waits.
type Convergence[O v1alpha1.Connection, R any] struct {
	kind     Kind[O, R]
	o        O
	identity Identity
	holder   func(id string) string
	began    time.Time

	readings int
	last     comparison[R]
	done     *Step         // what was done since the last reading
	taking   *Step         // the step that was asked for
	refused  *refusal      // what an undoing step is on its way for
	split    bool          // each topic is sent separately
	problems []Problem     // of steps that were set aside
	setAside []Topic       // which are not sent any more in this pass
	rejected *stytch.Error // by which the last step was refused, if the refusal named no field

	apart     bool // role assignments are sent apart from everything else
	noRoles   bool // and are not sent any more in this pass
	onlyRoles bool // nothing else is sent any more in this pass

	request stytch.Request // of the first step that was set aside
}

// refusal is a step that Stytch refused.
type refusal struct {
	step Step
	err  error
}

// comparison is what one reading of manifest, inputs and Stytch found.
type comparison[R any] struct {
	remote            R
	shown             *Remote
	problems          []Problem
	plan              []Step   // everything that differs
	left              []Step   // without what was sent before and read back different, what was set aside and what waits
	waiting           []Change // for certificates
	stuck             []v1alpha1.NotConverging
	rotating, message string // of the condition Rotating
}

// Converge begins the convergence of a connection that was identified, in a pass that began at a time. Holder says who, among the
// other manifests, holds a connection before this one: "" for nobody; it is asked before each step.
func Converge[O v1alpha1.Connection, R any](kind Kind[O, R], o O, identity Identity, holder func(id string) string, began time.Time) *Convergence[O, R] {
	return &Convergence[O, R]{
		kind: kind, o: o, identity: identity, holder: holder, began: began,
		last:  comparison[R]{stuck: o.CommonStatus().NotConverging},
		split: wasRejected(o),
	}
}

// Next says what to do on what was read: the connection, from a list that was begun at a time, and what its manifest names.
func (c *Convergence[O, R]) Next(r R, listed time.Time, in Inputs, now time.Time) Move {
	if c.readings++; c.readings > maxReadings {
		return Move{End: ErrEndless}
	}
	this := c.compare(r, in)
	fresh := this.unsure() && listed.Before(c.began)
	c.last, c.done = this, nil
	switch {
	case fresh:
		return Move{Fresh: true}
	case Observing(c.o) || len(this.left) == 0:
		return c.end()
	}
	if holder := c.holder(c.identity.ID); holder != "" {
		return Move{End: Finding{Reason: v1alpha1.ReasonConflict, Message: heldMessage(c.identity.ID, holder) + "."}}
	}
	step := this.left[0]
	if c.split {
		step = step.byTopic()[0]
	}
	if c.apart {
		step = step.byRight()[0]
	}
	return c.take(step, now)
}

// compare looks at manifest, inputs and Stytch. A change that the step just done made, and that is still in the plan, does not
// converge.
func (c *Convergence[O, R]) compare(r R, in Inputs) comparison[R] {
	before := r
	if c.done != nil {
		before = c.last.remote
	}
	c.kind.Note(c.o, Event[R]{Type: InputsRead, Inputs: in, Now: c.began})
	c.kind.Note(c.o, Event[R]{Type: Observed, Before: before, Remote: r, Step: c.done, Now: c.began})
	want, have, problems := c.kind.States(c.o, r, in)
	this := comparison[R]{remote: r, shown: c.kind.remote(r), plan: c.kind.PlanFor(c.o, want, have)}
	if !Observing(c.o) {
		this.shown.Astray = astray(this.plan, want, have)
	}
	this.problems = slices.Concat(problems, c.kind.Complaints(c.o, want, have), c.problems)
	if c.kind.Rotating != nil {
		this.rotating, this.message = c.kind.Rotating(c.o, want, have)
	}
	stuck := c.last.stuck
	if c.done != nil {
		stuck = append(slices.Clone(stuck), Repeated(*c.done, this.plan)...)
	}
	this.left, this.stuck = Withhold(this.plan, stuck)
	this.left, _ = leaveOut(this.left, func(change Change) bool { return slices.Contains(c.setAside, change.Topic) || c.denied(change) })
	if c.waits(want, this) {
		this.left, this.waiting = leaveOut(this.left, func(change Change) bool { return change.Topic == TopicEndpoint })
	}
	if Halted(this.problems) {
		this.left = nil
	}
	c.kind.Note(c.o, Event[R]{Type: Compared, Remote: r, Want: want, Now: c.began})
	if c.kind.Publish != nil {
		c.kind.Publish(c.o, r, want)
	}
	return this
}

// astray are the fields in which logins differ from what the manifest wants: the endpoint, the mapping and roles, and certificates
// that are there and unwanted, or of which no wanted one is there.
func astray(plan []Step, want, have State) []string {
	var fields []string
	named := false
	for _, s := range plan {
		for _, c := range s.Changes {
			certificate := c.Topic.order == orderCertificate && (c.Kind == Removed || noneThere(want, have))
			if (certificate || c.Topic == TopicEndpoint || c.Topic == TopicMapping) && differs(c.Want, c.Have) {
				fields = AddOnce(fields, c.Field)
				named = named || certificate
			}
		}
	}
	if !named && noneThere(want, have) && slices.ContainsFunc(want.Certificates, func(c Certificate) bool { return !c.Expired(want.Now) }) {
		fields = append(fields, fieldCertificates) // which no change of the plan brings: a document does, or Stytch refused them before
	}
	return fields
}

// noneThere says that none of the wanted certificates is at Stytch.
func noneThere(want, have State) bool {
	return !slices.ContainsFunc(want.Certificates, func(w Certificate) bool {
		return slices.ContainsFunc(have.Certificates, func(h Certificate) bool { return h.SHA256 == w.SHA256 })
	})
}

// wasRejected says that the last pass of this generation ended with a value that Stytch refused.
func wasRejected(o v1alpha1.Connection) bool {
	synced := meta.FindStatusCondition(o.CommonStatus().Conditions, v1alpha1.ConditionSynced)
	return synced != nil && synced.Reason == v1alpha1.ReasonRejected && synced.ObservedGeneration == o.GetGeneration()
}

// waits says that the endpoint is not sent yet: the connection is active, this generation was never applied, and not all certificates
// that it wants are at Stytch or go in the same update. A new endpoint without its certificates would stop every login, where
// the old one goes on as it is. What somebody changed at Stytch does not wait.
func (c *Convergence[O, R]) waits(want State, this comparison[R]) bool {
	if Observing(c.o) || this.shown.State != StateActive || c.o.CommonStatus().AppliedGeneration == c.o.GetGeneration() {
		return false
	}
	missing := 0
	for _, s := range this.plan {
		for _, change := range s.Changes {
			if change.Topic.order == orderCertificate && change.Kind == Added {
				missing++
			}
		}
	}
	return want.Incomplete || missing > 1 || missing == 1 && c.split
}

// unsure says that what was found may only be acted on, or complained of, if it was read in this pass.
func (c comparison[R]) unsure() bool {
	return len(c.left) > 0 && c.left[0].Fresh || slices.ContainsFunc(c.problems, func(p Problem) bool { return p.Fresh })
}

// take asks for a step.
func (c *Convergence[O, R]) take(step Step, now time.Time) Move {
	before := c.o.DeepCopyObject()
	c.kind.Note(c.o, Event[R]{Type: StepBegins, Remote: c.last.remote, Step: &step, Now: now})
	c.taking = &step
	return Move{Step: &step, WriteAhead: !equality.Semantic.DeepEqual(before, c.o)}
}

// Took is told that the step was taken, with Stytch's warning where it gave one.
func (c *Convergence[O, R]) Took(warning string) Move {
	c.kind.Note(c.o, Event[R]{Type: StepDone, Step: c.taking, Warning: warning, Now: c.began})
	if c.refused != nil {
		undone := *c.refused
		c.refused = nil
		return c.without(undone)
	}
	c.done, c.rejected = c.taking, nil
	return Move{}
}

// Failed is told that the step was not taken, or that nobody knows whether it was: by the error that it ended with, where Stytch
// last listed the organization's connections at a time. A refusal is answered by taking back what made room for the step, and
// by setting it aside where nothing else waits for it. Everything else ends the pass; so does an old list that Stytch denies, since
// what there is to take back can only be told by a new one.
func (c *Convergence[O, R]) Failed(err error, listed time.Time) Move {
	if c.refused != nil {
		return Move{End: err}
	}
	failed, answered := errors.AsType[*stytch.Error](err)
	if _, unsent := errors.AsType[Unsent](err); unsent || answered && !failed.Unknown() {
		c.kind.Note(c.o, Event[R]{Type: StepFailed, Step: c.taking, Refusal: failed, Now: c.began})
	}
	switch {
	case answered && failed.Class == stytch.NotFound && listed.Before(c.began):
		return Move{End: ErrOutdated}
	case answered && failed.Class == stytch.Rejected && c.kind.Undo != nil:
		if undo := c.kind.Undo(c.o, *c.taking); undo != nil {
			c.refused = &refusal{*c.taking, err}
			c.taking = undo
			return Move{Step: undo}
		}
	}
	return c.without(refusal{*c.taking, err})
}

// without goes on without a step that could not be taken, if nothing else waits for it or Stytch refused a value in it. A step about
// several topics is taken again topic by topic.
func (c *Convergence[O, R]) without(r refusal) Move {
	topic, one := r.step.topic()
	failed, _ := errors.AsType[*stytch.Error](r.err)
	found, unwritable := errors.AsType[Finding](r.err)
	value := failed != nil && aboutAValue(failed)
	switch {
	case failed != nil && len(failed.Rights) > 0:
		return c.withoutRight(r, failed)
	case one && topic.Alone && unwritable:
		c.problems = append(c.problems, Problem{Reason: found.Reason, Message: found.Message})
	case value && !one:
		c.split = true
		return Move{}
	case value && c.again(failed, r.step):
		return Move{End: r.err}
	case value || one && topic.Alone && failed != nil && failed.Class == stytch.Rejected:
		c.problems = append(c.problems, refusedProblem(failed, r.step))
		if c.request.Operation == "" {
			c.request = failed.Request
		}
	default:
		return Move{End: r.err}
	}
	c.setAside = append(c.setAside, topic)
	return Move{}
}

// withoutRight goes on without what a member's roles do not permit.
func (c *Convergence[O, R]) withoutRight(r refusal, failed *stytch.Error) Move {
	parts := r.step.byRight()
	switch {
	case len(parts) > 1:
		c.apart = true
		return Move{}
	case assignsRoles(parts[0].Changes[0]):
		c.noRoles = true
	case slices.ContainsFunc(c.last.left, func(s Step) bool { return slices.ContainsFunc(s.Changes, assignsRoles) }):
		c.apart, c.onlyRoles = true, true
	default:
		return Move{End: r.err}
	}
	c.problems = append(c.problems, refusedProblem(failed, r.step))
	if c.request.Operation == "" {
		c.request = failed.Request
	}
	return Move{}
}

// denied says that a change is not sent any more in this pass, because the member's roles do not permit it.
func (c *Convergence[O, R]) denied(change Change) bool {
	return c.noRoles && assignsRoles(change) || c.onlyRoles && !assignsRoles(change)
}

// aboutAValue says that Stytch refused what was sent, and not the project, the organization, the plan or a right.
func aboutAValue(failed *stytch.Error) bool {
	reason, _ := Failure(failed)
	return failed.Class == stytch.Rejected && reason == v1alpha1.ReasonRejected && planLimit(failed.ErrorType) == ""
}

// again says that two steps in a row were refused for the same reason, which names no field: then it is about none of them.
func (c *Convergence[O, R]) again(failed *stytch.Error, step Step) bool {
	last := c.rejected
	c.rejected = nil
	if namesField(failed, step) {
		return false
	}
	c.rejected = failed
	return last != nil && last.ErrorType == failed.ErrorType
}

// namesField says that a refusal speaks of what a step changes.
func namesField(failed *stytch.Error, step Step) bool {
	said := strings.ToLower(failed.ErrorType + " " + failed.Message)
	return slices.ContainsFunc(step.Changes, func(c Change) bool {
		return strings.Contains(said, c.Field) || slices.ContainsFunc(c.Topic.words(), func(word string) bool { return strings.Contains(said, word) })
	})
}

// refusedProblem is what there is to say about a step that Stytch refused.
func refusedProblem(failed *stytch.Error, step Step) Problem {
	reason, message := Failure(failed)
	return Problem{Reason: reason, Message: fmt.Sprintf("Stytch rejected %s: %s", changed(step.Changes), message)}
}

// changed names changes for a sentence: by their fields, or by where the value stands in the manifest and its fingerprint.
func changed(changes []Change) string {
	var names []string
	for _, c := range changes {
		name := c.Field
		if c.Where != "" {
			name = fmt.Sprintf("%s (%s)", c.Where, c.Want.Same[:min(len(c.Want.Same), 16)])
		}
		if differs(c.Want, c.Have) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// end ends the pass with what was found. Where roles may be unknown it asks first which there are, since a refusal does not say: only
// then, and not before an update that was never refused.
func (c *Convergence[O, R]) end() Move {
	if Observing(c.o) || slices.Contains(c.setAside, TopicMapping) {
		if roles := assigned(c.last.plan); len(roles) > 0 {
			return Move{Roles: roles}
		}
	}
	return Move{End: c.found()}
}

// Known is told which roles there are; none where that cannot be read.
func (c *Convergence[O, R]) Known(roles []string) Move {
	if problem, unknown := unknownRoles(assigned(c.last.plan), roles); unknown {
		c.last.problems = append(slices.Clone(c.last.problems), problem)
	}
	return Move{End: c.found()}
}

// Report adds to a pass's report what the last reading showed. It is left as it is where nothing was read.
func (c *Convergence[O, R]) Report(r Report) Report {
	if c.readings == 0 {
		return r
	}
	r.Remote, r.Plan, r.NotConverging = c.last.shown, Show(c.last.plan), c.last.stuck
	r.Rotating, r.RotatingMessage = c.last.rotating, c.last.message
	return r
}

// found says what the last reading came to.
func (c *Convergence[O, R]) found() Finding {
	problems := c.last.problems
	if len(c.identity.Others) > 0 {
		problems = append(slices.Clone(problems), Problem{Message: fmt.Sprintf(
			"Unused connections, left by a create request whose response was lost: %s. Delete them in Stytch.", strings.Join(c.identity.Others, ", "))})
	}
	if c.identity.Note != "" {
		problems = append(slices.Clone(problems), Problem{Message: c.identity.Note})
	}
	if len(c.last.waiting) > 0 {
		problems = append(slices.Clone(problems), Problem{Message: fmt.Sprintf(
			"Not sent until all certificates of the manifest are in Stytch: %s.", changed(c.last.waiting))})
	}
	reason, message := Worst(problems)
	switch {
	case reason != "":
		return Finding{Reason: reason, Message: message, Request: c.request}
	case len(c.last.stuck) > 0 && !Observing(c.o):
		return Finding{Reason: v1alpha1.ReasonNotConverging, Message: join(fmt.Sprintf(
			"Stytch accepted a change but returns another value for: %s. The change is not sent again until one of the two values changes. Set the value that Stytch returns, or remove the field from the manifest.",
			fieldsOf(c.last.stuck)), message)}
	case len(c.last.plan) > 0:
		return Finding{Reason: v1alpha1.ReasonPlanPending, Note: message, Message: join(fmt.Sprintf(
			"Stytch differs from the manifest in: %s. Nothing is sent because management is Observe. See status.plan for the values.", Names(c.last.plan)), message)}
	default:
		return Finding{Reason: v1alpha1.ReasonInSync, Message: join("Stytch matches the manifest.", message)}
	}
}

func fieldsOf(stuck []v1alpha1.NotConverging) string {
	var names []string
	for _, s := range stuck {
		names = append(names, s.Field)
	}
	return strings.Join(slices.Compact(names), ", ")
}

package connection

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Report is what a pass learned.
type Report struct {
	// Reason and Message of Synced.
	Reason, Message string
	// Remote is the connection as Stytch showed it; nil where the pass did not see it.
	Remote *Remote
	// Contested is the connection of another manifest that a Conflict is about.
	Contested string
	// Twins are connections that are probably another one for the same purpose. They count where Remote does.
	Twins []string
	// Inputs that the desired state was computed from; nil where the pass did not come to read them.
	Inputs []v1alpha1.Input
	// Plan that was not carried out, and what does not converge. They count where Remote does.
	Plan          []v1alpha1.Change
	NotConverging []v1alpha1.NotConverging
	// Expiring is the reason of ExpiringSoon, with its message; empty where nothing ends soon.
	Expiring, ExpiringMessage string
	// Rotating is the reason of the condition Rotating, with its message; empty where no rotation is under way. They count where
	// Remote does.
	Rotating, RotatingMessage string
	// Request is the last call that changed something, or that failed.
	Request stytch.Request
	// Note is what is mentioned in the message of Synced in addition, whatever the reason.
	Note string
	// Resync is the requested resync that the pass was; empty for none.
	Resync string
	// Slot is when the slot of the pass began.
	Slot time.Time
	// Waits says that the manifest waits for an object of its namespace, and Patience, for how long that is normal; zero for ever.
	Waits    bool
	Patience time.Duration
	// Leaving says that the manifest is being deleted: Ready stays as it is, since no generation is to be applied any more.
	Leaving bool
}

// Remote is the connection as Stytch showed it.
type Remote struct {
	// Absent says that there is none.
	Absent  bool
	State   string
	Missing []string
	// Astray are the fields that decide about logins and that the pass left at another value than the manifest's.
	Astray []string
}

// readiness is how Ready follows from a reason.
type readiness int

const (
	fromRemote    readiness = iota // as the connection at Stytch is
	keepIfApplied                  // its last truth, if the manifest's desired state was met then
	notReady                       // False
	keep                           // its last truth, whatever the manifest's generation
)

// remedy is who goes on.
type remedy int

const (
	nobody remedy = iota
	itself
	somebody
)

type rule struct {
	synced metav1.ConditionStatus
	ready  readiness
	remedy remedy
}

// ruleOf is the table of what is learned and what is said.
func ruleOf(reason string) rule {
	switch reason {
	case v1alpha1.ReasonInSync:
		return rule{metav1.ConditionTrue, fromRemote, nobody}
	case v1alpha1.ReasonPlanPending:
		return rule{metav1.ConditionFalse, fromRemote, nobody}
	case v1alpha1.ReasonMetadataUnread, v1alpha1.ReasonKeysUnidentified:
		return rule{metav1.ConditionFalse, fromRemote, somebody}
	case v1alpha1.ReasonPaused:
		return rule{metav1.ConditionUnknown, keep, nobody}
	case v1alpha1.ReasonInputMissing, v1alpha1.ReasonSourceNotReady, v1alpha1.ReasonGroupsPending,
		v1alpha1.ReasonThrottled, v1alpha1.ReasonUnavailable:
		return rule{metav1.ConditionFalse, keepIfApplied, itself}
	case v1alpha1.ReasonCreationInDoubt:
		return rule{metav1.ConditionFalse, notReady, itself}
	case v1alpha1.ReasonConflict, v1alpha1.ReasonRemoteMissing, v1alpha1.ReasonNotGranted:
		return rule{metav1.ConditionFalse, notReady, somebody}
	case v1alpha1.ReasonDeletionBlocked:
		return rule{metav1.ConditionFalse, keep, somebody}
	default: // Invalid, CredentialsRejected, PermissionDenied, Rejected, NotConverging, DiscoveryFailed
		return rule{metav1.ConditionFalse, keepIfApplied, somebody}
	}
}

// Applied says whether a reason means that the desired state of the manifest's generation is fully met.
func Applied(reason string) bool {
	switch reason {
	case v1alpha1.ReasonInSync, v1alpha1.ReasonPlanPending, v1alpha1.ReasonPaused:
		return true
	}
	return false
}

// Judge turns what a pass learned into status. A repeated finding gives the same status to the letter, so that it is not
// written again.
func Judge(was v1alpha1.ConnectionStatus, generation int64, r Report, now time.Time) v1alpha1.ConnectionStatus {
	status := *was.DeepCopy()
	status.ObservedGeneration = generation
	status.WaitingSince = wait(was.WaitingSince, r.Waits, was.ObservedGeneration != generation, now)
	if Applied(r.Reason) {
		status.AppliedGeneration = generation
	}
	if r.Inputs != nil {
		status.Inputs = r.Inputs
	}
	if r.Remote != nil {
		status.State = CutTo(64, r.Remote.State)
		status.Plan = r.Plan
		status.ProbableTwins = r.Twins
		status.NotConverging = r.NotConverging
	}
	if r.Resync != "" {
		status.LastHandledResync = r.Resync
	}
	if r.Reason == v1alpha1.ReasonConflict || r.Remote != nil {
		status.ConflictingConnectionID = r.Contested
	}
	status.LastRequest = lastRequest(was.LastRequest, r.Request, r.Reason)

	rule := ruleOf(r.Reason)
	if r.Leaving {
		rule.ready = keep
	}
	conditions := conditionSet{list: &status.Conditions, generation: generation, now: metav1.NewTime(now)}
	if r.astray(was) {
		conditions.set(v1alpha1.ConditionReady, metav1.ConditionFalse, r.Reason,
			join(fmt.Sprintf("Stytch differs from the manifest in: %s.", strings.Join(r.Remote.Astray, ", ")), r.Message))
	} else {
		conditions.ready(rule.ready, r, status.AppliedGeneration == generation)
	}
	conditions.set(v1alpha1.ConditionSynced, rule.synced, r.Reason, join(r.Message, r.Note))
	conditions.remedy(remedyOf(r.Reason, status.WaitingSince, r.Patience, now), r.Reason, r.Message)
	conditions.setIf(v1alpha1.ConditionExpiringSoon, r.Expiring, r.ExpiringMessage)
	conditions.rotating(r)
	return status
}

// astray says that logins do not go where the manifest says, and that this pass did not change that. A repair that only waits has
// until the next slot.
func (r Report) astray(was v1alpha1.ConnectionStatus) bool {
	if r.Remote == nil || len(r.Remote.Astray) == 0 || ruleOf(r.Reason).ready != keepIfApplied {
		return false
	}
	if r.Reason != v1alpha1.ReasonThrottled && r.Reason != v1alpha1.ReasonUnavailable {
		return true
	}
	synced := meta.FindStatusCondition(was.Conditions, v1alpha1.ConditionSynced)
	return synced != nil && synced.Status == metav1.ConditionFalse && synced.LastTransitionTime.Time.Before(r.Slot)
}

// Warn puts into status what ends soon, and nothing else.
func Warn(was v1alpha1.ConnectionStatus, generation int64, reason, message string, now time.Time) v1alpha1.ConnectionStatus {
	status := *was.DeepCopy()
	conditions := conditionSet{list: &status.Conditions, generation: generation, now: metav1.NewTime(now)}
	conditions.setIf(v1alpha1.ConditionExpiringSoon, reason, message)
	return status
}

// lastRequest keeps the first of a run of equal failures. An answer that is not Stytch's may come with a 200: then only the
// reason tells that the call failed.
func lastRequest(was *v1alpha1.Request, r stytch.Request, reason string) *v1alpha1.Request {
	if r.Operation == "" {
		return was
	}
	failed := r.StatusCode < 200 || r.StatusCode > 299 ||
		reason == v1alpha1.ReasonUnavailable || reason == v1alpha1.ReasonCreationInDoubt
	if failed && was != nil && was.Operation == r.Operation && int(was.StatusCode) == r.StatusCode && was.ErrorType == r.ErrorType {
		return was
	}
	return &v1alpha1.Request{
		RequestID: CutTo(128, r.ID), Operation: r.Operation, StatusCode: int64(r.StatusCode),
		ErrorType: CutTo(128, r.ErrorType), Time: metav1.NewTime(r.Time),
	}
}

// conditionSet writes conditions, each for the generation at hand.
type conditionSet struct {
	list       *[]metav1.Condition
	generation int64
	now        metav1.Time
}

// maxMessage is the longest message that a condition may have.
const maxMessage = 32768

func (c conditionSet) set(kind string, status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(c.list, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: CutTo(maxMessage, message),
		ObservedGeneration: c.generation, LastTransitionTime: c.now,
	})
}

func (c conditionSet) ready(how readiness, r Report, applied bool) {
	last := meta.FindStatusCondition(*c.list, v1alpha1.ConditionReady)
	switch {
	case how == fromRemote && r.Remote.Absent:
		c.set(v1alpha1.ConditionReady, metav1.ConditionFalse, r.Reason, r.Message)
	case how == fromRemote && len(r.Remote.Missing) > 0:
		c.set(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonPending,
			"Stytch needs these fields to activate the connection: "+strings.Join(r.Remote.Missing, ", ")+". Set them.")
	case how == fromRemote && r.Remote.State != StateActive:
		c.set(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonPending,
			fmt.Sprintf("Stytch reports the connection as %q, although no required field is known to be missing. Check the connection in Stytch.", r.Remote.State))
	case how == fromRemote:
		c.set(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonActive, "Stytch reports the connection as active.")
	case last != nil && (how == keep || how == keepIfApplied && applied):
		c.set(last.Type, last.Status, last.Reason, last.Message)
	case how == keep:
		c.set(v1alpha1.ConditionReady, metav1.ConditionUnknown, r.Reason, r.Message)
	default:
		c.set(v1alpha1.ConditionReady, metav1.ConditionFalse, r.Reason, r.Message)
	}
}

// StateActive is what Stytch calls a connection that is in use.
const StateActive = "active"

// remedy lets the one condition stand that says who goes on. One that stands already is kept, so that it is not written again.
func (c conditionSet) remedy(who remedy, reason, message string) {
	for kind, standsFor := range map[string]remedy{v1alpha1.ConditionReconciling: itself, v1alpha1.ConditionStalled: somebody} {
		if who == standsFor {
			c.set(kind, metav1.ConditionTrue, reason, message)
		} else {
			meta.RemoveStatusCondition(c.list, kind)
		}
	}
}

// setIf sets a condition that is present only while there is a reason for it.
func (c conditionSet) setIf(kind, reason, message string) {
	if reason == "" {
		meta.RemoveStatusCondition(c.list, kind)
		return
	}
	c.set(kind, metav1.ConditionTrue, reason, message)
}

// rotating lets Rotating stand while a rotation is under way. A pass that did not see the connection leaves it as it is.
func (c conditionSet) rotating(r Report) {
	reason, message := r.Rotating, r.RotatingMessage
	if last := meta.FindStatusCondition(*c.list, v1alpha1.ConditionRotating); r.Remote == nil && last != nil {
		reason, message = last.Reason, last.Message
	}
	c.setIf(v1alpha1.ConditionRotating, reason, message)
}

// ProjectReport is what a check of a StytchProject's credentials found.
type ProjectReport struct {
	// Reason and Message of Ready. Empty where nothing was checked, because nothing has changed.
	Reason, Message string
	// Inputs are the Secrets that were read.
	Inputs []v1alpha1.Input
	// Environment and Name of the project at Stytch.
	Environment, Name string
	// Request is the call that was made.
	Request stytch.Request
	// DriftLate says that drift checks come later than they should.
	DriftLate bool
	// Users keep the StytchProject, which is being deleted.
	Users []User
	// Patience is for how long it is normal that the Secret is missing; zero for ever.
	Patience time.Duration
}

// JudgeProject turns a check into the status of a StytchProject. A repeated finding gives the same status to the letter.
func JudgeProject(was v1alpha1.ProjectStatus, generation int64, r ProjectReport, now time.Time) v1alpha1.ProjectStatus {
	status := *was.DeepCopy()
	conditions := conditionSet{list: &status.Conditions, generation: generation, now: metav1.NewTime(now)}
	if r.Reason != "" {
		status.WaitingSince = wait(was.WaitingSince, r.Reason == v1alpha1.ReasonInputMissing, was.ObservedGeneration != generation, now)
		status.ObservedGeneration = generation
		status.Environment = r.Environment
		status.Inputs = r.Inputs
		status.LastRequest = lastRequest(was.LastRequest, r.Request, r.Reason)
		conditions.credentials(r)
	}
	if r.Reason == v1alpha1.ReasonVerified {
		status.ProjectName = cmp.Or(Cut(r.Name), was.ProjectName)
	}
	if r.Reason == v1alpha1.ReasonVerified || r.Reason == "" && meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReady) {
		conditions.verified(r.DriftLate)
	}
	conditions.project(r.Users, status.WaitingSince, r.Patience)
	return status
}

func (c conditionSet) credentials(r ProjectReport) {
	if r.Reason != v1alpha1.ReasonVerified {
		c.set(v1alpha1.ConditionReady, metav1.ConditionFalse, r.Reason, r.Message)
	}
}

const (
	projectVerified = "Stytch accepts the credentials."
	driftLate       = " Drift checks come later than the resync interval asks for, because edits, deletions and creations go first and spec.rateLimit is reached. " +
		"Raise spec.rateLimit as far as Stytch allows, or the resync interval."
)

// verified lets Ready say that the credentials are accepted, and whether drift checks are late.
func (c conditionSet) verified(late bool) {
	message := projectVerified
	if late {
		message += driftLate
	}
	c.set(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonVerified, message)
}

// project lets the condition stand that says who goes on: with the credentials or, while the StytchProject is being deleted, with the
// connections that it is kept for.
func (c conditionSet) project(users []User, waitingSince *metav1.Time, patience time.Duration) {
	ready := meta.FindStatusCondition(*c.list, v1alpha1.ConditionReady)
	if ready == nil {
		return
	}
	who, reason, message := remedyOf(ready.Reason, waitingSince, patience, c.now.Time), ready.Reason, ready.Message
	if ready.Status == metav1.ConditionTrue {
		who = nobody
	}
	if len(users) > 0 {
		kept, waits := inUse(users)
		reason, message = v1alpha1.ReasonInUse, kept
		if waits || who == somebody {
			who = somebody
		} else {
			who = itself
		}
	}
	c.remedy(who, reason, message)
}

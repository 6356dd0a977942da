package connection

import (
	"fmt"
	"slices"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// MayCreate says why a connection is not created: something in the manifest, or in what it names, is invalid or is missing. It is
// true, with no reason, where it may be.
func (k Kind[O, R]) MayCreate(o O, in Inputs) (Finding, bool) {
	_, problems := k.Anew(o, in)
	return hindrance(problems)
}

func hindrance(problems []Problem) (Finding, bool) {
	reason, message := Worst(problems)
	return Finding{Reason: reason, Message: message, Absent: true}, reason == ""
}

// Foreseen is what Manage would create, and how it would look.
type Foreseen struct {
	Plan []v1alpha1.Change
	// Roles that it would assign, of which Stytch may not have all.
	Roles   []string
	finding Finding
}

// Foresee says, under Observe, what Manage would create.
func (k Kind[O, R]) Foresee(o O, in Inputs) Foreseen {
	want, problems := k.Anew(o, in)
	plan := k.PlanFor(o, want, State{New: true})
	found, may := hindrance(problems)
	if may {
		found = Finding{Reason: v1alpha1.ReasonPlanPending, Absent: true, Message: fmt.Sprintf(
			"The connection does not exist. It is not created because management is Observe. With management: Manage, the operator creates a connection named %q with the values in status.plan.",
			RealName(o))}
	}
	return Foreseen{Plan: Show(plan), Roles: assigned(plan), finding: found}
}

// Finding is what to say, given the roles that there are; none where that cannot be read.
func (f Foreseen) Finding(known []string) Finding {
	problem, _ := unknownRoles(f.Roles, known)
	f.finding.Message, f.finding.Note = join(f.finding.Message, problem.Message), problem.Message
	return f.finding
}

// SettleTime covers the longest time after which a request may take effect whose sender was killed, or gave up.
const SettleTime = 60 * time.Second

// Attempt is what a process knows of the creations of a manifest's connection.
type Attempt struct {
	// UnknownAt is the last one of this process whose outcome is unknown; zero for none.
	UnknownAt time.Time
	// Certain says that none of an earlier process can be on its way: this process wrote the finalizer itself, or Stytch answered a
	// creation definitely.
	Certain bool
	// Begun says that the manifest has the finalizer: from then on there may be one.
	Begun bool
	// Started is when this process began to take passes or, if that is later, first saw that the manifest has the finalizer.
	Started time.Time
}

// Believable is the time from which a list that shows nothing proves that nothing is on its way: a settle time after what may be.
// Zero where nothing may.
func (a Attempt) Believable(settle time.Duration) time.Time {
	switch {
	case !a.UnknownAt.IsZero():
		return a.UnknownAt.Add(settle)
	case a.Certain || !a.Begun:
		return time.Time{}
	default:
		return a.Started.Add(settle)
	}
}

// NotCreated says what a creation that failed means for the pass. Unknown says that it may still have happened. Outdated says
// that the last list of the organization is older than the pass.
func NotCreated(o v1alpha1.Connection, failed *stytch.Error, outdated bool) (unknown bool, end error) {
	there := []string{"active_scim_connection_exists", "duplicate_external_sso_connection", "duplicate_saml_connection"}
	switch {
	case failed.Unknown():
		return true, Finding{Reason: v1alpha1.ReasonCreationInDoubt, Soon: true, Message: inDoubt(o), Request: failed.Request}
	case outdated && slices.Contains(there, failed.ErrorType):
		return false, ErrOutdated
	}
	return false, failed
}

// inDoubt says what is done while a creation may have happened. It is the same when the answer was just lost and when it is looked
// for, so that a creation which keeps failing is not written down again and again.
func inDoubt(o v1alpha1.Connection) string {
	return fmt.Sprintf("The response to a create request may have been lost. Looking for a connection named %q before creating another.",
		ProvisionalName(RealName(o), MarkOf(o)))
}

// WithProvider is the body of a creating call that takes an identity provider.
func WithProvider(provider string) stytch.Fields {
	if provider == "" {
		return stytch.Fields{}
	}
	return stytch.Fields{fieldIdentityProvider: provider}
}

// MissingFields are the names of what a pending connection needs to become active and does not have.
type MissingFields []string

// If adds a name where that is missing.
func (m *MissingFields) If(missing bool, name string) {
	if missing {
		*m = append(*m, name)
	}
}

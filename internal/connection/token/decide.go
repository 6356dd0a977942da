package token

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// rotationContext is what is known of a bearer token in addition to what the Secret stores and what Stytch has: what spec and
// annotations ask for, and what status remembers.
type rotationContext struct {
	// Spec says when a rotation starts and is completed automatically. Nil: never.
	Spec *v1alpha1.SCIMTokenRotation
	// Rotate, Acknowledge and Cancel are the values of the annotations.
	Rotate, Acknowledge, Cancel string
	// Known is what status has.
	Known v1alpha1.SCIMBearerTokenStatus
	// Secret is the name of the token's Secret, and ID that of the connection.
	Secret, ID string
	Now        time.Time
	// Settle is the settle time.
	Settle time.Duration
}

// startTime is how long a call that starts a rotation lasts at most, with the proof of the Secret before it. Where its answer was
// lost it may yet take effect for the settle time after that, as a creation may.
const startTime = 15 * time.Second

// maxHandled is how many values of rotate-token are remembered, and longestRequest how long one may be.
const (
	maxHandled     = 8
	longestRequest = 64
)

func contextOf(o *v1alpha1.SCIMConnection, now time.Time, settle time.Duration) rotationContext {
	c := rotationContext{
		Spec:        o.Spec.BearerToken.Rotation,
		Rotate:      o.Annotations[v1alpha1.AnnotationRotateToken],
		Acknowledge: o.Annotations[v1alpha1.AnnotationAcknowledgeToken],
		Cancel:      o.Annotations[v1alpha1.AnnotationCancelRotation],
		Secret:      o.Spec.BearerToken.SecretName,
		ID:          cmp.Or(connection.RecordOf(o).ID, o.Spec.ConnectionID),
		Now:         now,
		Settle:      settle,
	}
	if o.Status.BearerToken != nil {
		c.Known = *o.Status.BearerToken
	}
	return c
}

// Decision is what is to be done about a token, and what is to be said of it.
type Decision struct {
	Step              *connection.Step
	Rotating, Message string // the reason of the condition Rotating, empty where there is none, and its message
	Problems          []connection.Problem
}

// Decide says what is to be done about the token, and what is to be said of it.
func Decide(o *v1alpha1.SCIMConnection, want, have connection.State) Decision {
	if want.Token == nil || have.Token == nil {
		return Decision{}
	}
	return decide(contextOf(o, want.Now, want.Settle), want.Token, have.Token, have.New)
}

// decide says what is to be done about a token: c is what is known of it, stored is what the Secret holds, current what Stytch
// accepts. Tokens are known by their last four characters, and every step is decided by those that were read, so that an answer
// that was lost is no special case.
//
//	Stytch   Secret            besides                                   step
//	open     the next token    cancel-rotation names it                  cancel
//	open     the next token    acknowledge-token names it                complete
//	open     both tokens       Automatic, and the overlap is over        complete
//	open     the next token    otherwise                                 wait
//	open     not the next      our start, whose answer was lost          cancel: nobody can have it; then start again
//	open     not the next      cancel-rotation names it                  cancel
//	open     not the next      otherwise                                 leave it alone, and say so
//	none     it as the next    –                                         promote: it was completed
//	none     another as next   –                                         take that out: it was canceled
//	none     –                 a start may be on its way                 wait
//	none     –                 our start is known to be lost             start
//	none     –                 rotate-token asks for it                  start
//	none     not the token     which it held, and none was canceled      start
//	none     –                 renewBefore has come                      start
//
// While the connection bears the mark of its creation nobody can have its token, and all that is open is ours:
//
//	open     the next token, and not the current one                     complete
//	open     otherwise                                                   cancel
//	none     neither                                                     start
//
// Where both annotations name the next token, both are ignored. In a Secret that is not the connection's nothing is ever looked for, and with it nothing is done.
func decide(c rotationContext, stored, current *connection.Token, isNew bool) Decision {
	var d Decision
	switch {
	case isNew:
		d.Step = replaceLost(stored, current)
	case current.NextLastFour != "":
		d = c.open(stored, current)
	default:
		d = c.idle(stored, current)
	}
	if put := tidy(stored, current, isNew); put != nil && (d.Step == nil || d.Step.Action == StartRotation) {
		d.Step = put
	}
	switch {
	case stored.Foreign:
		d.Step, d.Problems = nil, nil
	case stored.Immutable && (d.Step != nil || current.NextLastFour != ""):
		if d.Step != nil && d.Step.Action != CancelRotation {
			d.Step = nil
		}
		d.Problems = append(d.Problems, connection.Problem{Reason: v1alpha1.ReasonInvalid, Message: ImmutableMessage(c.Secret, stored.LastFour+stored.NextLastFour != "")})
	}
	return d
}

// replaceLost brings a new token into the Secret of a connection that is still being created.
func replaceLost(stored, current *connection.Token) *connection.Step {
	held := stored.LastFour == current.LastFour
	switch {
	case current.NextLastFour != "" && current.NextLastFour == stored.NextLastFour && !held:
		return completion(current)
	case current.NextLastFour != "":
		return cancellation(current)
	case !held && stored.NextLastFour != current.LastFour:
		return start(current, "", "the token was lost during creation, before anyone could use it")
	}
	return nil
}

// open is what is done and said while Stytch has a rotation under way.
func (c rotationContext) open(stored, current *connection.Token) Decision {
	next := current.NextLastFour
	c.Known.StartedAt = since(c.Known.StartedAt, stored, current, c.Now)
	held, lost := stored.NextLastFour == next, c.starting()
	acknowledged, canceled := c.Acknowledge == next, c.Cancel == next
	contradict := acknowledged && canceled
	if contradict { // so nobody has asked for anything, and what goes by the clock goes on
		acknowledged, canceled = false, false
	}
	d := Decision{Problems: slices.Concat(c.missing(stored, current), c.ignoredWhileOpen(current))}
	d.Rotating, d.Message = c.waiting(stored, current)
	if contradict {
		d.mention("The annotations %s and %s both name the next token, so both are ignored. Remove one of them.",
			v1alpha1.AnnotationAcknowledgeToken, v1alpha1.AnnotationCancelRotation)
	}
	switch {
	case canceled:
		d.Step = cancellation(current)
	case held && (acknowledged || c.overlapped(stored, current)):
		d.Step = completion(current)
	case !held && lost:
		d.Step = cancellation(current)
		d.Step.Why = "it was lost before it was stored in the Secret, so nobody can use it"
	case !held && c.published(current):
		d.Problems = append(d.Problems, c.nextMissing(stored, current))
	case !held && acknowledged:
		d.mention("The annotation %s names the next token, but Secret %s does not contain that token. To complete the rotation, store it there under the key %s.",
			v1alpha1.AnnotationAcknowledgeToken, c.Secret, v1alpha1.SecretKeyNextToken)
	}
	return d
}

// idle is what is done and said while Stytch has no rotation under way.
func (c rotationContext) idle(stored, current *connection.Token) Decision {
	d := Decision{Problems: slices.Concat(c.missing(stored, current), c.ignoredWhileIdle(current))}
	due, tooLong := c.renewal(current.LastFour, current.ExpiresAt)
	lost := c.Known.SecretLastFour == current.LastFour && stored.LastFour != current.LastFour
	switch {
	case c.starting() && c.startUntil().After(c.Now):
		d.Rotating = v1alpha1.ReasonStarting
		d.Message = "The response to a request that starts a rotation may have been lost. Looking for that rotation before starting another. The current token is not changed."
	case c.starting():
		d.Step = start(current, "", "an earlier request to start a rotation was lost")
	case c.requested(current.LastFour):
		d.Step = start(current, c.Rotate, "requested by rotate-token "+c.Rotate)
	case lost && c.Known.CanceledAt == nil:
		d.Step = start(current, "", fmt.Sprintf("Secret %s no longer contains it", c.Secret))
	case !due.IsZero() && !due.After(c.Now):
		d.Step = start(current, "", "it expires at "+connection.FormatTime(current.ExpiresAt))
	}
	if tooLong {
		d.Problems = append(d.Problems, connection.Problem{Reason: v1alpha1.ReasonRenewBeforeTooLong, Message: fmt.Sprintf(
			"The token is valid from %s to %s, which is not longer than spec.bearerToken.rotation.renewBefore (%s), so no rotation is scheduled. Shorten renewBefore.",
			connection.FormatTime(c.Known.IssuedAt.Time), connection.FormatTime(current.ExpiresAt), c.Spec.RenewBefore.Duration)})
	}
	return d
}

// mention adds to what is said something that keeps nothing back.
func (d *Decision) mention(format string, args ...any) {
	d.Problems = append(d.Problems, connection.Problem{Message: fmt.Sprintf(format, args...)})
}

// starting says that a start was prepared of which nobody knows what became.
func (c rotationContext) starting() bool {
	return c.Known.Phase == v1alpha1.TokenRotating && c.Known.NextLastFour == ""
}

// startUntil is until when a prepared start may yet take effect; zero where it cannot.
func (c rotationContext) startUntil() time.Time {
	if c.Known.StartedAt == nil {
		return time.Time{}
	}
	return c.Known.StartedAt.Add(startTime + c.Settle)
}

// published says that the rotation under way was started here, and that its next token was in the Secret.
func (c rotationContext) published(current *connection.Token) bool {
	return c.Known.NextLastFour == current.NextLastFour && c.Known.StartedAt != nil
}

// since is when a rotation under way started. Where nobody knows, because status was lost or somebody else started it, it counts from
// the first sight of both tokens in the Secret: from then on they are offered, and the rotation is the manifest's.
func since(known *metav1.Time, stored, current *connection.Token, now time.Time) *metav1.Time {
	if known != nil || stored.LastFour != current.LastFour || stored.NextLastFour != current.NextLastFour {
		return known
	}
	return second(now)
}

// overlapped says that both tokens were offered for as long as an Automatic rotation offers them.
func (c rotationContext) overlapped(stored, current *connection.Token) bool {
	end := c.overlapEnd(current.ExpiresAt)
	return stored.LastFour == current.LastFour && !end.IsZero() && !end.After(c.Now)
}

// overlapEnd is when the rotation under way is completed automatically; zero where it is not. A current token that has expired
// needs no overlap.
func (c rotationContext) overlapEnd(expires time.Time) time.Time {
	if c.Spec == nil || c.Spec.Overlap == nil || c.Known.StartedAt == nil {
		return time.Time{}
	}
	end := c.Known.StartedAt.Add(c.Spec.Overlap.Duration)
	if !expires.IsZero() && expires.Before(end) {
		return expires
	}
	return end
}

// requested says that rotate-token asks for a rotation of this token, and was not answered yet.
func (c rotationContext) requested(lastFour string) bool {
	return wellFormed(c.Rotate) && c.Rotate[:4] == lastFour && !slices.Contains(c.Known.HandledRotate, c.Rotate)
}

// wellFormed says that a value of rotate-token is four characters, and perhaps a hyphen and more.
func wellFormed(value string) bool {
	return len(value) >= 4 && len(value) <= longestRequest && (len(value) == 4 || value[4] == '-')
}

// renewal is when a rotation is started by time; zero for never. After one was canceled it is the last tenth of the token's life,
// and after one was canceled in that, never. It is too long where the token does not live longer than renewBefore.
func (c rotationContext) renewal(lastFour string, expires time.Time) (at time.Time, tooLong bool) {
	if c.Spec == nil || c.Spec.RenewBefore == nil || expires.IsZero() || lastFour == "" {
		return time.Time{}, false
	}
	at = expires.Add(-c.Spec.RenewBefore.Duration)
	born := c.Known.IssuedAt
	if born != nil && !at.After(born.Time) {
		return time.Time{}, true
	}
	canceled := c.Known.CanceledAt
	if canceled == nil {
		return at, false
	}
	if born == nil {
		born = canceled
	}
	lastTenth := expires.Add(-expires.Sub(born.Time) / 10)
	if !canceled.Time.Before(lastTenth) {
		return time.Time{}, false
	}
	if lastTenth.After(at) {
		at = lastTenth
	}
	return at, false
}

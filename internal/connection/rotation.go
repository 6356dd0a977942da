package connection

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// Life is what is known of a bearer token beside the Secret and Stytch: what manifest and annotations ask for, and what status
// remembers.
type Life struct {
	// Spec says when a rotation starts and ends by itself. Nil: never.
	Spec *v1alpha1.SCIMTokenRotation
	// Rotate, Acknowledge and Cancel are the values of the annotations.
	Rotate, Acknowledge, Cancel string
	// Known is what status has.
	Known v1alpha1.SCIMBearerTokenStatus
	// Secret is the name of the token's Secret, and ID that of the connection.
	Secret, ID string
	Now        time.Time
}

// doubtful is for how long a start whose answer was lost may yet take effect: the call lasts 12 seconds at most, and a minute
// more is what a creation is given too.
const doubtful = 75 * time.Second

// maxHandled is how many values of rotate-token are remembered, and longestRequest how long one may be.
const (
	maxHandled     = 8
	longestRequest = 64
)

func lifeOf(o *v1alpha1.SCIMConnection, now time.Time) Life {
	l := Life{
		Spec:        o.Spec.BearerToken.Rotation,
		Rotate:      o.Annotations[v1alpha1.AnnotationRotateToken],
		Acknowledge: o.Annotations[v1alpha1.AnnotationAcknowledgeToken],
		Cancel:      o.Annotations[v1alpha1.AnnotationCancelRotation],
		Secret:      o.Spec.BearerToken.SecretName,
		ID:          cmp.Or(RecordOf(o).ID, o.Spec.ConnectionID),
		Now:         now,
	}
	if o.Status.BearerToken != nil {
		l.Known = *o.Status.BearerToken
	}
	return l
}

// verdict is what is to be done about a token, and what is to be said of it.
type verdict struct {
	step              *Step
	rotating, message string // the reason of the condition Rotating; empty where there is none
	problems          []Problem
}

// judgeToken says what is to be done about a token: l is what is known of it, t is what the Secret holds, r what Stytch accepts. Tokens are known by their
// last four characters, and every step is decided by those that were read, so that an answer that was lost is no special case.
//
//	Stytch   Secret            besides                                   step
//	open     the next token    cancel-rotation names it                  cancel
//	open     the next token    acknowledge-token names it                complete
//	open     both tokens       Automatic, and the overlap is over        complete
//	open     the next token    otherwise, or both annotations name it    wait
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
// In a Secret that is not the connection's nothing is ever looked for, and with it nothing is done.
func judgeToken(l Life, t, r *Token, isNew bool) verdict {
	var v verdict
	switch {
	case isNew:
		v.step = replaceLost(t, r)
	case r.NextLastFour != "":
		v = l.open(t, r)
	default:
		v = l.idle(t, r)
	}
	if put := tidy(t, r, isNew); put != nil && (v.step == nil || v.step.Action == StartRotation) {
		v.step = put
	}
	switch {
	case t.Foreign:
		v.step, v.problems = nil, nil
	case t.Immutable && (v.step != nil || r.NextLastFour != ""):
		if v.step != nil && v.step.Action != CancelRotation {
			v.step = nil
		}
		v.problems = append(v.problems, Problem{Reason: v1alpha1.ReasonInvalid, Message: ImmutableSecret(l.Secret, t.LastFour+t.NextLastFour != "")})
	}
	return v
}

// replaceLost brings a new token into the Secret of a connection that is still being created.
func replaceLost(t, r *Token) *Step {
	held := t.LastFour == r.LastFour
	switch {
	case r.NextLastFour != "" && r.NextLastFour == t.NextLastFour && !held:
		return completion(r)
	case r.NextLastFour != "":
		return cancellation(r)
	case !held && t.NextLastFour != r.LastFour:
		return start(r, "", "the token was lost during the creation, before anybody had it")
	}
	return nil
}

// open is what is done and said while Stytch has a rotation under way.
func (l Life) open(t, r *Token) verdict {
	next := r.NextLastFour
	held, lost := t.NextLastFour == next, l.starting()
	acknowledged, canceled := l.Acknowledge == next, l.Cancel == next
	v := verdict{problems: slices.Concat(l.missing(t, r), l.ignoredWhileOpen(r))}
	v.rotating, v.message = l.waiting(t, r)
	switch {
	case acknowledged && canceled:
		v.mention("The annotations %s and %s both name the next token, so neither is followed: take one of them away.",
			v1alpha1.AnnotationAcknowledgeToken, v1alpha1.AnnotationCancelRotation)
	case canceled:
		v.step = cancellation(r)
	case held && (acknowledged || l.overlapped(t, r)):
		v.step = completion(r)
	case !held && lost:
		v.step = cancellation(r)
		v.step.Why = "it was lost before it was in the Secret, so that nobody can have it"
	case !held && l.published(r):
		v.problems = append(v.problems, l.nextMissing(t, r))
	case !held && acknowledged:
		v.mention("The annotation %s names the next token, which Secret %s does not hold: nothing is completed before it stands there as %s.",
			v1alpha1.AnnotationAcknowledgeToken, l.Secret, v1alpha1.SecretKeyNextToken)
	}
	return v
}

// idle is what is done and said while Stytch has no rotation under way.
func (l Life) idle(t, r *Token) verdict {
	v := verdict{problems: slices.Concat(l.missing(t, r), l.ignoredWhileIdle(r))}
	due, tooLong := l.renewal(r.LastFour, r.ExpiresAt)
	lost := l.Known.SecretLastFour == r.LastFour && t.LastFour != r.LastFour
	switch {
	case l.starting() && l.startUntil().After(l.Now):
		v.rotating = v1alpha1.ReasonStarting
		v.message = "A rotation may have been started whose answer was lost: it is looked for before another is started. The current token is not touched."
	case l.starting():
		v.step = start(r, "", "what an earlier attempt started was lost")
	case l.requested(r.LastFour):
		v.step = start(r, l.Rotate, "asked for by rotate-token "+l.Rotate)
	case lost && l.Known.CanceledAt == nil:
		v.step = start(r, "", fmt.Sprintf("Secret %s does not hold it any more", l.Secret))
	case !due.IsZero() && !due.After(l.Now):
		v.step = start(r, "", "it ends at "+FormatTime(r.ExpiresAt))
	}
	if tooLong {
		v.problems = append(v.problems, Problem{Reason: v1alpha1.ReasonRenewBeforeTooLong, Message: fmt.Sprintf(
			"The token lives from %s to %s, which is not longer than spec.bearerToken.rotation.renewBefore (%s), so that no rotation is started by time: shorten renewBefore.",
			FormatTime(l.Known.IssuedAt.Time), FormatTime(r.ExpiresAt), l.Spec.RenewBefore.Duration)})
	}
	return v
}

// mention adds to what is said something that keeps nothing back.
func (v *verdict) mention(format string, args ...any) {
	v.problems = append(v.problems, Problem{Message: fmt.Sprintf(format, args...)})
}

// starting says that a start was prepared of which nobody knows what became.
func (l Life) starting() bool {
	return l.Known.Phase == v1alpha1.TokenRotating && l.Known.NextLastFour == ""
}

// startUntil is until when a prepared start may yet take effect; zero where it cannot.
func (l Life) startUntil() time.Time {
	if l.Known.StartedAt == nil {
		return time.Time{}
	}
	return l.Known.StartedAt.Add(doubtful)
}

// published says that the rotation under way was started here, and that its next token was in the Secret.
func (l Life) published(r *Token) bool {
	return l.Known.NextLastFour == r.NextLastFour && l.Known.StartedAt != nil
}

// overlapped says that both tokens were offered for as long as an Automatic rotation offers them.
func (l Life) overlapped(t, r *Token) bool {
	end := l.overlapEnd(r.ExpiresAt)
	return t.LastFour == r.LastFour && !end.IsZero() && !end.After(l.Now)
}

// overlapEnd is when the rotation under way is completed by itself; zero where it is not. A current token that has ended needs no
// overlap.
func (l Life) overlapEnd(expires time.Time) time.Time {
	if l.Spec == nil || l.Spec.Overlap == nil || l.Known.StartedAt == nil {
		return time.Time{}
	}
	end := l.Known.StartedAt.Add(l.Spec.Overlap.Duration)
	if !expires.IsZero() && expires.Before(end) {
		return expires
	}
	return end
}

// requested says that rotate-token asks for a rotation of this token, and was not answered yet.
func (l Life) requested(current string) bool {
	return wellFormed(l.Rotate) && l.Rotate[:4] == current && !slices.Contains(l.Known.HandledRotate, l.Rotate)
}

// wellFormed says that a value of rotate-token is four characters, and perhaps a hyphen and more.
func wellFormed(value string) bool {
	return len(value) >= 4 && len(value) <= longestRequest && (len(value) == 4 || value[4] == '-')
}

// renewal is when a rotation is started by time; zero for never. After one was canceled it is the last tenth of the token's life,
// and after one was canceled in that, never. It is too long where the token does not live longer than renewBefore.
func (l Life) renewal(current string, expires time.Time) (at time.Time, tooLong bool) {
	if l.Spec == nil || l.Spec.RenewBefore == nil || expires.IsZero() || current == "" {
		return time.Time{}, false
	}
	at = expires.Add(-l.Spec.RenewBefore.Duration)
	born := l.Known.IssuedAt
	if born != nil && !at.After(born.Time) {
		return time.Time{}, true
	}
	canceled := l.Known.CanceledAt
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

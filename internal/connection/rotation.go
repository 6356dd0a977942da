package connection

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
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

// doubtful is for how long a start whose answer was lost may yet take effect: the call lasts 12 seconds at most, and a minute more is
// what a creation is given too.
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
		ID:          cmp.Or(o.Status.ConnectionID, o.Spec.ConnectionID),
		Now:         now,
	}
	if o.Status.BearerToken != nil {
		l.Known = *o.Status.BearerToken
	}
	return l
}

func (t *Token) life() Life {
	if t.Life == nil {
		return Life{}
	}
	return *t.Life
}

// verdict is what is to be done about a token, and what is to be said of it.
type verdict struct {
	step              *Step
	rotating, message string // the reason of the condition Rotating; empty where there is none
	problems          []Problem
}

// judgeToken says what is to be done about a token: t is what the Secret holds, r what Stytch accepts. Tokens are known by their last four
// characters, and every step is decided by those that were read, so that an answer that was lost is no special case.
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
func judgeToken(t, r *Token, isNew bool) verdict {
	var v verdict
	switch {
	case isNew:
		v.step = replaceLost(t, r)
	case r.NextLastFour != "":
		v = t.life().open(t, r)
	default:
		v = t.life().idle(t, r)
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
		v.problems = append(v.problems, Problem{Reason: v1alpha1.ReasonInvalid, Message: ImmutableSecret(t.life().Secret, t.LastFour+t.NextLastFour != "")})
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
		v.step = start(r, "", "it ends at "+moment(r.ExpiresAt))
	}
	if tooLong {
		v.problems = append(v.problems, Problem{Reason: v1alpha1.ReasonRenewBeforeTooLong, Message: fmt.Sprintf(
			"The token lives from %s to %s, which is not longer than spec.bearerToken.rotation.renewBefore (%s), so that no rotation is started by time: shorten renewBefore.",
			moment(l.Known.IssuedAt.Time), moment(r.ExpiresAt), l.Spec.RenewBefore.Duration)})
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

// overlapEnd is when the rotation under way is completed by itself; zero where it is not. A current token that has ended needs no overlap.
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

// renewal is when a rotation is started by time; zero for never. After one was canceled it is the last tenth of the token's life, and
// after one was canceled in that, never. It is too long where the token does not live longer than renewBefore.
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

// scimDue is when the clock next asks for something that status knows of; zero for never.
func scimDue(o *v1alpha1.SCIMConnection) time.Time {
	l := lifeOf(o, time.Time{})
	var expires time.Time
	if l.Known.ExpiresAt != nil {
		expires = l.Known.ExpiresAt.Time
	}
	switch {
	case l.starting():
		return l.startUntil()
	case l.Known.Phase != v1alpha1.TokenRotating:
		at, _ := l.renewal(l.Known.LastFour, expires)
		return at
	case l.Known.SecretLastFour == l.Known.LastFour:
		return l.overlapEnd(expires)
	}
	return time.Time{}
}

// waiting is the reason and the message of Rotating while a rotation is under way.
func (l Life) waiting(t, r *Token) (reason, message string) {
	held := t.NextLastFour == r.NextLastFour
	end := l.overlapEnd(r.ExpiresAt)
	offered := fmt.Sprintf("Secret %s offers the next token, which ends in %s, as %s: give it to the identity provider, and then set the annotation %s=%s.",
		l.Secret, r.NextLastFour, v1alpha1.SecretKeyNextToken, v1alpha1.AnnotationAcknowledgeToken, r.NextLastFour)
	abandon := fmt.Sprintf("To abandon it, set %s=%s.", v1alpha1.AnnotationCancelRotation, r.NextLastFour)
	switch {
	case held && t.LastFour == r.LastFour && !end.IsZero():
		return v1alpha1.ReasonOverlapping, fmt.Sprintf("%s Without it the rotation is completed at %s. %s", offered, moment(end), abandon)
	case held:
		return v1alpha1.ReasonAwaitingAcknowledgement, offered + " " + abandon
	case l.starting():
		return v1alpha1.ReasonStarting, "A rotation was started whose next token was lost before it was in the Secret: it is canceled and started again. The current token is not touched."
	case l.published(r):
		return v1alpha1.ReasonNextTokenLost, fmt.Sprintf("Secret %s does not hold the next token any more, which ends in %s and may be in use already. %s", l.Secret, r.NextLastFour, abandon)
	}
	return v1alpha1.ReasonStartedElsewhere, fmt.Sprintf(
		"A rotation was started elsewhere, whose next token ends in %s: it is left alone. Complete or cancel it there, or put that token into Secret %s as %s and acknowledge it here. %s",
		r.NextLastFour, l.Secret, v1alpha1.SecretKeyNextToken, abandon)
}

// missing reports a token that the Secret does not hold. Where it never held one it cannot be known, and nothing fails to work. It is only
// believed on what was read after the Secret.
func (l Life) missing(t, r *Token) []Problem {
	if t.LastFour == r.LastFour || t.NextLastFour == r.LastFour && r.LastFour != "" {
		return nil
	}
	said := fmt.Sprintf("Secret %s does not hold the connection's token, which ends in %s and which Stytch shows only once", l.Secret, r.LastFour)
	if t.LastFour != "" {
		said = fmt.Sprintf("Secret %s holds another token than the connection's, which ends in %s and which Stytch shows only once", l.Secret, r.LastFour)
	}
	said += fmt.Sprintf(": put it there as %s, in a Secret labelled %s=%s", v1alpha1.SecretKeyToken, v1alpha1.LabelConnection, l.ID)
	if r.NextLastFour == "" {
		said += fmt.Sprintf(", or have another one made by the annotation %s=%s", v1alpha1.AnnotationRotateToken, l.another(r.LastFour))
	}
	problem := Problem{Message: said + ".", Fresh: t.Edited}
	if l.Known.SecretName != "" {
		problem.Reason = v1alpha1.ReasonInputMissing
	}
	return []Problem{problem}
}

// another is a value of rotate-token that was not answered yet.
func (l Life) another(current string) string {
	if !slices.Contains(l.Known.HandledRotate, current) {
		return current
	}
	for n := 2; ; n++ {
		if value := fmt.Sprintf("%s-%d", current, n); !slices.Contains(l.Known.HandledRotate, value) {
			return value
		}
	}
}

// nextMissing reports that the next token was in the Secret and is not any more. Nothing is done by itself: it may be in use.
func (l Life) nextMissing(t, r *Token) Problem {
	return Problem{Reason: v1alpha1.ReasonInputMissing, Fresh: t.Edited, Message: fmt.Sprintf(
		"Secret %s does not hold the next token any more, which ends in %s and may be in use already, so nothing is completed or canceled: put it back as %s, or abandon the rotation by the annotation %s=%s, after which another can be asked for.",
		l.Secret, r.NextLastFour, v1alpha1.SecretKeyNextToken, v1alpha1.AnnotationCancelRotation, r.NextLastFour)}
}

// ignoredWhileOpen says which annotations are not followed while a rotation is under way.
func (l Life) ignoredWhileOpen(r *Token) []Problem {
	v := verdict{problems: l.ignoredRequest(r.LastFour)}
	next := r.NextLastFour
	if l.Acknowledge != "" && l.Acknowledge != next && l.Acknowledge != r.LastFour {
		v.mention("The annotation %s names %s, and the next token ends in %s: nothing is completed.", v1alpha1.AnnotationAcknowledgeToken, shown(l.Acknowledge), next)
	}
	if l.Cancel != "" && l.Cancel != next && l.Cancel != l.Known.CanceledLastFour {
		v.mention("The annotation %s names %s, and the next token ends in %s: nothing is canceled.", v1alpha1.AnnotationCancelRotation, shown(l.Cancel), next)
	}
	if l.requested(r.LastFour) {
		v.mention("The annotation %s=%s asks for another rotation: it is started once the one under way was canceled.", v1alpha1.AnnotationRotateToken, l.Rotate)
	}
	return v.problems
}

// ignoredWhileIdle says which annotations are not followed while no rotation is under way. Those that were followed may stay.
func (l Life) ignoredWhileIdle(r *Token) []Problem {
	v := verdict{problems: l.ignoredRequest(r.LastFour)}
	if l.Acknowledge != "" && l.Acknowledge != r.LastFour {
		v.mention("The annotation %s names %s, and no rotation is under way: nothing is completed.", v1alpha1.AnnotationAcknowledgeToken, shown(l.Acknowledge))
	}
	if l.Cancel != "" && l.Cancel != l.Known.CanceledLastFour {
		v.mention("The annotation %s names %s, and no rotation is under way: nothing is canceled.", v1alpha1.AnnotationCancelRotation, shown(l.Cancel))
	}
	if slices.Contains(l.Known.HandledRotate, l.Rotate) && l.Rotate != "" && !l.starting() {
		v.mention("The annotation %s=%s was answered before, or stood there when the connection was recorded: to ask for a rotation set it to %s.",
			v1alpha1.AnnotationRotateToken, l.Rotate, l.another(r.LastFour))
	}
	return v.problems
}

// ignoredRequest says that rotate-token asks for what it cannot.
func (l Life) ignoredRequest(current string) []Problem {
	var v verdict
	switch {
	case l.Rotate == "":
	case !wellFormed(l.Rotate):
		v.mention("The annotation %s is ignored: its value must be the last four characters of the current token (%s) and, if need be, a hyphen and more, at most %d characters in all.",
			v1alpha1.AnnotationRotateToken, current, longestRequest)
	case l.Rotate[:4] != current:
		v.mention("The annotation %s asks to rotate the token that ends in %s, and the current one ends in %s, so it is ignored.",
			v1alpha1.AnnotationRotateToken, l.Rotate[:4], current)
	}
	return v.problems
}

// shown is what somebody gave where four characters belong, as far as it may be shown: a whole token may stand there by mistake.
func shown(value string) string {
	if len(value) > 4 {
		return "something longer than four characters"
	}
	return value
}

// tidy is the write that puts the Secret in order: a next token that has become the current one takes its place, one that is none any more
// is taken out, and the base URL is Stytch's.
func tidy(t, r *Token, isNew bool) *Step {
	step := Step{Action: PublishToken}
	add := func(field string, have, want Value) {
		step.Changes = append(step.Changes, Change{Field: field, Have: have, Want: want})
	}
	completed := t.LastFour != r.LastFour && t.NextLastFour == r.LastFour && r.LastFour != ""
	over := t.NextLastFour != "" && r.NextLastFour == ""
	if completed {
		step.Action = PromoteToken
		if isNew {
			step.Action = RecoverToken
		}
		add(fieldToken, ending(t.LastFour), ending(r.LastFour))
	}
	if completed || over {
		step.Fresh = true
		add(fieldNextToken, ending(t.NextLastFour), ending(""))
	}
	usable := completed || t.LastFour == r.LastFour || t.NextLastFour == r.NextLastFour && r.NextLastFour != ""
	if usable && t.BaseURL != r.BaseURL {
		add(fieldBaseURL, Text(t.BaseURL), Text(r.BaseURL))
	}
	if step.Changes == nil {
		return nil
	}
	return &step
}

// ending is a token by its last four characters.
func ending(lastFour string) Value {
	if lastFour == "" {
		return Text("")
	}
	return Text("…" + lastFour)
}

func start(r *Token, request, why string) *Step {
	return &Step{
		Action: StartRotation, Target: request, Why: why, Fresh: true,
		Changes: []Change{{Field: fieldToken, Have: ending(r.LastFour), Want: Text("a new one")}},
	}
}

func completion(r *Token) *Step {
	return &Step{
		Action: CompleteRotation, Fresh: true,
		Changes: []Change{{Field: fieldToken, Have: ending(r.LastFour), Want: ending(r.NextLastFour)}},
	}
}

func cancellation(r *Token) *Step {
	return &Step{
		Action: CancelRotation, Fresh: true,
		Changes: []Change{{Field: fieldNextToken, Have: ending(r.NextLastFour), Want: ending("")}},
	}
}

// HoldsNext says whether a token's Secret holds the next token that a step completes.
func HoldsNext(data map[string][]byte, step Step) bool {
	return step.Changes[0].Want.Same == ending(stytch.Secret(data[v1alpha1.SecretKeyNextToken]).LastFour()).Same
}

// PutInOrder changes what a token's Secret holds as a step says. It is false, and nothing is changed, where the Secret does not hold what
// the step was decided on.
func PutInOrder(data map[string][]byte, step Step) bool {
	for key, field := range map[string]string{v1alpha1.SecretKeyToken: fieldToken, v1alpha1.SecretKeyNextToken: fieldNextToken} {
		for _, c := range step.Changes {
			if c.Field == field && c.Have.Same != ending(stytch.Secret(data[key]).LastFour()).Same {
				return false
			}
		}
	}
	for _, c := range step.Changes {
		switch c.Field {
		case fieldToken:
			data[v1alpha1.SecretKeyToken] = data[v1alpha1.SecretKeyNextToken]
		case fieldNextToken:
			delete(data, v1alpha1.SecretKeyNextToken)
		case fieldBaseURL:
			data[v1alpha1.SecretKeyBaseURL] = []byte(c.Want.Same)
		}
	}
	return true
}

// scimPrepare notes that a rotation is about to be started, and the request that it answers. After a crash nothing else would tell that
// a next token which nobody has is ours. While the connection bears its mark, that tells.
func scimPrepare(o *v1alpha1.SCIMConnection, r stytch.SCIMConnection, step Step, now time.Time) bool {
	if step.Action != StartRotation || Marked(r.DisplayName, o.GetUID()) {
		return false
	}
	token := o.Status.BearerToken
	token.Phase, token.StartedAt = v1alpha1.TokenRotating, second(now)
	token.NextLastFour, token.NextExpiresAt = "", nil
	if step.Target != "" {
		token.HandledRotate = append(token.HandledRotate, step.Target)
		token.HandledRotate = token.HandledRotate[max(0, len(token.HandledRotate)-maxHandled):]
	}
	return true
}

// NotStarted takes back what was noted of a start that certainly did not happen.
func NotStarted(o *v1alpha1.SCIMConnection, step Step) {
	token := o.Status.BearerToken
	if token == nil || token.Phase != v1alpha1.TokenRotating {
		return
	}
	token.Phase, token.StartedAt = v1alpha1.TokenIdle, nil
	token.HandledRotate = slices.DeleteFunc(token.HandledRotate, func(value string) bool { return step.Target != "" && value == step.Target })
}

// scimLearn notes what Stytch tells of tokens: another current one, and the end of a rotation. At the first record of a connection whatever
// rotate-token asks for counts as answered: it may be as old as the manifest.
func scimLearn(o *v1alpha1.SCIMConnection, _, r stytch.SCIMConnection, done *Step, now time.Time) {
	known := o.Status.BearerToken
	isNew := Marked(r.DisplayName, o.GetUID())
	if known == nil {
		known = &v1alpha1.SCIMBearerTokenStatus{LastFour: r.BearerTokenLastFour}
		if isNew {
			known.IssuedAt = second(now)
		}
		if asked := lifeOf(o, now); asked.requested(r.BearerTokenLastFour) {
			known.HandledRotate = []string{asked.Rotate}
		}
		o.Status.BearerToken = known
	}
	switch {
	case known.LastFour != r.BearerTokenLastFour:
		replaced(known, r, isNew, now)
	case known.NextLastFour != "" && r.NextBearerTokenLastFour == "":
		known.CanceledLastFour, known.CanceledAt = known.NextLastFour, second(now)
		idle(known)
	case known.NextLastFour != "" && known.NextLastFour != r.NextBearerTokenLastFour:
		idle(known) // somebody else had another next token made
	case done != nil && done.Action == CancelRotation:
		known.StartedAt = nil // what may have been on its way has arrived
	}
}

// replaced forgets what was known of a token that is not the current one any more.
func replaced(known *v1alpha1.SCIMBearerTokenStatus, r stytch.SCIMConnection, isNew bool, now time.Time) {
	var issued *metav1.Time
	switch {
	case isNew:
		issued = second(now)
	case known.NextLastFour == r.BearerTokenLastFour:
		issued = known.StartedAt
	}
	known.LastFour, known.IssuedAt = r.BearerTokenLastFour, issued
	known.HandledRotate, known.CanceledLastFour, known.CanceledAt = nil, "", nil
	idle(known)
}

func idle(known *v1alpha1.SCIMBearerTokenStatus) {
	known.Phase, known.StartedAt, known.NextLastFour, known.NextExpiresAt = v1alpha1.TokenIdle, nil, "", nil
}

// scimPublish puts into status what Stytch says, and what of it the Secret holds.
func scimPublish(o *v1alpha1.SCIMConnection, r stytch.SCIMConnection, want State) {
	o.Status.BaseURL, o.Status.Groups = r.BaseURL, want.Groups
	token := o.Status.BearerToken
	token.ExpiresAt = expiry(r.BearerTokenExpiresAt)
	if want.Token.LastFour == r.BearerTokenLastFour {
		token.SecretName, token.SecretLastFour = o.Spec.BearerToken.SecretName, r.BearerTokenLastFour
	}
	next := r.NextBearerTokenLastFour
	switch starting := want.Token.life().starting(); {
	case next != "" && (next == want.Token.NextLastFour || !starting):
		token.Phase, token.NextLastFour, token.NextExpiresAt = v1alpha1.TokenRotating, next, expiry(r.NextBearerTokenExpiresAt)
	case !starting:
		idle(token)
	}
}

// second is a time as status keeps it.
func second(t time.Time) *metav1.Time { return expiry(t) }

// scimRotating is what the condition Rotating says.
func scimRotating(want, have State) (reason, message string) {
	if want.Token == nil || have.Token == nil {
		return "", ""
	}
	v := judgeToken(want.Token, have.Token, have.New)
	return v.rotating, v.message
}

// scimExpiries are the ends that status knows of. While a rotation is under way the way out is to complete it.
func scimExpiries(o *v1alpha1.SCIMConnection) []Expiry {
	token := o.Status.BearerToken
	if token == nil {
		return nil
	}
	advice := fmt.Sprintf("have it rotated by the annotation %s=%s, or users and groups are not provisioned any more",
		v1alpha1.AnnotationRotateToken, lifeOf(o, time.Time{}).another(token.LastFour))
	if token.Phase == v1alpha1.TokenRotating {
		advice = "a rotation is under way, so see the condition Rotating for what it waits for; until it is completed users and groups may not be provisioned once the token has ended"
	}
	return ends(nil, token.ExpiresAt, Expiry{
		What: "bearer_token", Name: "The bearer token that ends in " + token.LastFour, Advice: advice,
	})
}

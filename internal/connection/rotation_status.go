package connection

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// scimPrepare notes that a rotation is about to be started, and the request that it answers. After a crash nothing else would
// tell that a next token which nobody has is ours. While the connection bears its mark, that tells.
func scimPrepare(o *v1alpha1.SCIMConnection, r stytch.SCIMConnection, step Step, now time.Time) bool {
	if step.Action != StartRotation || Marked(r.DisplayName, o.GetUID()) {
		return false
	}
	token := o.Status.BearerToken
	token.Phase, token.StartedAt = v1alpha1.TokenRotating, second(now)
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

// scimLearn notes what Stytch tells of tokens: another current one, and the end of a rotation. At the first record of a
// connection whatever rotate-token asks for counts as answered: it may be as old as the manifest.
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

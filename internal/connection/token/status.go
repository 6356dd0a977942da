package token

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// StatusAfter is what status knows of the token after an event.
func StatusAfter(o *v1alpha1.SCIMConnection, e connection.Event[stytch.SCIMConnection]) *v1alpha1.SCIMBearerTokenStatus {
	known := o.Status.BearerToken.DeepCopy()
	starts := e.Step != nil && e.Step.Action == StartRotation
	switch {
	case e.Type == connection.Observed:
		return observedToken(o, known, e)
	case known == nil:
	case e.Type == connection.Compared:
		comparedToken(o, known, e)
	case e.Type == connection.StepBegins && starts && !connection.IsNew(o, e.Remote.DisplayName):
		beginRotation(known, e.Step.Target, e.Now)
	case e.Type == connection.StepFailed && starts && known.Phase == v1alpha1.TokenRotating:
		known.Phase, known.StartedAt = v1alpha1.TokenIdle, nil
		known.HandledRotate = slices.DeleteFunc(known.HandledRotate, func(value string) bool { return e.Step.Target != "" && value == e.Step.Target })
	}
	return known
}

// beginRotation notes that a rotation is about to be started, and the request that it answers. After a crash nothing else would
// tell that a next token which nobody has is ours. While the connection bears its mark, that tells.
func beginRotation(known *v1alpha1.SCIMBearerTokenStatus, request string, now time.Time) {
	known.Phase, known.StartedAt = v1alpha1.TokenRotating, second(now)
	if request != "" {
		known.HandledRotate = append(known.HandledRotate, request)
		known.HandledRotate = known.HandledRotate[max(0, len(known.HandledRotate)-maxHandled):]
	}
}

// observedToken notes what Stytch tells of tokens: another current one, and the end of a rotation. At the first record of a
// connection whatever rotate-token asks for counts as answered: it may be as old as the manifest.
func observedToken(o *v1alpha1.SCIMConnection, known *v1alpha1.SCIMBearerTokenStatus, e connection.Event[stytch.SCIMConnection]) *v1alpha1.SCIMBearerTokenStatus {
	r, isNew := e.Remote, connection.IsNew(o, e.Remote.DisplayName)
	if known == nil {
		known = &v1alpha1.SCIMBearerTokenStatus{LastFour: r.BearerTokenLastFour}
		if isNew {
			known.IssuedAt = second(e.Now)
		}
		if asked := contextOf(o, e.Now, 0); asked.requested(r.BearerTokenLastFour) {
			known.HandledRotate = []string{asked.Rotate}
		}
	}
	switch {
	case known.LastFour != r.BearerTokenLastFour:
		replaced(known, r, isNew, e.Now)
	case known.NextLastFour != "" && r.NextBearerTokenLastFour == "":
		known.CanceledLastFour, known.CanceledAt = known.NextLastFour, second(e.Now)
		idle(known)
	case known.NextLastFour != "" && known.NextLastFour != r.NextBearerTokenLastFour:
		idle(known) // somebody else had another next token made
	case e.Step != nil && e.Step.Action == CancelRotation:
		known.StartedAt = nil // what may have been on its way has arrived
	}
	return known
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

// comparedToken notes what Stytch says of the tokens, and what of it the Secret holds.
func comparedToken(o *v1alpha1.SCIMConnection, known *v1alpha1.SCIMBearerTokenStatus, e connection.Event[stytch.SCIMConnection]) {
	r, inSecret := e.Remote, e.Want.Token
	known.ExpiresAt = connection.StatusTime(r.BearerTokenExpiresAt)
	if inSecret.LastFour == r.BearerTokenLastFour {
		known.SecretName, known.SecretLastFour = o.Spec.BearerToken.SecretName, r.BearerTokenLastFour
	}
	next := r.NextBearerTokenLastFour
	switch starting := contextOf(o, e.Now, 0).starting(); {
	case next != "" && (next == inSecret.NextLastFour || !starting):
		known.Phase, known.NextLastFour, known.NextExpiresAt = v1alpha1.TokenRotating, next, connection.StatusTime(r.NextBearerTokenExpiresAt)
		known.StartedAt = since(known.StartedAt, inSecret, &connection.Token{LastFour: r.BearerTokenLastFour, NextLastFour: next}, e.Now)
	case !starting:
		idle(known)
	}
}

// second is a time as status keeps it.
func second(t time.Time) *metav1.Time { return connection.StatusTime(t) }

// Expiries are the ends that status knows of. While a rotation is under way the way out is to complete it.
func Expiries(o *v1alpha1.SCIMConnection) []connection.Expiry {
	token := o.Status.BearerToken
	if token == nil {
		return nil
	}
	advice := fmt.Sprintf("Set the annotation %s=%s to rotate it. Without a valid token, users and groups are not provisioned",
		v1alpha1.AnnotationRotateToken, contextOf(o, time.Time{}, 0).another(token.LastFour))
	if token.Phase == v1alpha1.TokenRotating {
		advice = "A rotation is in progress. See the condition Rotating for what to do. With an expired token, users and groups are not provisioned until the rotation is completed and the identity provider has the next token"
	}
	return connection.AddExpiry(nil, token.ExpiresAt, connection.Expiry{
		What: "bearer_token", Name: "The bearer token ending in " + token.LastFour, Advice: advice,
	})
}

// Due is when the clock next asks for something that status knows of; zero for never.
func Due(o *v1alpha1.SCIMConnection, settle time.Duration) time.Time {
	c := contextOf(o, time.Time{}, settle)
	var expires time.Time
	if c.Known.ExpiresAt != nil {
		expires = c.Known.ExpiresAt.Time
	}
	switch {
	case c.starting():
		return c.startUntil()
	case c.Known.Phase != v1alpha1.TokenRotating:
		at, _ := c.renewal(c.Known.LastFour, expires)
		return at
	case c.Known.SecretLastFour == c.Known.LastFour:
		return c.overlapEnd(expires)
	}
	return time.Time{}
}

package token

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// waiting is the reason and the message of Rotating while a rotation is under way.
func (c rotationContext) waiting(stored, current *connection.Token) (reason, message string) {
	held := stored.NextLastFour == current.NextLastFour
	end := c.overlapEnd(current.ExpiresAt)
	contains := fmt.Sprintf("Secret %s contains the next token (ending in %s) under the key %s. Stytch documents that it works only once it has replaced the current token.",
		c.Secret, current.NextLastFour, v1alpha1.SecretKeyNextToken)
	offered := fmt.Sprintf("%s When you are ready to enter it at the identity provider, set the annotation %s=%s, and enter it immediately.",
		contains, v1alpha1.AnnotationAcknowledgeToken, current.NextLastFour)
	abandon := fmt.Sprintf("To cancel the rotation, set the annotation %s=%s.", v1alpha1.AnnotationCancelRotation, current.NextLastFour)
	switch {
	case held && stored.LastFour == current.LastFour && !end.IsZero() && !end.After(c.Now):
		return v1alpha1.ReasonOverlapping, fmt.Sprintf("%s The overlap is over, so the rotation is being completed without the annotation. Enter the next token at the identity provider as soon as it is under the key %s. %s",
			contains, v1alpha1.SecretKeyToken, abandon)
	case held && stored.LastFour == current.LastFour && !end.IsZero():
		return v1alpha1.ReasonOverlapping, fmt.Sprintf("%s Without the annotation, the rotation is completed at %s. %s", offered, connection.FormatTime(end), abandon)
	case held:
		return v1alpha1.ReasonAwaitingAcknowledgement, offered + " " + abandon
	case c.starting():
		return v1alpha1.ReasonStarting, "The next token was lost before it was stored in the Secret. The rotation is canceled and started again. The current token is not changed."
	case c.published(current):
		return v1alpha1.ReasonNextTokenLost, fmt.Sprintf("Secret %s no longer contains the next token (ending in %s), which the identity provider may already have. %s", c.Secret, current.NextLastFour, abandon)
	}
	return v1alpha1.ReasonStartedElsewhere, fmt.Sprintf(
		"A rotation (next token ending in %s) was started outside this manifest, so it is not changed. Complete or cancel it where it was started, or store the next token in Secret %s under the key %s and acknowledge it here. %s",
		current.NextLastFour, c.Secret, v1alpha1.SecretKeyNextToken, abandon)
}

// missing reports a token that the Secret does not hold. Where it never held one it cannot be known, and nothing fails to work:
// that is only mentioned. That it held one is known from status or, where that was lost, from the Secret itself: it bears the label
// of this connection, so whoever reads the token that it holds is refused. It is only believed on what was read after the Secret.
func (c rotationContext) missing(stored, current *connection.Token) []connection.Problem {
	if stored.LastFour == current.LastFour || stored.NextLastFour == current.LastFour && current.LastFour != "" {
		return nil
	}
	said := fmt.Sprintf("Secret %s does not contain the connection's token (ending in %s), and Stytch shows a token only once", c.Secret, current.LastFour)
	if stored.LastFour != "" {
		said = fmt.Sprintf("Secret %s contains a token that is not the connection's current token (ending in %s), and Stytch shows a token only once", c.Secret, current.LastFour)
	}
	said += fmt.Sprintf(". Store the token under the key %s in this Secret, with the label %s=%s", v1alpha1.SecretKeyToken, v1alpha1.LabelConnection, c.ID)
	if current.NextLastFour == "" {
		said += fmt.Sprintf(", or set the annotation %s=%s to rotate the token", v1alpha1.AnnotationRotateToken, c.another(current.LastFour))
	}
	problem := connection.Problem{Message: said + ".", Fresh: stored.Edited}
	if c.Known.SecretName != "" || stored.LastFour != "" && stored.LastFour != current.NextLastFour {
		problem.Reason = v1alpha1.ReasonInputMissing
	}
	return []connection.Problem{problem}
}

// another is a value of rotate-token that was not answered yet.
func (c rotationContext) another(lastFour string) string {
	if !slices.Contains(c.Known.HandledRotate, lastFour) {
		return lastFour
	}
	for n := 2; ; n++ {
		if value := fmt.Sprintf("%s-%d", lastFour, n); !slices.Contains(c.Known.HandledRotate, value) {
			return value
		}
	}
}

// nextMissing reports that the next token was in the Secret and is not any more. Nothing is done automatically: the identity
// provider may have it.
func (c rotationContext) nextMissing(stored, current *connection.Token) connection.Problem {
	return connection.Problem{Reason: v1alpha1.ReasonInputMissing, Fresh: stored.Edited, Message: fmt.Sprintf(
		"Secret %s no longer contains the next token (ending in %s), which the identity provider may already have, so the rotation is not completed or canceled. Store the next token under the key %s again, or set the annotation %s=%s to cancel the rotation and then request another.",
		c.Secret, current.NextLastFour, v1alpha1.SecretKeyNextToken, v1alpha1.AnnotationCancelRotation, current.NextLastFour)}
}

// ignoredWhileOpen says which annotations are not followed while a rotation is under way.
func (c rotationContext) ignoredWhileOpen(current *connection.Token) []connection.Problem {
	d := Decision{Problems: c.ignoredRequest(current.LastFour)}
	next := current.NextLastFour
	if c.Acknowledge != "" && c.Acknowledge != next && c.Acknowledge != current.LastFour {
		d.mention("The annotation %s is ignored: it names %s, but the last four characters of the next token are %q. Fix or remove the annotation.", v1alpha1.AnnotationAcknowledgeToken, shown(c.Acknowledge), next)
	}
	if c.Cancel != "" && c.Cancel != next && c.Cancel != c.Known.CanceledLastFour {
		d.mention("The annotation %s is ignored: it names %s, but the last four characters of the next token are %q. Fix or remove the annotation.", v1alpha1.AnnotationCancelRotation, shown(c.Cancel), next)
	}
	if c.requested(current.LastFour) {
		d.mention("The annotation %s=%q requests another rotation, which starts only if the current rotation is canceled.", v1alpha1.AnnotationRotateToken, c.Rotate)
	}
	return d.Problems
}

// ignoredWhileIdle says which annotations are not followed while no rotation is under way. Those that were followed may stay.
func (c rotationContext) ignoredWhileIdle(current *connection.Token) []connection.Problem {
	d := Decision{Problems: c.ignoredRequest(current.LastFour)}
	if c.Acknowledge != "" && c.Acknowledge != current.LastFour {
		d.mention("The annotation %s is ignored: it names %s, but no rotation is in progress. Remove the annotation.", v1alpha1.AnnotationAcknowledgeToken, shown(c.Acknowledge))
	}
	if c.Cancel != "" && c.Cancel != c.Known.CanceledLastFour {
		d.mention("The annotation %s is ignored: it names %s, but no rotation is in progress. Remove the annotation.", v1alpha1.AnnotationCancelRotation, shown(c.Cancel))
	}
	if slices.Contains(c.Known.HandledRotate, c.Rotate) && c.Rotate != "" && !c.starting() {
		d.mention("The annotation %s=%q is ignored: it was handled before, or it was already set when the connection was recorded. To request a rotation, set it to %s.",
			v1alpha1.AnnotationRotateToken, c.Rotate, c.another(current.LastFour))
	}
	return d.Problems
}

// ignoredRequest says that rotate-token asks for what it cannot.
func (c rotationContext) ignoredRequest(lastFour string) []connection.Problem {
	var d Decision
	switch {
	case c.Rotate == "":
	case !wellFormed(c.Rotate):
		d.mention("The annotation %s is ignored: its value must be the last four characters of the current token (%q), optionally followed by a hyphen and other characters, and at most %d characters long. Fix or remove the annotation.",
			v1alpha1.AnnotationRotateToken, lastFour, longestRequest)
	case c.Rotate[:4] != lastFour:
		d.mention("The annotation %s is ignored: it names %q, but the last four characters of the current token are %q. Fix or remove the annotation.",
			v1alpha1.AnnotationRotateToken, c.Rotate[:4], lastFour)
	}
	return d.Problems
}

// shown is what somebody gave where four characters belong, as far as it may be shown: a whole token may stand there by mistake.
func shown(value string) string {
	if len(value) > 4 {
		return "a value longer than four characters"
	}
	return strconv.Quote(value)
}

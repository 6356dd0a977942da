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
	offered := fmt.Sprintf("Secret %s offers the next token, which ends in %s, as %s: give it to the identity provider, and then set the annotation %s=%s.",
		c.Secret, current.NextLastFour, v1alpha1.SecretKeyNextToken, v1alpha1.AnnotationAcknowledgeToken, current.NextLastFour)
	abandon := fmt.Sprintf("To abandon it, set %s=%s.", v1alpha1.AnnotationCancelRotation, current.NextLastFour)
	switch {
	case held && stored.LastFour == current.LastFour && !end.IsZero():
		return v1alpha1.ReasonOverlapping, fmt.Sprintf("%s Without it the rotation is completed at %s. %s", offered, connection.FormatTime(end), abandon)
	case held:
		return v1alpha1.ReasonAwaitingAcknowledgement, offered + " " + abandon
	case c.starting():
		return v1alpha1.ReasonStarting, "A rotation was started whose next token was lost before it was in the Secret: it is canceled and started again. The current token is not touched."
	case c.published(current):
		return v1alpha1.ReasonNextTokenLost, fmt.Sprintf("Secret %s does not hold the next token any more, which ends in %s and may be in use already. %s", c.Secret, current.NextLastFour, abandon)
	}
	return v1alpha1.ReasonStartedElsewhere, fmt.Sprintf(
		"A rotation was started elsewhere, whose next token ends in %s: it is left alone. Complete or cancel it there, or put that token into Secret %s as %s and acknowledge it here. %s",
		current.NextLastFour, c.Secret, v1alpha1.SecretKeyNextToken, abandon)
}

// missing reports a token that the Secret does not hold. Where it never held one it cannot be known, and nothing fails to work.
// It is only believed on what was read after the Secret.
func (c rotationContext) missing(stored, current *connection.Token) []connection.Problem {
	if stored.LastFour == current.LastFour || stored.NextLastFour == current.LastFour && current.LastFour != "" {
		return nil
	}
	said := fmt.Sprintf("Secret %s does not hold the connection's token, which ends in %s and which Stytch shows only once", c.Secret, current.LastFour)
	if stored.LastFour != "" {
		said = fmt.Sprintf("Secret %s holds another token than the connection's, which ends in %s and which Stytch shows only once", c.Secret, current.LastFour)
	}
	said += fmt.Sprintf(": put it there as %s, in a Secret labelled %s=%s", v1alpha1.SecretKeyToken, v1alpha1.LabelConnection, c.ID)
	if current.NextLastFour == "" {
		said += fmt.Sprintf(", or have another one made by the annotation %s=%s", v1alpha1.AnnotationRotateToken, c.another(current.LastFour))
	}
	problem := connection.Problem{Message: said + ".", Fresh: stored.Edited}
	if c.Known.SecretName != "" {
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
			return strconv.Quote(value)
		}
	}
}

// nextMissing reports that the next token was in the Secret and is not any more. Nothing is done by itself: it may be in use.
func (c rotationContext) nextMissing(stored, current *connection.Token) connection.Problem {
	return connection.Problem{Reason: v1alpha1.ReasonInputMissing, Fresh: stored.Edited, Message: fmt.Sprintf(
		"Secret %s does not hold the next token any more, which ends in %s and may be in use already, so nothing is completed or canceled: put it back as %s, or abandon the rotation by the annotation %s=%s, after which another can be asked for.",
		c.Secret, current.NextLastFour, v1alpha1.SecretKeyNextToken, v1alpha1.AnnotationCancelRotation, current.NextLastFour)}
}

// ignoredWhileOpen says which annotations are not followed while a rotation is under way.
func (c rotationContext) ignoredWhileOpen(current *connection.Token) []connection.Problem {
	d := Decision{Problems: c.ignoredRequest(current.LastFour)}
	next := current.NextLastFour
	if c.Acknowledge != "" && c.Acknowledge != next && c.Acknowledge != current.LastFour {
		d.mention("The annotation %s names %s, and the next token ends in %s: nothing is completed.", v1alpha1.AnnotationAcknowledgeToken, shown(c.Acknowledge), next)
	}
	if c.Cancel != "" && c.Cancel != next && c.Cancel != c.Known.CanceledLastFour {
		d.mention("The annotation %s names %s, and the next token ends in %s: nothing is canceled.", v1alpha1.AnnotationCancelRotation, shown(c.Cancel), next)
	}
	if c.requested(current.LastFour) {
		d.mention("The annotation %s=%s asks for another rotation: it is started once the one under way was canceled.", v1alpha1.AnnotationRotateToken, c.Rotate)
	}
	return d.Problems
}

// ignoredWhileIdle says which annotations are not followed while no rotation is under way. Those that were followed may stay.
func (c rotationContext) ignoredWhileIdle(current *connection.Token) []connection.Problem {
	d := Decision{Problems: c.ignoredRequest(current.LastFour)}
	if c.Acknowledge != "" && c.Acknowledge != current.LastFour {
		d.mention("The annotation %s names %s, and no rotation is under way: nothing is completed.", v1alpha1.AnnotationAcknowledgeToken, shown(c.Acknowledge))
	}
	if c.Cancel != "" && c.Cancel != c.Known.CanceledLastFour {
		d.mention("The annotation %s names %s, and no rotation is under way: nothing is canceled.", v1alpha1.AnnotationCancelRotation, shown(c.Cancel))
	}
	if slices.Contains(c.Known.HandledRotate, c.Rotate) && c.Rotate != "" && !c.starting() {
		d.mention("The annotation %s=%s was answered before, or stood there when the connection was recorded: to ask for a rotation set it to %s.",
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
		d.mention("The annotation %s is ignored: its value must be the last four characters of the current token (%s) and, if need be, a hyphen and more, at most %d characters in all.",
			v1alpha1.AnnotationRotateToken, lastFour, longestRequest)
	case c.Rotate[:4] != lastFour:
		d.mention("The annotation %s asks to rotate the token that ends in %s, and the current one ends in %s, so it is ignored.",
			v1alpha1.AnnotationRotateToken, c.Rotate[:4], lastFour)
	}
	return d.Problems
}

// shown is what somebody gave where four characters belong, as far as it may be shown: a whole token may stand there by mistake.
func shown(value string) string {
	if len(value) > 4 {
		return "something longer than four characters"
	}
	return strconv.Quote(value)
}

package connection

import (
	"fmt"
	"slices"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// waiting is the reason and the message of Rotating while a rotation is under way.
func (l Life) waiting(t, r *Token) (reason, message string) {
	held := t.NextLastFour == r.NextLastFour
	end := l.overlapEnd(r.ExpiresAt)
	offered := fmt.Sprintf("Secret %s offers the next token, which ends in %s, as %s: give it to the identity provider, and then set the annotation %s=%s.",
		l.Secret, r.NextLastFour, v1alpha1.SecretKeyNextToken, v1alpha1.AnnotationAcknowledgeToken, r.NextLastFour)
	abandon := fmt.Sprintf("To abandon it, set %s=%s.", v1alpha1.AnnotationCancelRotation, r.NextLastFour)
	switch {
	case held && t.LastFour == r.LastFour && !end.IsZero():
		return v1alpha1.ReasonOverlapping, fmt.Sprintf("%s Without it the rotation is completed at %s. %s", offered, FormatTime(end), abandon)
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

// missing reports a token that the Secret does not hold. Where it never held one it cannot be known, and nothing fails to work.
// It is only believed on what was read after the Secret.
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

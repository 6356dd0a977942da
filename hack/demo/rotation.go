package main

import (
	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
)

// rotation: a token is replaced. The first rotation is canceled, the second is completed by an acknowledgement.
func (s *story) rotation() {
	seq := s.Seq()
	scim, current := s.tokenOf(s.scim)
	four := scim.Status.BearerToken.LastFour
	canceled := s.startRotation(four)
	s.Note("It was too early: the rotation is canceled. An acknowledgement of another token does nothing.")
	s.annotate(scim, "acknowledge-token=0000", "cancel-rotation="+lastFour(canceled))
	s.endRotation("to cancel the rotation", current, canceled)

	next := s.startRotation(four + "-2")
	s.Note("Everything is ready to switch the identity provider. An annotation completes the rotation, and only then does the next token work:")
	s.annotate(scim, "acknowledge-token="+lastFour(next))
	s.endRotation("to complete the rotation", next, current)

	const start, cancel, complete = "StartSCIMTokenRotation", "CancelSCIMTokenRotation", "CompleteSCIMTokenRotation"
	s.changesSince(seq).about(scim).expect(start, cancel, start, complete)
	s.awaitEvents(scim, 0, "RotationStarted", "RotationCanceled", "TokenRotated")
	s.Show("events", "--for", scim.name(), "--types", "Normal")
	s.Note("The annotations are bound to tokens: left in Git, they start no other rotation.")
	s.annotate(scim, "rotate-token-", "acknowledge-token-", "cancel-rotation-")

	places := s.places()
	places["the Secrets"] = s.Kubectl("get", "-A", "-o", "json", "secrets")
	searched(places, bearerToken(current), bearerToken(canceled)) // tokens of the past
	s.searchFor(bearerToken(next))
}

func lastFour(token string) string { return token[len(token)-4:] }

// startRotation asks for a rotation, and returns the next token once the Secret has both.
func (s *story) startRotation(request string) string {
	s.annotate(s.scim, "rotate-token="+request)
	scim := s.await(s.scim, "to wait for an acknowledgement", func(now object) bool {
		return now.condition("Rotating").Reason == "AwaitingAcknowledgement" && now.applied()
	})
	s.showConditions(scim, "Rotating")
	secret := s.read(scim.tokenSecret()).Data
	token, next := string(secret["token"]), string(secret["next-token"])
	if next == "" || !s.accepts(scim, token) || s.accepts(scim, next) {
		lab.Failf("%s should have the token that Stytch accepts, and the one that it will accept", scim.tokenSecret())
	}
	s.Seen("%s has both tokens, Stytch accepts the current one until the rotation is completed, and Ready is True", scim.tokenSecret())
	return next
}

// endRotation waits until the Secret has one token alone, and checks that Stytch accepts that one and not the other.
func (s *story) endRotation(what, good, bad string) {
	scim := s.await(s.scim, what, func(now object) bool {
		secret := s.read(now.tokenSecret()).Data
		return now.condition("Rotating").Status != "True" && len(secret["next-token"]) == 0 && string(secret["token"]) == good
	})
	if !s.accepts(scim, good) || s.accepts(scim, bad) {
		lab.Failf("Stytch should accept the token that ends in %s alone, and not the one that ends in %s", lastFour(good), lastFour(bad))
	}
	s.Seen("the Secret has one token, …%s; Stytch accepts it, and not …%s", lastFour(good), lastFour(bad))
}

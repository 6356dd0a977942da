package token

import (
	"errors"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Fields of a SCIM connection that hold tokens, and what goes with them.
const (
	fieldToken     = "bearer_token"
	fieldNextToken = "next_bearer_token"
	fieldBaseURL   = "base_url"
	fieldTemplate  = "secretTemplate"
)

// Actions on tokens. The first three are calls to Stytch, the others one write of the Secret.
//
//nolint:gochecknoglobals // Go has no constants of this type
var (
	StartRotation    = connection.Action{Name: "StartRotation", Event: "RotationStarted"}
	CompleteRotation = connection.Action{Name: "CompleteRotation"} // PromoteToken tells of it
	CancelRotation   = connection.Action{Name: "CancelRotation", Event: "RotationCanceled"}
	PublishToken     = connection.Action{Name: "PublishToken", Event: "SecretUpdated"}
	PromoteToken     = connection.Action{Name: "PromoteToken", Event: "TokenRotated"} // the next token, which was completed, takes the other's place
	ApplyTemplate    = connection.Action{Name: "ApplySecretTemplate", Event: "SecretUpdated"}
	RecoverToken     = connection.Action{Name: "RecoverToken", Event: "TokenRecovered"} // the same, of a connection that is still being created
)

var topic = connection.Topic{Name: "token", Alone: true} //nolint:gochecknoglobals // Go has no constants of this type

// tidy is the write that puts the Secret in order: a next token that has become the current one takes its place, one that is none
// any more is taken out, and the base URL is Stytch's.
func tidy(stored, current *connection.Token, isNew bool) *connection.Step {
	step := connection.Step{Action: PublishToken}
	add := func(field string, have, want connection.Value) {
		step.Changes = append(step.Changes, connection.Change{Field: field, Topic: topic, Have: have, Want: want})
	}
	completed := stored.LastFour != current.LastFour && stored.NextLastFour == current.LastFour && current.LastFour != ""
	over := stored.NextLastFour != "" && current.NextLastFour == ""
	if completed {
		step.Action = PromoteToken
		if isNew {
			step.Action = RecoverToken
		}
		add(fieldToken, ending(stored.LastFour), ending(current.LastFour))
	}
	if completed || over {
		step.Fresh = true
		add(fieldNextToken, ending(stored.NextLastFour), ending(""))
	}
	usable := completed || stored.LastFour == current.LastFour || stored.NextLastFour == current.NextLastFour && current.NextLastFour != ""
	if usable && stored.BaseURL != current.BaseURL {
		add(fieldBaseURL, another(stored.BaseURL), connection.Text(current.BaseURL))
	}
	if step.Changes == nil {
		return nil
	}
	return &step
}

// ending is a token by its last four characters.
func ending(lastFour string) connection.Value {
	if lastFour == "" {
		return connection.Text("")
	}
	return connection.Text("…" + lastFour)
}

// another stands for a URL in a Secret, which may be anything, even a secret.
func another(url string) connection.Value {
	if url == "" {
		return connection.Text("")
	}
	return connection.Text("another URL")
}

func start(current *connection.Token, request, why string) *connection.Step {
	return &connection.Step{
		Action: StartRotation, Target: request, Why: why, Fresh: true,
		Changes: []connection.Change{{Field: fieldToken, Topic: topic, Have: ending(current.LastFour), Want: connection.Text("a new token")}},
	}
}

func completion(current *connection.Token) *connection.Step {
	return &connection.Step{
		Action: CompleteRotation, Fresh: true, Confirm: true,
		Changes: []connection.Change{{Field: fieldToken, Topic: topic, Have: ending(current.LastFour), Want: ending(current.NextLastFour)}},
	}
}

func cancellation(current *connection.Token) *connection.Step {
	return &connection.Step{
		Action: CancelRotation, Fresh: true, Confirm: true,
		Changes: []connection.Change{{Field: fieldNextToken, Topic: topic, Have: ending(current.NextLastFour), Want: ending("")}},
	}
}

// HoldsNext says whether a token's Secret holds the next token that a step completes.
func HoldsNext(data map[string][]byte, step connection.Step) bool {
	return step.Changes[0].Want.Same == ending(lastFour(data[v1alpha1.SecretKeyNextToken])).Same
}

// ApplyToSecret changes what a token's Secret holds as a step says. It is false, and nothing is changed, where the Secret does not
// hold what the step was decided on.
func ApplyToSecret(data map[string][]byte, step connection.Step) bool {
	for key, field := range map[string]string{v1alpha1.SecretKeyToken: fieldToken, v1alpha1.SecretKeyNextToken: fieldNextToken} {
		for _, c := range step.Changes {
			if c.Field == field && c.Have.Same != ending(lastFour(data[key])).Same {
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

// Contradicted is the error of a step on a rotation that Stytch takes back to be under way. It was read a moment ago, so either
// somebody else has just ended it, or Stytch's parts do not agree yet: nobody is to blame, and it is read again.
func Contradicted(err error) error {
	failed, answered := errors.AsType[*stytch.Error](err)
	if !answered || failed.ErrorType != "scim_connection_not_rotating_token" {
		return err
	}
	passes := *failed
	passes.Class = stytch.Unavailable
	return &passes
}

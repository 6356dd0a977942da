package connectiontest

import (
	"reflect"
	"strings"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/connection/scim"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Story is a plan in few words: +fingerprint, -id, free:id, and the other fields of an update.
func Story(plan []connection.Step) string {
	var words []string
	for _, s := range plan {
		var parts []string
		for _, c := range s.Changes {
			switch {
			case s.Action == saml.DeleteCertificate, s.Action == saml.DeleteEncryptionKey:
				parts = append(parts, "-"+s.Target)
			case s.Action == saml.FreeCertificate:
				parts = append(parts, "free:"+s.Target)
			case s.Action == saml.AddEncryptionKey:
				parts = append(parts, "+"+c.Want.Same)
			case c.Field == "x509_certificate":
				parts = append(parts, "+"+c.Want.Same)
			case s.Action == connection.Update:
				parts = append(parts, c.Field)
			default:
				parts = append(parts, s.Action.Name)
			}
		}
		words = append(words, strings.Join(parts, "&"))
	}
	return strings.Join(words, " ")
}

// UpdateOf is a step with changes of one field each, written as field, have, want.
func UpdateOf(changes ...[3]string) connection.Step {
	s := connection.Step{Action: connection.Update}
	for _, c := range changes {
		s.Changes = append(s.Changes, connection.Change{Field: c[0], Have: connection.Text(c[1]), Want: connection.Text(c[2])})
	}
	return s
}

// PublishedToken puts into status what a pass would, without taking a step.
func PublishedToken(o *v1alpha1.SCIMConnection, r stytch.SCIMConnection, in connection.Inputs) {
	kind := scim.Kind()
	Learn(kind, o, r, r, nil, Noon)
	want, _ := WantOf(kind, o, SCIMID, in)
	Publish(kind, o, r, want)
}

// CopyOf is a copy of a manifest that shares nothing with it.
func CopyOf[O v1alpha1.Connection](o O) O { return o.DeepCopyObject().(O) }

// PlanFor compares a manifest with its connection as a pass does.
func PlanFor[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, r R, in connection.Inputs) ([]connection.Step, []connection.Problem) {
	want, have, problems := StatesOf(kind, o, r, in)
	return kind.PlanFor(o, want, have), append(problems, kind.Complaints(o, want, have)...)
}

// StatesOf are the two states that a pass compares.
func StatesOf[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, r R, in connection.Inputs) (want, have connection.State, problems []connection.Problem) {
	in.ID = kind.Common(r).ConnectionID
	return kind.States(o, r, in)
}

// WantOf is what a manifest wants of the connection with an ID, but for the display name.
func WantOf[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, id string, in connection.Inputs) (connection.State, []connection.Problem) {
	var none R
	in.ID = id
	want, _, problems := kind.States(o, none, in)
	delete(want.Settings, "display_name")
	return want, problems
}

// PlanOf is the plan of a SCIM connection where one of the states has a token, and else of a SAML connection.
func PlanOf(want, have connection.State) []connection.Step {
	if want.Token != nil || have.Token != nil {
		return scim.Kind().PlanFor(&v1alpha1.SCIMConnection{}, want, have)
	}
	return saml.Kind().PlanFor(&v1alpha1.SAMLConnection{}, want, have)
}

// Learn has a kind remember what a reading showed.
func Learn[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, before, after R, done *connection.Step, now time.Time) {
	kind.Note(o, connection.Event[R]{Type: connection.Observed, Before: before, Remote: after, Step: done, Now: now})
}

// Begins has a kind remember what has to be known before a step, and says whether there was such a thing.
func Begins[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, r R, step connection.Step, now time.Time) bool {
	before := CopyOf(o)
	kind.Note(o, connection.Event[R]{Type: connection.StepBegins, Remote: r, Step: &step, Now: now})
	return !reflect.DeepEqual(before, o)
}

// Refuse has a kind remember that Stytch refused a step, and returns the one that takes back what made room for it.
func Refuse[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, step connection.Step, errorType string) *connection.Step {
	refusal := &stytch.Error{Request: stytch.Request{ErrorType: errorType, StatusCode: 400}, Class: stytch.Rejected}
	kind.Note(o, connection.Event[R]{Type: connection.StepFailed, Step: &step, Refusal: refusal, Now: Noon})
	if kind.Undo == nil {
		return nil
	}
	return kind.Undo(o, step)
}

// Publish has a kind put into status what a comparison showed.
func Publish[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, r R, want connection.State) {
	kind.Note(o, connection.Event[R]{Type: connection.Compared, Remote: r, Want: want, Now: want.Now})
	if kind.Publish != nil {
		kind.Publish(o, r, want)
	}
}

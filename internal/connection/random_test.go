package connection_test

import (
	"math/rand"
	"slices"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/external"
	"github.com/stytch-operator/stytch-operator/internal/connection/oidc"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/connection/scim"
)

func TestOneUpdateMakesAnyConnectionEqualHoweverStytchSpellsIt(t *testing.T) {
	t.Parallel()
	for seed := range int64(500) {
		random := rand.New(rand.NewSource(seed))
		oneUpdateSuffices(t, random, saml.Kind(), RandomSAML(random), Document.SAML, connection.Inputs{})
		oneUpdateSuffices(t, random, external.Kind(), RandomExternal(random), Document.External, connection.Inputs{})
		oneUpdateSuffices(t, random, oidc.Kind(), RandomOIDC(random), Document.OIDC, OIDCInputs(ClientSecret))
		oneUpdateSuffices(t, random, scim.Kind(), RandomSCIM(random), Document.SCIM, SecretWith(SCIMID, "some-token-wxyz"))
	}
}

func oneUpdateSuffices[O v1alpha1.Connection, R any](t *testing.T, random *rand.Rand, kind connection.Kind[O, R], o O, read func(Document) R, in connection.Inputs) {
	t.Helper()
	stored := RandomDocument(random)
	before := stored
	plan, _ := PlanFor(kind, o, read(stored.Noisy(random)), in)
	if len(plan) > 1 {
		t.Fatalf("%s at %s: the plan has %d steps", InJSON(t, o), InJSON(t, before), len(plan))
	}
	for _, s := range plan {
		stored.Put(t, s.Fields())
	}
	for range 3 {
		if again, _ := PlanFor(kind, o, read(stored.Noisy(random)), in); len(again) > 0 {
			t.Fatalf("%s at %s: after %s there is still %s", InJSON(t, o), InJSON(t, before), InJSON(t, plan), InJSON(t, again))
		}
	}
	eachChangeIsNeeded(t, kind, o, read, before, plan, in)
}

// besideTheIssuer says that a field is sent though it is equal, because Stytch would discover it anew otherwise.
func besideTheIssuer(s connection.Step, field string) bool {
	_, issuer := s.Fields()["issuer"]
	return issuer && !slices.ContainsFunc(connection.Show([]connection.Step{s}), func(c v1alpha1.Change) bool { return c.Field == field })
}

// eachChangeIsNeeded fails the test where an update without one of its fields would have done.
func eachChangeIsNeeded[O v1alpha1.Connection, R any](t *testing.T, kind connection.Kind[O, R], o O, read func(Document) R, before Document, plan []connection.Step, in connection.Inputs) {
	t.Helper()
	for _, s := range plan {
		for field := range s.Fields() {
			if besideTheIssuer(s, field) {
				continue
			}
			stored := before
			body := s.Fields()
			delete(body, field)
			stored.Put(t, body)
			if left, _ := PlanFor(kind, o, read(stored), in); connection.Names(left) != field {
				t.Fatalf("without %s the plan is %s", field, InJSON(t, left))
			}
		}
	}
}

package connection_test

import (
	"encoding/json"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/external"
	"github.com/stytch-operator/stytch-operator/internal/connection/oidc"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/connection/scim"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func TestTheWorstProblemGivesTheReasonAndAllGiveTheMessage(t *testing.T) {
	mention := connection.Problem{Message: "Mentioned."}
	invalid := connection.Problem{Reason: v1alpha1.ReasonInvalid, Message: "Invalid."}
	missing := connection.Problem{Reason: v1alpha1.ReasonInputMissing, Message: "Missing."}
	source := connection.Problem{Reason: v1alpha1.ReasonSourceNotReady, Message: "Not ready."}
	for _, test := range []struct {
		name            string
		problems        []connection.Problem
		reason, message string
	}{
		{"none", nil, "", ""},
		{"a mention", []connection.Problem{mention}, "", "Mentioned."},
		{"a missing input", []connection.Problem{missing}, v1alpha1.ReasonInputMissing, "Missing."},
		{"a mention before a missing input", []connection.Problem{mention, missing}, v1alpha1.ReasonInputMissing, "Mentioned. Missing."},
		{"a missing input before something invalid", []connection.Problem{missing, invalid}, v1alpha1.ReasonInvalid, "Missing. Invalid."},
		{"something invalid before a missing input", []connection.Problem{invalid, missing, mention}, v1alpha1.ReasonInvalid, "Invalid. Missing. Mentioned."},
		{"another reason", []connection.Problem{mention, source}, v1alpha1.ReasonSourceNotReady, "Mentioned. Not ready."},
		{"another reason before something invalid", []connection.Problem{source, invalid}, v1alpha1.ReasonInvalid, "Not ready. Invalid."},
		{"the same twice", []connection.Problem{invalid, missing, invalid}, v1alpha1.ReasonInvalid, "Invalid. Missing."},
	} {
		t.Run(test.name, func(t *testing.T) {
			reason, message := connection.Worst(test.problems)
			Same(t, "the reason", reason, test.reason)
			Same(t, "the message", message, test.message)
		})
	}
}

func TestTheRealNameIsTheOneWrittenOrTheManifests(t *testing.T) {
	o := SAMLManifest()
	Same(t, "the name written", connection.RealName(o), "Acme – Okta")
	o.Spec.DisplayName = ""
	Same(t, "the manifest's name", connection.RealName(o), "okta")
}

func TestAManifestWithoutADisplayNameGivesItsNameToAConnectionThatBearsTheMark(t *testing.T) {
	o, r := SAMLManifest(), SAMLRemote()
	name := func() string {
		want, _, _ := saml.Kind().States(o, r, connection.Inputs{ID: SAMLID})
		return want.Settings["display_name"].Same
	}
	Same(t, "the name written", name(), "Acme – Okta")
	o.Spec.DisplayName = ""
	Same(t, "the name of a connection that has one", name(), "")
	r.DisplayName = MarkedName("okta", ManifestUID)
	Same(t, "the name in place of the mark", name(), "okta")
}

func TestAKindListsWithTheAPIItBelongsTo(t *testing.T) {
	Same(t, "SAML", saml.Kind().API, stytch.APISSO)
	Same(t, "OIDC", oidc.Kind().API, stytch.APISSO)
	Same(t, "External", external.Kind().API, stytch.APISSO)
	Same(t, "SCIM", scim.Kind().API, stytch.APISCIM)
}

func TestOnlySomeProblemsHaltEverything(t *testing.T) {
	Same(t, "none", connection.Halted(nil), false)
	Same(t, "others", connection.Halted([]connection.Problem{{Reason: v1alpha1.ReasonInvalid}}), false)
	Same(t, "one that does", connection.Halted([]connection.Problem{{}, {Halts: true}}), true)
}

func TestWhatIsPublishedAgainEqualsWhatWasReadBack(t *testing.T) {
	odd := YearsOn(1).Add(123456789 * time.Nanosecond).In(time.FixedZone("", 3600))
	samlConn, r := SAMLManifest(), SAMLRemote()
	r.VerificationCertificates = []stytch.Certificate{{ID: "cert-1", SHA256: "aa", ExpiresAt: odd}}
	Publish(saml.Kind(), samlConn, r, connection.State{})
	var readSAML v1alpha1.SAMLConnection
	readBack(t, samlConn, &readSAML)
	Publish(saml.Kind(), samlConn, r, connection.State{})
	if !equality.Semantic.DeepEqual(samlConn.Status, readSAML.Status) {
		t.Errorf("SAML: %s is written over %s", InJSON(t, samlConn.Status), InJSON(t, readSAML.Status))
	}

	scim, s := SCIMManifest(), SCIMRemote()
	s.BearerTokenExpiresAt = odd
	PublishedToken(scim, s, connection.Inputs{})
	var readSCIM v1alpha1.SCIMConnection
	readBack(t, scim, &readSCIM)
	PublishedToken(scim, s, connection.Inputs{})
	if !equality.Semantic.DeepEqual(scim.Status, readSCIM.Status) {
		t.Errorf("SCIM: %s is written over %s", InJSON(t, scim.Status), InJSON(t, readSCIM.Status))
	}
}

// readBack is what the API server keeps of an object.
func readBack(t *testing.T, written, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(InJSON(t, written)), into); err != nil {
		t.Fatal(err)
	}
}

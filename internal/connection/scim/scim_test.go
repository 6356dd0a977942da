package scim_test

import (
	"testing"

	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/scim"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func TestASCIMConnectionSaysWhenItsTokenEnds(t *testing.T) {
	kind := scim.Kind()
	o, r := SCIMManifest(), SCIMRemote()
	Same(t, "the ends of a fresh one", kind.Ends(o), []connection.Expiry(nil))
	PublishedToken(o, r, connection.Inputs{})
	Same(t, "the ends where Stytch does not say", kind.Ends(o), []connection.Expiry(nil))
	r.BearerTokenExpiresAt = YearsOn(1)
	PublishedToken(o, r, connection.Inputs{})
	list := kind.Ends(o)
	Same(t, "the ends", len(list), 1)
	Same(t, "what", []string{list[0].What, list[0].Which, list[0].Name}, []string{"bearer_token", "", "The bearer token ending in wxyz"})
	Same(t, "when", list[0].At.Equal(YearsOn(1)), true)
}

func TestANameIsManagedThoughTheTokenIsLostOnceTheConnectionIsNoLongerNew(t *testing.T) {
	r := SCIMRemote()
	r.DisplayName = "by hand"
	plan, _ := PlanFor(scim.Kind(), SCIMManifest(), r, connection.Inputs{})
	OneUpdate(t, plan, `{"display_name":"Acme – Okta"}`)
}

func TestSCIMIsCreatedWithItsProviderAlone(t *testing.T) {
	o := SCIMManifest()
	Same(t, "the body", scim.Kind().Creation(o), stytch.Fields{"identity_provider": "okta"})
	o.Spec.IdentityProvider = ""
	Same(t, "the body without a provider", scim.Kind().Creation(o), stytch.Fields{})
}

func TestAnySCIMConnectionOfTheOrganizationIsARival(t *testing.T) {
	scimConn := scim.Kind()
	if !scimConn.Rival(SCIMManifest(), stytch.SCIMConnection{}) || scimConn.Shared {
		t.Error("a second SCIM connection is not seen as a rival")
	}
	Same(t, "what it refers to", scimConn.References(SCIMManifest()), []connection.Reference{{Kind: "Secret", Name: "acme-scim"}})
	Same(t, "whether it may lack something", scimConn.MissingToActivate != nil, false)
	Same(t, "its API", scimConn.API, stytch.APISCIM)
}

func TestASCIMConnectionWritesNothingDownBeforeAnUpdate(t *testing.T) {
	kind, o, r := scim.Kind(), SCIMManifest(), SCIMRemote()
	Learn(kind, o, r, r, nil, Noon)
	before := InJSON(t, o)
	Same(t, "what is written down before a step", Begins(kind, o, r, connection.Step{}, Noon), false)
	Same(t, "what is undone", Refuse(kind, o, connection.Step{}, "invalid_x509_certificate"), (*connection.Step)(nil))
	Learn(kind, o, r, r, nil, Noon)
	Same(t, "the manifest", InJSON(t, o), before)
}

package stytch

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

const issuer = "https://idp.example.com/tenant"

func TestAnOIDCConnectionIsReadAsTheSimulatorHoldsIt(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	w.document(stytchsim.Document{
		URL:                   issuer + "/.well-known/openid-configuration",
		AuthorizationEndpoint: issuer + "/authorize", TokenEndpoint: issuer + "/token", UserinfoEndpoint: issuer + "/userinfo", JWKSURI: issuer + "/keys",
	})
	caller := w.caller("uid")
	w.sso(caller, start)
	var made, got OIDCConnection
	w.expect(func() { made = w.oidc(caller, "Acme") }, "CreateOIDCConnection")
	if made.Status != "pending" || made.DisplayName != "Acme" || made.IdentityProvider != "okta" || made.OrganizationID != w.org || made.RedirectURL == "" || made.ClientSecretSHA256 != "" || made.ClientSecretMasked {
		t.Errorf("created: %+v", made)
	}
	w.expect(func() {
		is, warning, request, err := caller.UpdateOIDC(ctx(t), w.org, made.ConnectionID, Fields{
			"issuer": issuer, "client_id": "client", "client_secret": Secret("open sesame"), "custom_scopes": "groups profile",
			"token_url": "https://elsewhere.example.com/token", "attribute_mapping": map[string]string{"department": "dept"},
		})
		must(t, err)
		if warning != "" || request.ID == "" || request.Operation != "UpdateOIDCConnection" {
			t.Errorf("request %+v, warning %q", request, warning)
		}
		got = is
	}, "UpdateOIDCConnection")
	want := made
	want.Status, want.Issuer, want.ClientID = "active", issuer, "client"
	want.ClientSecretSHA256 = "41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb"
	want.AuthorizationURL, want.TokenURL = issuer+"/authorize", "https://elsewhere.example.com/token"
	want.UserinfoURL, want.JWKSURL = issuer+"/userinfo", issuer+"/keys"
	want.CustomScopes, want.AttributeMapping = "groups profile", map[string]string{"department": "dept"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("updated\n%+v\nwant\n%+v", got, want)
	}
	for _, since := range []time.Time{start, at(time.Second)} { // from memory, and by a list
		w.clock.advance(time.Second)
		if list := w.sso(caller, since); !reflect.DeepEqual(list.OIDC, []OIDCConnection{want}) {
			t.Errorf("listed\n%+v\nwant\n%+v", list.OIDC, want)
		}
	}
	w.expect(func() {
		_, err := caller.DeleteSSO(ctx(t), w.org, made.ConnectionID)
		must(t, err)
		if list := w.sso(caller, start); list.OIDC != nil {
			t.Errorf("held after the deletion: %+v", list)
		}
	}, "DeleteSSOConnection")
}

func TestADiscoveryThatFailedWarnsOnce(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	made := w.oidc(caller, "Acme")
	for _, want := range []string{"The metadata document at " + issuer + "/.well-known/openid-configuration could not be read.", ""} {
		got, warning, _, err := caller.UpdateOIDC(ctx(t), w.org, made.ConnectionID, Fields{"issuer": issuer})
		must(t, err)
		if warning != want || got.Issuer != issuer || got.Status != "pending" {
			t.Errorf("warning %q, want %q: %+v", warning, want, got)
		}
	}
}

func TestAClientSecretIsKnownByWhatIsShownOfIt(t *testing.T) {
	for shown, want := range map[string]OIDCConnection{
		"plain":  {ClientSecretSHA256: pki.Fingerprint([]byte("open sesame"))},
		"masked": {ClientSecretMasked: true},
		"empty":  {},
	} {
		for _, strings := range []string{"empty", "null", "absent"} {
			w := newWorld(t, stytchsim.Switches{ClientSecret: shown, Strings: strings, UnsetMapping: strings, CustomScopes: "encoded"})
			caller := w.caller("uid")
			made := w.oidc(caller, "Acme")
			if made.ClientSecretMasked || made.ClientSecretSHA256 != "" {
				t.Errorf("%s, %s: none was sent, and read is %+v", shown, strings, made)
			}
			got, _, _, err := caller.UpdateOIDC(ctx(t), w.org, made.ConnectionID, Fields{"client_secret": Secret("open sesame"), "custom_scopes": "a b"})
			must(t, err)
			expected := made
			expected.ClientSecretSHA256, expected.ClientSecretMasked, expected.CustomScopes = want.ClientSecretSHA256, want.ClientSecretMasked, "a%20b"
			if !reflect.DeepEqual(got, expected) {
				t.Errorf("%s, %s: %+v, want %+v", shown, strings, got, expected)
			}
		}
	}
}

func TestAnOIDCConnectionThatIsGoneIsNotInTheList(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	a, b := w.oidc(caller, "A"), w.oidc(caller, "B")
	w.sso(caller, start)
	must(t, w.RemoveConnection(a.ConnectionID))
	_, warning, _, err := caller.UpdateOIDC(ctx(t), w.org, a.ConnectionID, Fields{"display_name": "x"})
	if e := failedAs(t, err, NotFound); e.ErrorType != "oidc_connection_not_found" || warning != "" {
		t.Errorf("%v, warning %q", e, warning)
	}
	w.expect(func() {
		if list := w.sso(caller, start); len(list.OIDC) != 1 || list.OIDC[0].ConnectionID != b.ConnectionID {
			t.Errorf("held: %+v", list.OIDC)
		}
	})
}

func TestAnOIDCConnectionThatIsNotAnsweredForgetsTheList(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	made := w.oidc(caller, "Acme")
	must(t, w.SetSwitches(stytchsim.Switches{AnswerConnection: "absent"}))
	w.sso(caller, start)
	_, _, err := caller.CreateOIDC(ctx(t), w.org, Fields{"display_name": "B"})
	if e := failedAs(t, err, Unavailable); !e.Unknown() || e.Message != "the response lacks the connection" {
		t.Errorf("%v, unknown %t", e, e.Unknown())
	}
	w.expect(func() { w.sso(caller, start) }, "ListSSOConnections")
	if _, _, _, err := caller.UpdateOIDC(ctx(t), w.org, made.ConnectionID, Fields{"display_name": "C"}); err != nil {
		t.Errorf("an update that was answered without the connection: %v", err)
	}
	w.expect(func() {
		if list := w.sso(caller, start); list.OIDC[0].DisplayName != "C" && list.OIDC[1].DisplayName != "C" {
			t.Errorf("listed anew: %+v", list.OIDC)
		}
	}, "ListSSOConnections")
	another := answering(t, status(200, `{"request_id":"r","connection":{"connection_id":"another"}}`))
	_, _, _, err = another.UpdateOIDC(ctx(t), someone, "c", nil)
	if e := failedAs(t, err, Unavailable); !e.Unknown() {
		t.Errorf("an answer about another connection: %v", e)
	}
}

func TestOIDCConnectionsAreInTheOrderOfTheirIDs(t *testing.T) {
	for _, order := range []string{"stable", "reversed", "rotating"} {
		w := newWorld(t, stytchsim.Switches{Order: order, DefaultConnection: "by-hand"})
		caller := w.caller("uid")
		var cached []OIDCConnection // as answers laid it there
		w.sso(caller, start)
		for i := range 5 {
			made := w.oidc(caller, fmt.Sprint("connection ", i))
			_, _, _, err := caller.UpdateOIDC(ctx(t), w.org, made.ConnectionID, Fields{"client_id": fmt.Sprint("client-", i), "client_secret": Secret("open sesame")})
			must(t, err)
		}
		saml := w.saml(caller, "Acme")
		w.expect(func() { cached = w.sso(caller, start).OIDC })
		if len(cached) != 5 || !slices.IsSortedFunc(cached, func(a, b OIDCConnection) int { return strings.Compare(a.ConnectionID, b.ConnectionID) }) {
			t.Fatalf("%s: held out of order: %+v", order, cached)
		}
		for range 3 {
			w.clock.advance(time.Second)
			if list := w.sso(caller, w.clock.Now()); !reflect.DeepEqual(list.OIDC, cached) {
				t.Errorf("%s: listed\n%+v\nwant\n%+v", order, list.OIDC, cached)
			}
		}
		had := slices.Clone(cached)
		for _, id := range []string{cached[2].ConnectionID, cached[4].ConnectionID} {
			_, err := caller.DeleteSSO(ctx(t), w.org, id)
			must(t, err)
		}
		w.expect(func() {
			list := w.sso(caller, start)
			if want := []OIDCConnection{had[0], had[1], had[3]}; !reflect.DeepEqual(list.OIDC, want) || len(list.SAML) != 1 || list.SAML[0].ConnectionID != saml.ConnectionID {
				t.Errorf("%s: held\n%+v\nwant\n%+v", order, list, want)
			}
		})
		if !reflect.DeepEqual(cached, had) {
			t.Errorf("%s: the list handed out before has changed", order)
		}
	}
}

func TestAClientSecretStandsNowhere(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	made := w.oidc(caller, "Acme")
	fields := Fields{"issuer": issuer, "client_secret": Secret(hush)}
	got, warning, request, err := caller.UpdateOIDC(ctx(t), w.org, made.ConnectionID, fields)
	must(t, err)
	if got.ClientSecretSHA256 != pki.Fingerprint([]byte(hush)) || warning == "" {
		t.Errorf("%+v, warning %q", got, warning)
	}
	w.fault(stytchsim.Fault{Operation: "UpdateOIDCConnection", Status: 400, ErrorType: "bad_request", Times: 1})
	_, _, _, err = caller.UpdateOIDC(ctx(t), w.org, made.ConnectionID, fields)
	e := failedAs(t, err, Rejected)
	list := w.sso(caller, start)
	for _, thing := range []any{got, &got, list, warning, request, fields, e, w.service, caller.session, caller} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			seen := fmt.Sprintf(verb, thing)
			if strings.Contains(seen, hush) || strings.Contains(seen, fmt.Sprintf("%x", hush)) {
				t.Errorf("%T by %s shows the client secret: %s", thing, verb, seen)
			}
		}
	}
}

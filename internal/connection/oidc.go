package connection

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// OIDC is what is thought about OIDC connections.
func OIDC() Kind[*v1alpha1.OIDCConnection, stytch.OIDCConnection] {
	return Kind[*v1alpha1.OIDCConnection, stytch.OIDCConnection]{
		API:    stytch.APISSO,
		Common: func(r stytch.OIDCConnection) stytch.Connection { return r.Connection },
		Rival: func(o *v1alpha1.OIDCConnection, r stytch.OIDCConnection) bool {
			return r.DisplayName == RealName(o)
		},
		Rivalry:    "The organization already has an OIDC connection of this display name, which no manifest holds",
		Shared:     true,
		References: oidcReferences,
		Want:       oidcWant,
		Have:       oidcHave,
		Creation: func(o *v1alpha1.OIDCConnection) stytch.Fields {
			return creationWithProvider(string(o.Spec.IdentityProvider))
		},
		Lacks:    oidcLacks,
		Publish:  oidcPublish,
		Doubts:   oidcDoubts,
		Prepare:  func(*v1alpha1.OIDCConnection, stytch.OIDCConnection, Step, time.Time) bool { return false },
		Learn:    oidcLearn,
		Undo:     func(*v1alpha1.OIDCConnection, Step, string) *Step { return nil },
		Expiries: func(*v1alpha1.OIDCConnection) []Expiry { return nil },
		Due:      func(*v1alpha1.OIDCConnection) time.Time { return time.Time{} },
		Rotating: func(State, State) (string, string) { return "", "" },
	}
}

func oidcReferences(o *v1alpha1.OIDCConnection) []Reference {
	var r references
	if ref := o.Spec.ClientSecretRef; ref != nil {
		r.add(KindSecret, ref.Name)
	}
	if name := o.Spec.DetailsConfigMapName; name != "" {
		r.add(KindConfigMap, name)
	}
	return r
}

// endpoint is one of the URLs that Stytch discovers from an issuer.
type endpoint struct {
	field string // of the update endpoint
	name  string // in the manifest
	given string
	seen  string
	found *string // as status records it
}

// endpoints of an OIDC connection.
func endpoints(spec v1alpha1.OIDCConnectionSpec, r stytch.OIDCConnection, d *v1alpha1.DiscoveredStatus) []endpoint {
	return []endpoint{
		{"authorization_url", "authorizationURL", spec.AuthorizationURL, r.AuthorizationURL, &d.AuthorizationURL},
		{"token_url", "tokenURL", spec.TokenURL, r.TokenURL, &d.TokenURL},
		{"userinfo_url", "userinfoURL", spec.UserinfoURL, r.UserinfoURL, &d.UserinfoURL},
		{"jwks_url", "jwksURL", spec.JWKSURL, r.JWKSURL, &d.JWKSURL},
	}
}

// discovered is what status records of the issuer that the manifest names; blank where it records nothing.
func discovered(o *v1alpha1.OIDCConnection) *v1alpha1.DiscoveredStatus {
	if d := o.Status.Discovered; d != nil && d.Issuer == o.Spec.Issuer {
		return d
	}
	return &v1alpha1.DiscoveredStatus{}
}

func oidcWant(o *v1alpha1.OIDCConnection, _ string, in Inputs) (State, []Problem) {
	spec := o.Spec
	s := Settings{}
	s.set(fieldIdentityProvider, spec.IdentityProvider != "", Provider(string(spec.IdentityProvider)))
	s.set("client_id", spec.ClientID != "", Text(spec.ClientID))
	s.set(fieldIssuer, spec.Issuer != "", Text(spec.Issuer))
	s.set("custom_scopes", spec.CustomScopes != nil, Scopes(strings.Join(spec.CustomScopes, " ")))
	s.set("attribute_mapping", spec.AttributeMapping != nil, Mapping(spec.AttributeMapping))
	for _, e := range endpoints(spec, stytch.OIDCConnection{}, discovered(o)) {
		url := Text(e.given)
		if e.given == "" {
			url = Text(*e.found)
		}
		url.With = fieldIssuer // which has Stytch overwrite what is not sent beside it
		s.set(e.field, url.Same != "", url)
	}
	var problems []Problem
	if ref := spec.ClientSecretRef; ref != nil {
		secret, problem := clientSecret(o, secretItem("spec.clientSecretRef", *ref), in)
		if problem != nil {
			problems = append(problems, *problem)
		}
		s.set(fieldClientSecret, problem == nil, secret)
	}
	details, foreign := wantedDetails(o, spec.DetailsConfigMapName, in)
	return State{Settings: s, Details: details, Now: in.Now}, append(problems, foreign...)
}

// clientSecret is the secret that a manifest names. It was sent if the version of its Secret was.
func clientSecret(o *v1alpha1.OIDCConnection, at item, in Inputs) (Value, *Problem) {
	text, problem := at.read(in)
	if problem != nil {
		return Value{}, problem
	}
	if !utf8.ValidString(text) {
		return Value{}, new(at.invalid(errors.New("is not text in UTF-8: put the client secret there as the identity provider shows it")))
	}
	from := InputOf(KindSecret, in.Secrets[at.name].ObjectMeta)
	secret := strings.TrimSpace(text)
	return Value{
		Send: stytch.Secret(secret), Same: fingerprint([]byte(secret)), From: &from,
		Sent: o.Status.ClientSecret != nil && *o.Status.ClientSecret == from,
	}, nil
}

func oidcHave(r stytch.OIDCConnection) State {
	return State{
		Settings: Settings{
			fieldIdentityProvider: Provider(r.IdentityProvider),
			"client_id":           Text(r.ClientID),
			fieldClientSecret:     {Same: r.ClientSecretSHA256, Unreadable: r.ClientSecretSHA256 == ""},
			fieldIssuer:           Text(r.Issuer),
			"authorization_url":   Text(r.AuthorizationURL),
			"token_url":           Text(r.TokenURL),
			"userinfo_url":        Text(r.UserinfoURL),
			"jwks_url":            Text(r.JWKSURL),
			"custom_scopes":       Scopes(r.CustomScopes),
			"attribute_mapping":   Mapping(r.AttributeMapping),
		},
		Details: map[string]string{v1alpha1.DetailsKeyRedirectURL: r.RedirectURL},
	}
}

// oidcLacks names what Stytch's docs ask for before an OIDC connection is active.
func oidcLacks(r stytch.OIDCConnection) []string {
	return lacking(
		lack{"issuer", r.Issuer == ""},
		lack{"clientID", r.ClientID == ""},
		lack{"clientSecretRef", r.ClientSecretSHA256 == "" && !r.ClientSecretMasked},
		lack{"authorizationURL", r.AuthorizationURL == ""},
		lack{"tokenURL", r.TokenURL == ""},
		lack{"userinfoURL", r.UserinfoURL == ""},
		lack{"jwksURL", r.JWKSURL == ""},
	)
}

func oidcPublish(o *v1alpha1.OIDCConnection, r stytch.OIDCConnection, _ State) {
	o.Status.RedirectURL = r.RedirectURL
	if o.Spec.ClientSecretRef == nil {
		o.Status.ClientSecret = nil
	}
}

// Sent notes what an update of an OIDC connection told and was told: which Secret's client secret it carried, and what Stytch said
// of the discovery document of the issuer that it carried.
func Sent(o *v1alpha1.OIDCConnection, step Step, warning string) {
	for _, c := range step.Changes {
		switch c.Field {
		case fieldClientSecret:
			o.Status.ClientSecret = c.Want.From
		case fieldIssuer:
			d := discovered(o)
			d.Issuer, d.Warning = o.Spec.Issuer, cut(warning)
			o.Status.Discovered = d
		}
	}
}

// oidcLearn records the URLs that were discovered from the issuer: those that Stytch shows and the manifest does not give. They are
// wanted from then on. What was there before a discovery that failed is not recorded.
func oidcLearn(o *v1alpha1.OIDCConnection, _, after stytch.OIDCConnection, done *Step, _ time.Time) {
	if o.Spec.Issuer == "" {
		o.Status.Discovered = nil
	}
	if after.Issuer != o.Spec.Issuer || o.Spec.Issuer == "" {
		return
	}
	d := discovered(o)
	if d.Issuer == "" {
		d = &v1alpha1.DiscoveredStatus{Issuer: o.Spec.Issuer, Warning: leftBehind(o, after)}
	}
	o.Status.Discovered = d
	read := done != nil && carries(*done, fieldIssuer) && d.Warning == ""
	for _, e := range endpoints(o.Spec, after, d) {
		carried := done != nil && carries(*done, e.field)
		switch {
		case e.given != "":
			*e.found = ""
		case *e.found == "" && (d.Warning == "" || carried), read && !carried:
			*e.found = recordable(e.seen)
		}
	}
	if len(undiscovered(o)) == 0 {
		d.Warning = ""
	}
}

// leftBehind says, of an issuer that a process which crashed told Stytch about, that the document seems not to have been read: Stytch
// still shows all that was discovered from another issuer.
func leftBehind(o *v1alpha1.OIDCConnection, r stytch.OIDCConnection) string {
	if o.Status.Discovered == nil {
		return ""
	}
	old, changed := false, false
	for _, e := range endpoints(o.Spec, r, o.Status.Discovered) {
		old = old || *e.found != ""
		changed = changed || (*e.found != "" && *e.found != e.seen)
	}
	if !old || changed {
		return ""
	}
	return "the URLs are still those of " + o.Status.Discovered.Issuer
}

// undiscovered are the URLs that neither the manifest nor the issuer's document gives.
func undiscovered(o *v1alpha1.OIDCConnection) []string {
	var names []string
	for _, e := range endpoints(o.Spec, stytch.OIDCConnection{}, discovered(o)) {
		if e.given == "" && *e.found == "" {
			names = append(names, e.name)
		}
	}
	return names
}

// oidcDoubts reports a discovery that failed. Stytch does not try again for the same issuer.
func oidcDoubts(o *v1alpha1.OIDCConnection, _, have State) []Problem {
	d := discovered(o)
	missing := undiscovered(o)
	if d.Warning == "" || len(missing) == 0 || have.Settings[fieldIssuer].Same != o.Spec.Issuer {
		return nil
	}
	return []Problem{{Reason: v1alpha1.ReasonDiscoveryFailed, Message: fmt.Sprintf(
		"Stytch could not read the discovery document of %s (%s), and does not try again for the same issuer: correct spec.issuer, or give %s in the manifest.",
		o.Spec.Issuer, strings.TrimRight(d.Warning, "."), strings.Join(missing, ", "))}}
}

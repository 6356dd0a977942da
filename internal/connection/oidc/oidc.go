package oidc

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/details"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Fields of the update endpoint that are spoken of outside the table of settings.
const (
	fieldIssuer       = "issuer"
	fieldClientSecret = "client_secret"
)

// OIDC is what is thought about OIDC connections.
func Kind() connection.Kind[*v1alpha1.OIDCConnection, stytch.OIDCConnection] {
	return connection.Kind[*v1alpha1.OIDCConnection, stytch.OIDCConnection]{
		API:    stytch.APISSO,
		Common: func(r stytch.OIDCConnection) stytch.Connection { return r.Connection },
		Rival: func(o *v1alpha1.OIDCConnection, r stytch.OIDCConnection) bool {
			return r.DisplayName == connection.RealName(o)
		},
		Rivalry:    "The organization already has an OIDC connection of this display name, which no manifest holds",
		Shared:     true,
		References: references,
		Settings:   settings(),
		Want:       wantState,
		Have: func(r stytch.OIDCConnection) connection.State {
			return connection.State{Details: map[string]string{v1alpha1.DetailsKeyRedirectURL: r.RedirectURL}}
		},
		Plan: func(_ *v1alpha1.OIDCConnection, want, have connection.State) []connection.Step {
			return slices.Concat(details.Plan(want.Details, have.Details), connection.PlanUpdate(want, have))
		},
		Problems: findProblems,
		Creation: func(o *v1alpha1.OIDCConnection) stytch.Fields {
			return connection.WithProvider(string(o.Spec.IdentityProvider))
		},
		MissingToActivate: missingToActivate,
		Recorded:          recorded,
		Record: func(o *v1alpha1.OIDCConnection, was connection.Record, e connection.Event[stytch.OIDCConnection]) connection.Record {
			was.Discovered = discoveredAfter(o.Spec, was.Discovered, e)
			return was
		},
		Remember: func(o *v1alpha1.OIDCConnection, e connection.Event[stytch.OIDCConnection]) {
			o.Status.ClientSecret = clientSecretAfter(o, e)
		},
		Publish: func(o *v1alpha1.OIDCConnection, r stytch.OIDCConnection, _ connection.State) {
			o.Status.RedirectURL = r.RedirectURL
		},
	}
}

func references(o *v1alpha1.OIDCConnection) []connection.Reference {
	var r connection.References
	if ref := o.Spec.ClientSecretRef; ref != nil {
		r.Add(connection.KindSecret, ref.Name)
	}
	if name := o.Spec.DetailsConfigMapName; name != "" {
		r.Add(connection.KindConfigMap, name)
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

func recorded(o *v1alpha1.OIDCConnection) connection.Recorded {
	return connection.Recorded{Discovered: &o.Status.Discovered}
}

// ofIssuer is what was recorded of an issuer; blank where that was of another.
func ofIssuer(d *v1alpha1.DiscoveredStatus, issuer string) v1alpha1.DiscoveredStatus {
	if d == nil || d.Issuer != issuer {
		return v1alpha1.DiscoveredStatus{}
	}
	return *d
}

func settings() []connection.Setting[*v1alpha1.OIDCConnection, stytch.OIDCConnection] {
	type o = *v1alpha1.OIDCConnection
	type r = stytch.OIDCConnection
	settings := []connection.Setting[o, r]{
		connection.ProviderSetting(func(o o) string { return string(o.Spec.IdentityProvider) }, func(r r) string { return r.IdentityProvider }),
		connection.Field("client_id", connection.TopicEndpoint,
			func(o o, _ connection.Inputs) (connection.Value, bool) { return connection.NonEmpty(o.Spec.ClientID) },
			func(r r) connection.Value { return connection.Text(r.ClientID) }),
		connection.Field(fieldClientSecret, connection.TopicEndpoint,
			wantedClientSecret,
			func(r r) connection.Value {
				return connection.Value{Same: r.ClientSecretSHA256, Unreadable: r.ClientSecretSHA256 == ""}
			}),
		connection.Field(fieldIssuer, connection.TopicEndpoint,
			func(o o, _ connection.Inputs) (connection.Value, bool) { return connection.NonEmpty(o.Spec.Issuer) },
			func(r r) connection.Value { return connection.Text(r.Issuer) }),
		connection.Field("custom_scopes", connection.TopicRest,
			func(o o, _ connection.Inputs) (connection.Value, bool) {
				return connection.Scopes(strings.Join(o.Spec.CustomScopes, " ")), o.Spec.CustomScopes != nil
			},
			func(r r) connection.Value { return connection.Scopes(r.CustomScopes) }),
		connection.Field("attribute_mapping", connection.TopicMapping,
			func(o o, _ connection.Inputs) (connection.Value, bool) {
				return connection.Mapping(o.Spec.AttributeMapping), o.Spec.AttributeMapping != nil
			},
			func(r r) connection.Value { return connection.Mapping(r.AttributeMapping) }),
	}
	for i, e := range endpoints(v1alpha1.OIDCConnectionSpec{}, r{}, &v1alpha1.DiscoveredStatus{}) {
		settings = append(settings, connection.Field(e.field, connection.TopicEndpoint,
			func(o o, _ connection.Inputs) (connection.Value, bool) { return wantedEndpoint(o, i) },
			func(r r) connection.Value { return seenEndpoint(r, i) }))
	}
	return settings
}

func seenEndpoint(r stytch.OIDCConnection, i int) connection.Value {
	return connection.Text(endpoints(v1alpha1.OIDCConnectionSpec{}, r, &v1alpha1.DiscoveredStatus{})[i].seen)
}

// wantedEndpoint is one of the URLs: as the manifest gives it, or else as it was discovered.
func wantedEndpoint(o *v1alpha1.OIDCConnection, i int) (connection.Value, bool) {
	known := ofIssuer(connection.RecordAt(o, recorded(o)).Discovered, o.Spec.Issuer)
	e := endpoints(o.Spec, stytch.OIDCConnection{}, &known)[i]
	url := connection.Text(cmp.Or(e.given, *e.found))
	url.With = fieldIssuer // which has Stytch overwrite what is not sent beside it
	return url, url.Same != ""
}

func wantState(o *v1alpha1.OIDCConnection, in connection.Inputs) (connection.State, []connection.Problem) {
	var problems []connection.Problem
	if ref := o.Spec.ClientSecretRef; ref != nil {
		if _, problem := clientSecret(o, clientSecretItem(ref), in); problem != nil {
			problems = append(problems, *problem)
		}
	}
	published, foreign := details.Wanted(o, o.Spec.DetailsConfigMapName, in)
	return connection.State{Details: published}, append(problems, foreign...)
}

func wantedClientSecret(o *v1alpha1.OIDCConnection, in connection.Inputs) (connection.Value, bool) {
	ref := o.Spec.ClientSecretRef
	if ref == nil {
		return connection.Value{}, false
	}
	secret, problem := clientSecret(o, clientSecretItem(ref), in)
	return secret, problem == nil
}

func clientSecretItem(ref *v1alpha1.SecretKeyRef) connection.KeyRef {
	return connection.SecretKey("spec.clientSecretRef", *ref)
}

// clientSecret is the secret that a manifest names. It was sent if the version of its Secret was.
func clientSecret(o *v1alpha1.OIDCConnection, at connection.KeyRef, in connection.Inputs) (connection.Value, *connection.Problem) {
	text, problem := at.Read(in)
	if problem != nil {
		return connection.Value{}, problem
	}
	if !utf8.ValidString(text) {
		return connection.Value{}, new(at.Invalid(errors.New("is not text in UTF-8: put the client secret there as the identity provider shows it")))
	}
	from := connection.InputOf(connection.KindSecret, in.Secrets[at.Name].ObjectMeta)
	secret := strings.TrimSpace(text)
	return connection.Value{
		Send: stytch.Secret(secret), Same: pki.Fingerprint([]byte(secret)), From: &from,
		Sent: o.Status.ClientSecret != nil && *o.Status.ClientSecret == from,
	}, nil
}

// oidcMissing names what Stytch's docs ask for before an OIDC connection is active.
func missingToActivate(r stytch.OIDCConnection) []string {
	var lacks connection.Lacks
	lacks.If(r.Issuer == "", "issuer")
	lacks.If(r.ClientID == "", "clientID")
	lacks.If(r.ClientSecretSHA256 == "" && !r.ClientSecretMasked, "clientSecretRef")
	lacks.If(r.AuthorizationURL == "", "authorizationURL")
	lacks.If(r.TokenURL == "", "tokenURL")
	lacks.If(r.UserinfoURL == "", "userinfoURL")
	lacks.If(r.JWKSURL == "", "jwksURL")
	return lacks
}

// clientSecretAfter is the version of the Secret whose client secret was sent last.
func clientSecretAfter(o *v1alpha1.OIDCConnection, e connection.Event[stytch.OIDCConnection]) *v1alpha1.Input {
	switch {
	case e.Type == connection.Compared && o.Spec.ClientSecretRef == nil:
		return nil
	case e.Type == connection.StepDone:
		for _, c := range e.Step.Changes {
			if c.Field == fieldClientSecret {
				return c.Want.From
			}
		}
	}
	return o.Status.ClientSecret
}

// discoveredAfter is what is known of an issuer's document. When the issuer was sent, Stytch may have warned that it could not be read.
func discoveredAfter(spec v1alpha1.OIDCConnectionSpec, was *v1alpha1.DiscoveredStatus, e connection.Event[stytch.OIDCConnection]) *v1alpha1.DiscoveredStatus {
	switch {
	case e.Type == connection.Observed:
		return discoveredIn(spec, was, e.Remote, e.Step)
	case e.Type == connection.StepDone && connection.Carries(e.Step.Changes, fieldIssuer):
		d := ofIssuer(was, spec.Issuer)
		d.Issuer, d.Warning = spec.Issuer, connection.Cut(e.Warning)
		return &d
	}
	return was
}

// discoveredIn records the URLs that were discovered from the issuer: those that Stytch shows and the manifest does not give. They
// are wanted from then on. What was there before a discovery that failed is not recorded.
func discoveredIn(spec v1alpha1.OIDCConnectionSpec, was *v1alpha1.DiscoveredStatus, r stytch.OIDCConnection, done *connection.Step) *v1alpha1.DiscoveredStatus {
	switch {
	case spec.Issuer == "":
		return nil
	case r.Issuer != spec.Issuer:
		return was
	}
	d := ofIssuer(was, spec.Issuer)
	if d.Issuer == "" {
		d = v1alpha1.DiscoveredStatus{Issuer: spec.Issuer, Warning: leftBehind(spec, was, r)}
	}
	read := done != nil && connection.Carries(done.Changes, fieldIssuer) && d.Warning == ""
	for _, e := range endpoints(spec, r, &d) {
		carried := done != nil && connection.Carries(done.Changes, e.field)
		switch {
		case e.given != "":
			*e.found = ""
		case *e.found == "" && (d.Warning == "" || carried), read && !carried:
			*e.found = connection.Recordable(e.seen)
		}
	}
	if len(undiscovered(spec, d)) == 0 {
		d.Warning = ""
	}
	return &d
}

// leftBehind says, of an issuer that a process which crashed told Stytch about, that the document seems not to have been read: Stytch
// still shows all that was discovered from another issuer.
func leftBehind(spec v1alpha1.OIDCConnectionSpec, was *v1alpha1.DiscoveredStatus, r stytch.OIDCConnection) string {
	if was == nil {
		return ""
	}
	old, changed := false, false
	for _, e := range endpoints(spec, r, was) {
		old = old || *e.found != ""
		changed = changed || (*e.found != "" && *e.found != e.seen)
	}
	if !old || changed {
		return ""
	}
	return "the URLs are still those of " + was.Issuer
}

// undiscovered are the URLs that neither the manifest nor the issuer's document gives.
func undiscovered(spec v1alpha1.OIDCConnectionSpec, d v1alpha1.DiscoveredStatus) []string {
	var names []string
	for _, e := range endpoints(spec, stytch.OIDCConnection{}, &d) {
		if e.given == "" && *e.found == "" {
			names = append(names, e.name)
		}
	}
	return names
}

// oidcProblems reports a discovery that failed. Stytch does not try again for the same issuer.
func findProblems(o *v1alpha1.OIDCConnection, _, have connection.State) []connection.Problem {
	d := ofIssuer(connection.RecordAt(o, recorded(o)).Discovered, o.Spec.Issuer)
	missing := undiscovered(o.Spec, d)
	if d.Warning == "" || len(missing) == 0 || have.Settings[fieldIssuer].Same != o.Spec.Issuer {
		return nil
	}
	return []connection.Problem{{Reason: v1alpha1.ReasonDiscoveryFailed, Message: fmt.Sprintf(
		"Stytch could not read the discovery document of %s (%s), and does not try again for the same issuer: correct spec.issuer, or give %s in the manifest.",
		o.Spec.Issuer, strings.TrimRight(d.Warning, "."), strings.Join(missing, ", "))}}
}

package oidc

import (
	"fmt"
	"strings"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// endpoint is one of the URLs that Stytch discovers from an issuer.
type endpoint struct {
	field string // of the update endpoint
	name  string // in the manifest
	given string
	seen  string
	found *string // as status records it
}

// endpoints of an OIDC connection.
func endpoints(spec v1alpha1.OIDCConnectionSpec, r remote, d *v1alpha1.DiscoveredStatus) []endpoint {
	return []endpoint{
		{"authorization_url", "authorizationURL", spec.AuthorizationURL, r.AuthorizationURL, &d.AuthorizationURL},
		{"token_url", "tokenURL", spec.TokenURL, r.TokenURL, &d.TokenURL},
		{"userinfo_url", "userinfoURL", spec.UserinfoURL, r.UserinfoURL, &d.UserinfoURL},
		{"jwks_url", "jwksURL", spec.JWKSURL, r.JWKSURL, &d.JWKSURL},
	}
}

// ofIssuer is what was recorded of an issuer; blank where that was of another.
func ofIssuer(d *v1alpha1.DiscoveredStatus, issuer string) v1alpha1.DiscoveredStatus {
	if d == nil || d.Issuer != issuer {
		return v1alpha1.DiscoveredStatus{}
	}
	return *d
}

// discoveredAfter is what is known of an issuer's document. When the issuer was sent, Stytch may have warned that it could not be read.
func discoveredAfter(spec v1alpha1.OIDCConnectionSpec, was *v1alpha1.DiscoveredStatus, e connection.Event[remote]) *v1alpha1.DiscoveredStatus {
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
func discoveredIn(spec v1alpha1.OIDCConnectionSpec, was *v1alpha1.DiscoveredStatus, r remote, done *connection.Step) *v1alpha1.DiscoveredStatus {
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
func leftBehind(spec v1alpha1.OIDCConnectionSpec, was *v1alpha1.DiscoveredStatus, r remote) string {
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
	return "Stytch still has the URLs of " + was.Issuer
}

// undiscovered are the URLs that neither the manifest nor the issuer's document gives.
func undiscovered(spec v1alpha1.OIDCConnectionSpec, d v1alpha1.DiscoveredStatus) []string {
	var names []string
	for _, e := range endpoints(spec, remote{}, &d) {
		if e.given == "" && *e.found == "" {
			names = append(names, e.name)
		}
	}
	return names
}

// findProblems reports a discovery that failed. Stytch does not try again for the same issuer.
func findProblems(o manifest, _, have connection.State) []connection.Problem {
	d := ofIssuer(connection.RecordAt(o, recorded(o)).Discovered, o.Spec.Issuer)
	missing := undiscovered(o.Spec, d)
	if d.Warning == "" || len(missing) == 0 || have.Settings[fieldIssuer].Same != o.Spec.Issuer {
		return nil
	}
	return []connection.Problem{{Reason: v1alpha1.ReasonDiscoveryFailed, Message: fmt.Sprintf(
		"Stytch could not read the discovery document of %s (%s) and does not try again for the same issuer. Fix spec.issuer, or set these fields in the manifest: %s.",
		o.Spec.Issuer, strings.TrimRight(d.Warning, "."), strings.Join(missing, ", "))}}
}

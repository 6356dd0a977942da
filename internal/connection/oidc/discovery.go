package oidc

import (
	"fmt"
	"slices"
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
func discoveredAfter(o manifest, was *v1alpha1.DiscoveredStatus, e connection.Event[remote]) *v1alpha1.DiscoveredStatus {
	switch {
	case e.Type == connection.Observed:
		return discoveredIn(o, was, e)
	case e.Type == connection.StepDone && connection.Carries(e.Step.Changes, fieldIssuer) && e.Step.Action != RetryDiscovery:
		d := ofIssuer(was, o.Spec.Issuer)
		d.Issuer = o.Spec.Issuer
		if !sentAgain(e.Step) {
			d.Warning = connection.Cut(e.Warning)
		}
		return &d
	}
	return was
}

// discoveredIn records the URLs that were discovered from the issuer: those that are other ones since it was sent. They are wanted
// from then on. What did not change may be an earlier issuer's, or what an earlier manifest gave: nobody knows who wants it.
func discoveredIn(o manifest, was *v1alpha1.DiscoveredStatus, e connection.Event[remote]) *v1alpha1.DiscoveredStatus {
	switch {
	case o.Spec.Issuer == "":
		return nil
	case e.Remote.Issuer != o.Spec.Issuer, retryUnderWay(o, e):
		return was
	}
	d := ofIssuer(was, o.Spec.Issuer)
	d.Issuer = o.Spec.Issuer
	before := urlsBefore(o, was, e)
	if answerLost(o, was, before, e) {
		d.Warning = warningInstead(o, was, d, before, e.Remote)
	}
	for i, p := range endpoints(o.Spec, e.Remote, &d) {
		switch {
		case p.given != "":
			*p.found = ""
		case *p.found == "" && before != nil && p.seen != before[i]:
			*p.found = connection.Recordable(p.seen)
		}
	}
	if len(undiscovered(o.Spec, d)) == 0 {
		d.Warning = ""
	}
	return &d
}

// urlsBefore are the URLs that are not discovered if Stytch shows them still: those that were there before the issuer was sent, or
// were sent with it. Nil where no issuer was sent, so that nothing can have been discovered.
func urlsBefore(o manifest, was *v1alpha1.DiscoveredStatus, e connection.Event[remote]) []string {
	switch d := o.Status.Discovering; {
	case d != nil && d.Issuer == o.Spec.Issuer:
		return []string{d.AuthorizationURL, d.TokenURL, d.UserinfoURL, d.JWKSURL}
	case e.Step != nil && connection.Carries(e.Step.Changes, fieldIssuer):
		return urlsAround(e.Before, *e.Step)
	case was == nil: // seen for the first time: all that is there belongs to the issuer that is there
		return make([]string, 4)
	case was.Issuer != o.Spec.Issuer: // somebody else changed the issuer at Stytch, and the manifest followed
		return recordedOrSeen(*was, e.Remote)
	}
	return nil
}

// urlsAround are the URLs of a connection before an issuer is sent, or that are sent with it.
func urlsAround(r remote, step connection.Step) []string {
	var urls []string
	for _, p := range endpoints(v1alpha1.OIDCConnectionSpec{}, r, &v1alpha1.DiscoveredStatus{}) {
		url := p.seen
		for _, c := range step.Changes {
			if c.Field == p.field {
				url = c.Want.Same
			}
		}
		urls = append(urls, connection.Recordable(url))
	}
	return urls
}

// recordedOrSeen are the URLs of an earlier issuer. Where none is recorded, the manifest may have given the one that is there.
func recordedOrSeen(was v1alpha1.DiscoveredStatus, r remote) []string {
	var urls []string
	for _, p := range endpoints(v1alpha1.OIDCConnectionSpec{}, r, &was) {
		url := *p.found
		if url == "" {
			url = p.seen
		}
		urls = append(urls, url)
	}
	return urls
}

// changed says whether a URL is another one since the issuer was sent.
func changed(spec v1alpha1.OIDCConnectionSpec, r remote, d v1alpha1.DiscoveredStatus, before []string) bool {
	for i, p := range endpoints(spec, r, &d) {
		if p.given == "" && *p.found == "" && p.seen != before[i] {
			return true
		}
	}
	return false
}

// answerLost says that the issuer reached Stytch, and that nobody knows what it answered: the process crashed that sent it, or
// somebody else did.
func answerLost(o manifest, was *v1alpha1.DiscoveredStatus, before []string, e connection.Event[remote]) bool {
	return before != nil && (e.Step == nil || sentAgain(e.Step)) && (was != nil || o.Status.Discovering != nil)
}

// warningInstead stands for the warning of an answer that was lost: where no URL has changed, the document was not read.
func warningInstead(o manifest, was *v1alpha1.DiscoveredStatus, d v1alpha1.DiscoveredStatus, before []string, r remote) string {
	known := ofIssuer(was, o.Spec.Issuer).Issuer != ""
	switch {
	case changed(o.Spec, r, d, before):
		return ""
	case known:
		return d.Warning
	case was == nil:
		return "Stytch still has the URLs that it had before"
	}
	return connection.Cut("Stytch still has the URLs of " + was.Issuer)
}

// discoveringAfter is what has to be known of an issuer that is sent until what came of it is recorded: after a crash nothing else
// would tell which URLs came with the issuer. It need not be known where all URLs are sent with it, or where there are none and
// none is sent.
func discoveringAfter(o manifest, e connection.Event[remote]) *v1alpha1.DiscoveringStatus {
	is := o.Status.Discovering
	switch e.Type {
	case connection.StepBegins:
		return sending(o, is, e)
	case connection.Observed:
		if restored(e) || is != nil && e.Remote.Issuer == is.Issuer && !retryUnderWay(o, e) {
			return nil
		}
	case connection.StepFailed:
		if connection.Carries(e.Step.Changes, fieldIssuer) && e.Step.Action != RestoreIssuer {
			return nil
		}
	case connection.Compared:
		if is != nil && is.Issuer != o.Spec.Issuer && is.Retry == "" {
			return nil
		}
	default:
	}
	return is
}

// sending is what has to be known of an issuer that is sent next.
func sending(o manifest, is *v1alpha1.DiscoveringStatus, e connection.Event[remote]) *v1alpha1.DiscoveringStatus {
	if !connection.Carries(e.Step.Changes, fieldIssuer) || e.Step.Action == RestoreIssuer {
		return is
	}
	urls := urlsAround(e.Remote, *e.Step)
	retry := ""
	if e.Step.Action == RetryDiscovery {
		retry = requested(o)
	}
	fresh := connection.RecordAt(o, recorded(o)).Discovered == nil && !slices.ContainsFunc(urls, func(url string) bool { return url != "" })
	if retry == "" && (fresh || allSent(*e.Step)) {
		return nil
	}
	return &v1alpha1.DiscoveringStatus{
		Issuer: o.Spec.Issuer, AuthorizationURL: urls[0], TokenURL: urls[1], UserinfoURL: urls[2], JWKSURL: urls[3], Retry: retry,
	}
}

// allSent says that a step sends each of the URLs, so that nothing is discovered.
func allSent(step connection.Step) bool {
	for _, p := range endpoints(v1alpha1.OIDCConnectionSpec{}, remote{}, &v1alpha1.DiscoveredStatus{}) {
		if !connection.Carries(step.Changes, p.field) {
			return false
		}
	}
	return true
}

// undiscovered are the URLs that neither the manifest nor the issuer's document gives.
func undiscovered(spec v1alpha1.OIDCConnectionSpec, d v1alpha1.DiscoveredStatus) []endpoint {
	return slices.DeleteFunc(endpoints(spec, remote{}, &d), func(p endpoint) bool { return p.given != "" || *p.found != "" })
}

// findProblems reports a discovery that failed, which Stytch does not try again for the same issuer, and mentions URLs that nobody
// defends.
func findProblems(o manifest, _, have connection.State) []connection.Problem {
	d := ofIssuer(connection.RecordAt(o, recorded(o)).Discovered, o.Spec.Issuer)
	if d.Issuer == "" || have.Settings[fieldIssuer].Same != o.Spec.Issuer {
		return nil
	}
	missing := undiscovered(o.Spec, d)
	if d.Warning != "" && len(missing) > 0 {
		return []connection.Problem{{Reason: v1alpha1.ReasonDiscoveryFailed, Message: fmt.Sprintf(
			"Stytch could not read the discovery document of %s (%s) and does not try again for the same issuer. Fix spec.issuer, or set these fields in the manifest: %s.%s",
			o.Spec.Issuer, strings.TrimRight(d.Warning, "."), names(missing), retryAdvice(o, have.Missing))}}
	}
	kept := slices.DeleteFunc(missing, func(p endpoint) bool { return connection.Recordable(have.Settings[p.field].Same) == "" })
	if len(kept) == 0 {
		return nil
	}
	return []connection.Problem{{Message: fmt.Sprintf(
		"These endpoints are not managed: %s. They are unchanged since the earlier issuer, or an earlier version of the manifest set them. Set them in the manifest to have them kept.",
		names(kept))}}
}

func names(endpoints []endpoint) string {
	var names []string
	for _, p := range endpoints {
		names = append(names, p.name)
	}
	return strings.Join(names, ", ")
}

// sharedAuthority mentions an issuer of Entra that serves more than one tenant. What such an issuer's document names as the issuer is
// a pattern, and each token names the issuer of the user's own tenant (Microsoft identity platform, OpenID Connect).
func sharedAuthority(spec v1alpha1.OIDCConnectionSpec) []connection.Problem {
	path := strings.TrimRight(spec.Issuer, "/")
	shared := slices.ContainsFunc([]string{"/common/v2.0", "/organizations/v2.0", "/consumers/v2.0"}, func(end string) bool { return strings.HasSuffix(path, end) })
	if spec.IdentityProvider != "microsoft-entra" || !shared {
		return nil
	}
	return []connection.Problem{{Message: fmt.Sprintf(
		"The issuer %s serves more than one tenant of Entra, but each token names the issuer of its own tenant, so logins may be refused. Set spec.issuer to https://login.microsoftonline.com/<tenant ID>/v2.0.",
		spec.Issuer)}}
}

package oidc

import (
	"slices"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/details"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Short names: of what a manifest says, of what Stytch has, and of one setting of either.
type (
	manifest = *v1alpha1.OIDCConnection
	remote   = stytch.OIDCConnection
	value    = connection.Value
)

// Kind is how OIDC connections are decided about.
func Kind() connection.Kind[manifest, remote] {
	return connection.Kind[manifest, remote]{
		API:    stytch.APISSO,
		Common: func(r remote) stytch.Connection { return r.Connection },
		Rival: func(o manifest, r remote) bool {
			return r.DisplayName == connection.RealName(o)
		},
		Rivalry: "The organization already has an OIDC connection with this display name that belongs to no manifest",
		Shared:  true,
		Bare: func(_ manifest, r remote) bool {
			return r.ClientID == "" && r.Issuer == "" && r.AuthorizationURL == "" && r.TokenURL == "" && r.UserinfoURL == "" && r.JWKSURL == ""
		},
		Likeness:    func(o manifest) []string { return likeness(o.Spec.ClientID, o.Spec.Issuer) },
		LikenessOf:  func(r remote) []string { return likeness(r.ClientID, r.Issuer) },
		Contradicts: contradicts,
		References:  references,
		Settings:    settings(),
		Want:        wantState,
		Have: func(r remote) connection.State {
			return connection.State{Details: map[string]string{v1alpha1.DetailsKeyRedirectURL: r.RedirectURL}}
		},
		Plan: plan,
		Problems: func(o manifest, want, have connection.State) []connection.Problem {
			return slices.Concat(details.Problems(o.Spec.DetailsConfigMapName, want, have.Details), findProblems(o, want, have))
		},
		Creation: func(o manifest) stytch.Fields {
			return connection.WithProvider(string(o.Spec.IdentityProvider))
		},
		MissingToActivate: missingToActivate,
		Recorded:          recorded,
		Record: func(o manifest, was connection.Record, e connection.Event[remote]) connection.Record {
			was.Discovered = discoveredAfter(o, was.Discovered, e)
			return was
		},
		Remember: func(o manifest, e connection.Event[remote]) {
			o.Status.ClientSecret, o.Status.ClientSecretKey = clientSecretAfter(o, e), clientSecretKeyAfter(o, e)
			handled := handledAfter(o, e)
			o.Status.Discovering, o.Status.LastHandledRetryDiscovery = discoveringAfter(o, e), handled
		},
		Publish: func(o manifest, r remote, _ connection.State) {
			o.Status.RedirectURL = r.RedirectURL
		},
	}
}

func contradicts(o manifest, r remote) bool {
	return connection.Contradict(string(o.Spec.IdentityProvider), r.IdentityProvider) || connection.Contradict(o.Spec.ClientID, r.ClientID)
}

// likeness is the client at an issuer; nothing where one of both is not known.
func likeness(clientID, issuer string) []string {
	if clientID == "" || issuer == "" {
		return nil
	}
	return []string{clientID + " at " + issuer}
}

// plan restores an issuer before anything else is done.
func plan(o manifest, want, have connection.State) []connection.Step {
	if restoring := planRestoring(o, want, have); restoring != nil {
		return restoring
	}
	return slices.Concat(details.Plan(want, have.Details), connection.PlanUpdate(want, have), planRetry(o, want, have))
}

func references(o manifest) []connection.Reference {
	var r connection.References
	if ref := o.Spec.ClientSecretRef; ref != nil {
		r.Add(connection.KindSecret, ref.Name)
	}
	if name := o.Spec.DetailsConfigMapName; name != "" {
		r.Add(connection.KindConfigMap, name)
	}
	return r
}

func recorded(o manifest) connection.Recorded {
	return connection.Recorded{Discovered: &o.Status.Discovered}
}

func wantState(o manifest, in connection.Inputs) (connection.State, []connection.Problem) {
	var problems []connection.Problem
	if ref := o.Spec.ClientSecretRef; ref != nil {
		if secret, problem := clientSecret(o, clientSecretItem(ref), in); problem != nil {
			problems = append(problems, *problem)
		} else {
			problems = append(problems, paddedSecret(clientSecretItem(ref), secret)...)
		}
	}
	problems = append(problems, sharedAuthority(o.Spec)...)
	var want connection.State
	problems = append(problems, details.Wanted(&want, o, o.Spec.DetailsConfigMapName, o.Spec.DetailsTemplate, in)...)
	return want, problems
}

// missingToActivate names what Stytch's docs ask for before an OIDC connection is active.
func missingToActivate(r remote) []string {
	var missing connection.MissingFields
	missing.If(r.Issuer == "", "issuer")
	missing.If(r.ClientID == "", "clientID")
	missing.If(r.ClientSecretSHA256 == "" && !r.ClientSecretMasked, "clientSecretRef")
	missing.If(r.AuthorizationURL == "", "authorizationURL")
	missing.If(r.TokenURL == "", "tokenURL")
	missing.If(r.UserinfoURL == "", "userinfoURL")
	missing.If(r.JWKSURL == "", "jwksURL")
	return missing
}

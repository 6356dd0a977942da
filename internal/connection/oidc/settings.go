package oidc

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Fields of the update endpoint that are spoken of outside the table of settings.
const (
	fieldIssuer       = "issuer"
	fieldClientSecret = "client_secret"
)

func settings() []connection.Setting[manifest, remote] {
	settings := []connection.Setting[manifest, remote]{
		connection.ProviderSetting(func(o manifest) string { return string(o.Spec.IdentityProvider) }, func(r remote) string { return r.IdentityProvider }),
		connection.Field("client_id", connection.TopicEndpoint,
			func(o manifest) (value, bool) { return connection.NonEmpty(o.Spec.ClientID) },
			func(r remote) value { return connection.Text(r.ClientID) }),
		connection.FieldFrom(fieldClientSecret, connection.TopicEndpoint,
			wantedClientSecret,
			func(r remote) value {
				return connection.Value{Same: r.ClientSecretSHA256, Unreadable: r.ClientSecretSHA256 == ""}
			}),
		connection.Field(fieldIssuer, connection.TopicEndpoint,
			func(o manifest) (value, bool) { return connection.NonEmpty(o.Spec.Issuer) },
			func(r remote) value { return connection.Text(r.Issuer) }),
		connection.Field("custom_scopes", connection.TopicRest,
			func(o manifest) (value, bool) {
				return connection.Scopes(strings.Join(o.Spec.CustomScopes, " ")), o.Spec.CustomScopes != nil
			},
			func(r remote) value { return connection.Scopes(r.CustomScopes) }),
		connection.Field("attribute_mapping", connection.TopicMapping,
			func(o manifest) (value, bool) {
				return connection.Mapping(o.Spec.AttributeMapping), o.Spec.AttributeMapping != nil
			},
			func(r remote) value { return connection.Mapping(r.AttributeMapping) }),
	}
	for i, e := range endpoints(v1alpha1.OIDCConnectionSpec{}, remote{}, &v1alpha1.DiscoveredStatus{}) {
		settings = append(settings, connection.Field(e.field, connection.TopicEndpoint,
			func(o manifest) (value, bool) { return wantedEndpoint(o, i) },
			func(r remote) value { return seenEndpoint(r, i) }))
	}
	return settings
}

func seenEndpoint(r remote, i int) connection.Value {
	return connection.Text(endpoints(v1alpha1.OIDCConnectionSpec{}, r, &v1alpha1.DiscoveredStatus{})[i].seen)
}

// wantedEndpoint is one of the URLs: as the manifest gives it, or else as it was discovered.
func wantedEndpoint(o manifest, i int) (connection.Value, bool) {
	known := ofIssuer(connection.RecordAt(o, recorded(o)).Discovered, o.Spec.Issuer)
	e := endpoints(o.Spec, remote{}, &known)[i]
	url := connection.Text(cmp.Or(e.given, *e.found))
	url.With = fieldIssuer // which has Stytch overwrite what is not sent with it
	return url, url.Same != ""
}

func wantedClientSecret(o manifest, in connection.Inputs) (connection.Value, bool) {
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

// clientSecret is the secret that a manifest names. It was sent if the version of its Secret was, under the same key.
func clientSecret(o manifest, at connection.KeyRef, in connection.Inputs) (connection.Value, *connection.Problem) {
	secret, problem := at.ReadSecret(in, "Store the client secret exactly as the identity provider shows it")
	if problem != nil {
		return connection.Value{}, problem
	}
	from := connection.InputOf(connection.KindSecret, in.Secrets[at.Name].ObjectMeta)
	was, anotherKey := o.Status.ClientSecret, o.Status.ClientSecretKey != "" && o.Status.ClientSecretKey != at.Key
	if in.Unchanged != nil && in.Unchanged(at, deref(was)) && was != nil && !anotherKey {
		from = *was // nothing but the rest of the Secret is newer
	}
	return connection.Value{
		Send: secret, Same: pki.Fingerprint([]byte(secret.Reveal())), From: &from,
		Sent: was != nil && *was == from && !anotherKey,
	}, nil
}

func deref(i *v1alpha1.Input) v1alpha1.Input {
	if i == nil {
		return v1alpha1.Input{}
	}
	return *i
}

// paddedSecret mentions white space at an end of a client secret: it may belong there.
func paddedSecret(at connection.KeyRef, secret connection.Value) []connection.Problem {
	text, _ := secret.Send.(stytch.Secret)
	if !connection.Padded(text.Reveal()) {
		return nil
	}
	return []connection.Problem{{Message: fmt.Sprintf(
		"%s starts or ends with white space or an invisible character, which is sent as a part of the client secret. If it is none, remove it from the Secret.", at)}}
}

// clientSecretAfter is the version of the Secret whose client secret was sent last.
func clientSecretAfter(o manifest, e connection.Event[remote]) *v1alpha1.Input {
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

// clientSecretKeyAfter is the key of the Secret whose value was sent last.
func clientSecretKeyAfter(o manifest, e connection.Event[remote]) string {
	switch ref := o.Spec.ClientSecretRef; {
	case e.Type == connection.Compared && ref == nil:
		return ""
	case e.Type == connection.StepDone && ref != nil && connection.Carries(e.Step.Changes, fieldClientSecret):
		return ref.Key
	}
	return o.Status.ClientSecretKey
}

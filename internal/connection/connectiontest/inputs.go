package connectiontest

import (
	"fmt"
	"maps"
	"math/rand"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// SecretWith is the Secret of SCIMManifest with a label and a token.
func SecretWith(label, bearer string) connection.Inputs {
	return Holding(TokenSecret(label, map[string]string{"token": bearer, "base-url": SCIMRemote().BaseURL}))
}

// TokenSecret is a Secret in the place of a token's.
func TokenSecret(label string, data map[string]string) *corev1.Secret {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "acme-scim"}, Data: map[string][]byte{}}
	if label != "" {
		secret.Labels = map[string]string{v1alpha1.LabelConnection: label}
	}
	for key, value := range data {
		secret.Data[key] = []byte(value)
	}
	return secret
}

// TokenEndingIn is a token with these last four characters.
func TokenEndingIn(lastFour string) []byte { return []byte("a-token-ending-in-" + lastFour) }

// Objects are the Secrets and ConfigMaps beside a manifest.
type Objects struct {
	Secrets    map[string]*corev1.Secret
	configMaps map[string]*corev1.ConfigMap
}

// NewObjects are none at first.
func NewObjects() *Objects {
	return &Objects{Secrets: map[string]*corev1.Secret{}, configMaps: map[string]*corev1.ConfigMap{}}
}

// Put writes a Secret, or a ConfigMap, and returns the name of the key.
func (s *Objects) Put(kind, name, value string) string {
	if kind == connection.KindSecret {
		s.Secrets[name] = SecretOf(name, map[string]string{"key": value})
	} else {
		s.configMaps[name] = ConfigMapOf(name, map[string]string{"key": value})
	}
	return "key"
}

// certificates spreads certificates over a manifest, as they may be written: inline or in bundles.
func (s *Objects) certificates(random *rand.Rand, list []IssuedCertificate) []v1alpha1.VerificationCertificate {
	var entries []v1alpha1.VerificationCertificate
	for i := 0; len(list) > 0; i++ {
		take := 1 + random.Intn(len(list))
		var bundle strings.Builder
		for _, c := range list[:take] {
			bundle.WriteString(c.PEM + Pick(random, "", "\n", "  \n\n"))
		}
		text := bundle.String() + Pick(random, "", list[0].PEM) // one of them twice
		name := fmt.Sprintf("bundle-%d", i)
		switch random.Intn(3) {
		case 0:
			entries = append(entries, v1alpha1.VerificationCertificate{PEM: list[0].PEM})
			take = 1
		case 1:
			entries = append(entries, v1alpha1.VerificationCertificate{SecretKeyRef: &v1alpha1.SecretKeyRef{Name: name, Key: s.Put(connection.KindSecret, name, text)}})
		default:
			entries = append(entries, v1alpha1.VerificationCertificate{ConfigMapKeyRef: &v1alpha1.ConfigMapKeyRef{Name: name, Key: s.Put(connection.KindConfigMap, name, text)}})
		}
		list = list[take:]
	}
	return entries
}

// Key is a reference to a private key.
func (s *Objects) Key(random *rand.Rand, p KeyPair) v1alpha1.SecretKeyRef {
	name := "key-" + p.SPKISHA256[:8]
	return v1alpha1.SecretKeyRef{Name: name, Key: s.Put(connection.KindSecret, name, Pick(random, p.PKCS1, p.PKCS8, "\n"+p.PKCS8+"\n"))}
}

func (s *Objects) inputs(remote *Remote, o v1alpha1.Connection) connection.Inputs {
	in := connection.Inputs{Now: Noon, Secrets: s.Secrets, ConfigMaps: map[string]*corev1.ConfigMap{}, Groups: remote.Groups}
	maps.Copy(in.ConfigMaps, s.configMaps)
	if remote.Details != nil {
		object := DetailsOf(o.GetUID(), remote.Details)
		object.Labels, object.Annotations = remote.DetailsMeta.Labels, remote.DetailsMeta.Annotations
		in.ConfigMaps["details"] = object
	}
	return in
}

// OIDCInputs hold the client secret of OIDCManifest.
func OIDCInputs(secret string) connection.Inputs {
	return Holding(SecretOf("entra", map[string]string{"client-secret": secret}))
}

// SecretOf is a Secret of a manifest's namespace.
func SecretOf(name string, data map[string]string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name, UID: types.UID(name), ResourceVersion: "1"}, Data: map[string][]byte{}}
	for key, value := range data {
		s.Data[key] = []byte(value)
	}
	return s
}

// ConfigMapOf is a ConfigMap of a manifest's namespace.
func ConfigMapOf(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name, UID: types.UID(name), ResourceVersion: "1"}, Data: data}
}

// DetailsOf is the ConfigMap that was made for a manifest.
func DetailsOf(owner types.UID, data map[string]string) *corev1.ConfigMap {
	c := ConfigMapOf("details", data)
	c.OwnerReferences = []metav1.OwnerReference{{UID: owner, Controller: new(true)}}
	return c
}

// Holding are the inputs of a manifest whose Secret is there.
func Holding(secret *corev1.Secret) connection.Inputs {
	return connection.Inputs{Now: Noon, Secrets: map[string]*corev1.Secret{secret.Name: secret}}
}

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// namespace is where everything stands.
const namespace = "default"

func named(kind string, i int) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("%s-%04d", kind, i)}
}

// applyProject applies the project's credentials. Its pace is far above what is asked for.
func (l *lab) applyProject(ctx context.Context) error {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "stytch"},
		StringData: map[string]string{"secret": stytchsim.DefaultSecret},
	}
	project := &v1alpha1.StytchProject{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.DefaultProjectName},
		Spec: v1alpha1.StytchProjectSpec{
			ProjectID: stytchsim.DefaultProjectID, BaseURL: l.url,
			SecretRef: v1alpha1.SecretKeyRef{Name: secret.Name, Key: "secret"},
			RateLimit: &v1alpha1.RateLimit{RequestsPerSecond: 1000, Burst: 1000},
		},
	}
	return l.apply(ctx, secret, project)
}

// applySAML applies all SAML manifests, spread evenly over the organizations. Each is complete, so that its connection becomes
// active.
func (l *lab) applySAML(ctx context.Context) error {
	certificate, err := certificate()
	if err != nil {
		return err
	}
	for i := range l.connections {
		connection := &v1alpha1.SAMLConnection{ObjectMeta: named("saml", i), Spec: v1alpha1.SAMLConnectionSpec{
			ConnectionSpec:           v1alpha1.ConnectionSpec{Organization: l.orgs[i%len(l.orgs)], DeletionPolicy: v1alpha1.DeletionDelete},
			IdentityProvider:         "okta",
			IDPEntityID:              fmt.Sprintf("https://idp.example.com/%d", i),
			IDPSSOURL:                fmt.Sprintf("https://idp.example.com/%d/sso", i),
			VerificationCertificates: []v1alpha1.VerificationCertificate{{PEM: certificate}},
			AttributeMapping:         map[string]string{"email": "NameID", "full_name": "displayName"},
		}}
		if err := l.apply(ctx, connection); err != nil {
			return err
		}
	}
	return nil
}

// applySCIM applies one SCIM manifest for each of the first organizations.
func (l *lab) applySCIM(ctx context.Context) error {
	for i := range l.scim {
		meta := named("scim", i)
		connection := &v1alpha1.SCIMConnection{ObjectMeta: meta, Spec: v1alpha1.SCIMConnectionSpec{
			ConnectionSpec:   v1alpha1.ConnectionSpec{Organization: l.orgs[i]},
			IdentityProvider: "okta",
			BearerToken:      v1alpha1.SCIMBearerToken{SecretName: meta.Name},
		}}
		if err := l.apply(ctx, connection); err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) apply(ctx context.Context, objects ...client.Object) error {
	for _, object := range objects {
		if err := l.api.Create(ctx, object); err != nil {
			return fmt.Errorf("applying %s: %w", object.GetName(), err)
		}
	}
	return nil
}

// edit changes the display name of some manifests, and says at which generation each then is.
func (l *lab) edit(ctx context.Context) (map[string]int64, error) {
	generations := map[string]int64{}
	for i := range l.touched() {
		connection := &v1alpha1.SAMLConnection{ObjectMeta: named("saml", i)}
		if err := l.api.Get(ctx, client.ObjectKeyFromObject(connection), connection); err != nil {
			return nil, err
		}
		connection.Spec.DisplayName = fmt.Sprintf("Edited at generation %d", connection.Generation)
		if err := l.api.Update(ctx, connection); err != nil {
			return nil, fmt.Errorf("editing %s: %w", connection.Name, err)
		}
		generations[connection.Name] = connection.Generation
	}
	return generations, nil
}

// delete deletes some manifests, the last ones.
func (l *lab) delete(ctx context.Context) error {
	for i := range l.touched() {
		connection := &v1alpha1.SAMLConnection{ObjectMeta: named("saml", l.connections-1-i)}
		if err := l.api.Delete(ctx, connection); err != nil {
			return fmt.Errorf("deleting %s: %w", connection.Name, err)
		}
	}
	return nil
}

// saml are the SAML manifests as the API server has them. They are to be looked at, not to be changed.
func (l *lab) saml(ctx context.Context) ([]v1alpha1.SAMLConnection, error) {
	var list v1alpha1.SAMLConnectionList
	err := l.seen.List(ctx, &list, client.UnsafeDisableDeepCopy)
	return list.Items, err
}

// scimConnections are the SCIM manifests, likewise.
func (l *lab) scimConnections(ctx context.Context) ([]v1alpha1.SCIMConnection, error) {
	var list v1alpha1.SCIMConnectionList
	err := l.seen.List(ctx, &list, client.UnsafeDisableDeepCopy)
	return list.Items, err
}

// inForce says that a manifest is Ready as it now stands.
func inForce(connection v1alpha1.Connection) bool {
	status := connection.CommonStatus()
	return status.ObservedGeneration == connection.GetGeneration() && status.AppliedGeneration == connection.GetGeneration() &&
		meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReady)
}

// certificate makes what an identity provider would sign with.
func certificate() (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), nil
}

package main

import (
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// namespace of everything.
const namespace = "default"

func named(kind string, i int) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("%s-%04d", kind, i)}
}

func (b *bench) addOrganizations() {
	for i := range b.organizations {
		organization := stytchsim.Organization{Slug: fmt.Sprintf("org-%d", i), Name: fmt.Sprintf("Organization %d", i)}
		b.Ask(http.MethodPost, "/organizations", organization, &organization)
		b.orgs = append(b.orgs, organization.ID)
	}
}

// create creates an object.
func (b *bench) create(resource string, object client.Object) {
	lab.Check(b.api.Create(b.Context(), object))
	b.own[request{"POST", resource, "", http.StatusCreated}]++
}

// createProject creates the project with its credentials. Its rate limit is ample.
func (b *bench) createProject() {
	b.create("secrets", &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "stytch"}, StringData: map[string]string{"secret": b.Sim.Secret},
	})
	b.create("stytchprojects", &v1alpha1.StytchProject{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.DefaultProjectName},
		Spec: v1alpha1.StytchProjectSpec{ProjectSpec: v1alpha1.ProjectSpec{
			ProjectID: b.Sim.ProjectID, BaseURL: b.Sim.URL, SecretRef: v1alpha1.SecretKeyRef{Name: "stytch", Key: "secret"},
			RateLimit: &v1alpha1.RateLimit{RequestsPerSecond: ample, Burst: ample},
		}},
	})
}

// setRate changes the rate limit of the project.
func (b *bench) setRate(perSecond int) {
	project := &v1alpha1.StytchProject{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.DefaultProjectName}}
	patch := fmt.Sprintf(`{"spec":{"rateLimit":{"requestsPerSecond":%d,"burst":%[1]d}}}`, perSecond)
	lab.Check(b.api.Patch(b.Context(), project, client.RawPatch("application/merge-patch+json", []byte(patch))))
	b.own[request{"PATCH", "stytchprojects", "", http.StatusOK}]++
}

// createSAML creates all SAML manifests, spread evenly over the organizations. Each is complete, so that its connection becomes
// active.
func (b *bench) createSAML() {
	certificate := lab.NewCertificate("bench", 10*365*24*time.Hour)
	for i := range b.connections {
		b.create("samlconnections", &v1alpha1.SAMLConnection{ObjectMeta: named("saml", i), Spec: v1alpha1.SAMLConnectionSpec{
			ConnectionSpec:           v1alpha1.ConnectionSpec{Organization: b.orgs[i%len(b.orgs)], DeletionPolicy: v1alpha1.DeletionDelete},
			IdentityProvider:         "okta",
			IDPEntityID:              fmt.Sprintf("https://idp.example.com/%d", i),
			IDPSSOURL:                fmt.Sprintf("https://idp.example.com/%d/sso", i),
			VerificationCertificates: []v1alpha1.VerificationCertificate{{PEM: certificate}},
			AttributeMapping:         map[string]v1alpha1.Attribute{"email": "NameID", "full_name": "displayName"},
		}})
	}
}

// createSCIM creates one SCIM manifest for each organization.
func (b *bench) createSCIM() {
	for i, organization := range b.orgs {
		b.createDirectory("scim", i, organization)
	}
}

// createRivals creates SCIM manifests for an organization that has one already.
func (b *bench) createRivals() {
	for i := range b.connections {
		b.createDirectory("rival", i, b.orgs[0])
	}
}

func (b *bench) createDirectory(kind string, i int, organization string) {
	meta := named(kind, i)
	b.create("scimconnections", &v1alpha1.SCIMConnection{ObjectMeta: meta, Spec: v1alpha1.SCIMConnectionSpec{
		ConnectionSpec:   v1alpha1.ConnectionSpec{Organization: organization},
		IdentityProvider: "okta",
		BearerToken:      v1alpha1.SCIMBearerToken{SecretName: meta.Name},
	}})
}

// deleteHolder deletes the manifest that the rivals are in conflict with.
func (b *bench) deleteHolder() {
	lab.Check(b.api.Delete(b.Context(), &v1alpha1.SCIMConnection{ObjectMeta: named("scim", 0)}))
	b.own[request{"DELETE", "scimconnections", "", http.StatusOK}]++
}

// rivals counts the SCIM manifests in conflict, with another manifest or only with what Stytch has.
func (b *bench) rivals(withAnother bool) int {
	var list v1alpha1.SCIMConnectionList
	lab.Check(b.seen.List(b.Context(), &list, client.UnsafeDisableDeepCopy))
	n := 0
	for _, o := range list.Items {
		synced := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionSynced)
		if synced != nil && synced.Reason == v1alpha1.ReasonConflict && (o.Status.ConflictingConnectionID != "") == withAnother {
			n++
		}
	}
	return n
}

// edit changes the display name of some manifests, and returns the generation that each has then.
func (b *bench) edit() map[string]int64 {
	generations := map[string]int64{}
	for i := range b.touched() {
		connection := &v1alpha1.SAMLConnection{ObjectMeta: named("saml", i)}
		patch := fmt.Sprintf(`{"spec":{"displayName":"Edited at %d"}}`, time.Now().UnixNano())
		lab.Check(b.api.Patch(b.Context(), connection, client.RawPatch("application/merge-patch+json", []byte(patch))))
		b.own[request{"PATCH", "samlconnections", "", http.StatusOK}]++
		generations[connection.Name] = connection.Generation
	}
	return generations
}

// delete deletes some manifests, the last ones.
func (b *bench) delete() {
	for i := range b.touched() {
		lab.Check(b.api.Delete(b.Context(), &v1alpha1.SAMLConnection{ObjectMeta: named("saml", b.connections-1-i)}))
		b.own[request{"DELETE", "samlconnections", "", http.StatusOK}]++
	}
}

// manifests counts those of a kind, and those of them that are applied and Ready, at a generation at least where one is given.
func (b *bench) manifests(kind client.ObjectList, generations map[string]int64) (all, applied int) {
	lab.Check(b.seen.List(b.Context(), kind, client.UnsafeDisableDeepCopy))
	lab.Check(meta.EachListItem(kind, func(item runtime.Object) error {
		all++
		connection, is := item.(v1alpha1.Connection)
		if !is {
			return fmt.Errorf("%T is not a connection", item)
		}
		generation, status := connection.GetGeneration(), connection.CommonStatus()
		if generation >= generations[connection.GetName()] && status.ObservedGeneration == generation &&
			status.AppliedGeneration == generation && meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReady) {
			applied++
		}
		return nil
	}))
	return all, applied
}

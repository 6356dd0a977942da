package details_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/details"
	"github.com/stytch-operator/stytch-operator/internal/connection/oidc"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func TestDetailsAreWrittenAsStytchSays(t *testing.T) {
	r := SAMLRemote()
	r.ACSURL, r.AudienceURI = "https://acs", "urn:audience"
	r.SigningCertificates = []stytch.SigningCertificate{{SHA256: "new", PEM: "pem of new"}, {SHA256: "old", PEM: "pem of old"}}
	whole := map[string]string{"acs-url": "https://acs", "audience-uri": "urn:audience", "signing-certificate.pem": "pem of new"}
	for _, test := range []struct {
		name    string
		object  *corev1.ConfigMap
		entries map[string]string // that are written
	}{
		{"all of it where there is no ConfigMap", nil, whole},
		{"all of it into an empty one", DetailsOf(ManifestUID, nil), whole},
		{"nothing where it is so", DetailsOf(ManifestUID, whole), nil},
		{
			"what differs", DetailsOf(ManifestUID, map[string]string{"acs-url": "https://old", "audience-uri": "urn:audience", "signing-certificate.pem": "pem of old"}),
			map[string]string{"acs-url": "https://acs", "signing-certificate.pem": "pem of new"},
		},
		{
			"and what is too much is taken out", DetailsOf(ManifestUID, map[string]string{"acs-url": "https://acs", "audience-uri": "urn:audience", "signing-certificate.pem": "pem of new", "more": "x"}),
			map[string]string{"more": ""},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := SAMLManifest()
			o.Spec.DetailsConfigMapName = "details"
			in := connection.Inputs{Now: Noon, ConfigMaps: map[string]*corev1.ConfigMap{"details": test.object}}
			before := InJSON(t, in.ConfigMaps)
			plan, problems := PlanFor(saml.Kind(), o, r, in)
			Same(t, "problems", problems, []connection.Problem(nil))
			Same(t, "the ConfigMap, which others read", InJSON(t, in.ConfigMaps), before)
			if test.entries == nil {
				NoSteps(t, plan)
				return
			}
			Same(t, "the steps", len(plan), 1)
			Same(t, "the action", plan[0].Action, details.Publish)
			Same(t, "the entries", details.Entries(plan[0]), test.entries)
		})
	}
	o := SAMLManifest()
	plan, _ := PlanFor(saml.Kind(), o, r, connection.Inputs{})
	NoSteps(t, plan)
}

func TestACertificateInTheDetailsIsShownByItsFingerprint(t *testing.T) {
	o, r := SAMLManifest(), SAMLRemote()
	o.Spec.DetailsConfigMapName = "details"
	r.SigningCertificates = []stytch.SigningCertificate{{PEM: CertificatePool()[0].PEM}}
	in := connection.Inputs{ConfigMaps: map[string]*corev1.ConfigMap{"details": DetailsOf(ManifestUID, map[string]string{"signing-certificate.pem": CertificatePool()[1].PEM})}}
	plan, _ := PlanFor(saml.Kind(), o, r, in)
	Same(t, "what is shown", connection.Show(plan), []v1alpha1.Change{{Field: "details.signing-certificate.pem", Have: CertificatePool()[1].SHA256, Want: CertificatePool()[0].SHA256}})
	Same(t, "what is written", details.Entries(plan[0]), map[string]string{"signing-certificate.pem": CertificatePool()[0].PEM})
}

func TestACertificateThatSomebodyWrappedAnewInTheDetailsIsWrittenAsStytchHasIt(t *testing.T) {
	o, r := SAMLManifest(), SAMLRemote()
	o.Spec.DetailsConfigMapName = "details"
	r.SigningCertificates = []stytch.SigningCertificate{{PEM: CertificatePool()[0].PEM}}
	wrapped := strings.ReplaceAll(CertificatePool()[0].PEM, "\n", "\r\n")
	in := connection.Inputs{ConfigMaps: map[string]*corev1.ConfigMap{"details": DetailsOf(ManifestUID, map[string]string{"signing-certificate.pem": wrapped})}}
	plan, _ := PlanFor(saml.Kind(), o, r, in)
	Same(t, "the steps", len(plan), 1)
	Same(t, "what is written", details.Entries(plan[0]), map[string]string{"signing-certificate.pem": CertificatePool()[0].PEM})
}

func TestOfCertificatesAsNewAsEachOtherTheDetailsHaveThatOfTheWantedKey(t *testing.T) {
	r := SAMLRemote()
	r.SigningCertificates = []stytch.SigningCertificate{{SPKISHA256: "a", PEM: "pem of a", CreatedAt: Noon}, {SPKISHA256: "b", PEM: "pem of b", CreatedAt: Noon}}
	_, have, _ := StatesOf(saml.Kind(), SAMLManifest(), r, connection.Inputs{})
	before := InJSON(t, have)
	for key, certificate := range map[string]string{"a": "pem of a", "b": "pem of b", "c": "pem of a"} {
		want := connection.State{Details: map[string]string{}, Signing: []connection.Key{{SPKISHA256: key}}}
		plan := PlanOf(want, have)
		Same(t, "the certificate beside the key "+key, details.Entries(plan[len(plan)-1]), map[string]string{"signing-certificate.pem": certificate})
	}
	Same(t, "the state after it", InJSON(t, have), before)
}

func TestDetailsOfAnOIDCConnectionAreItsRedirectURL(t *testing.T) {
	o := OIDCManifest()
	o.Spec.DetailsConfigMapName = "details"
	plan, _ := PlanFor(oidc.Kind(), o, OIDCRemote(), OIDCInputs(ClientSecret))
	Same(t, "the entries", details.Entries(plan[0]), map[string]string{"redirect-url": RedirectURL})
	Same(t, "what is shown", connection.Show(plan), []v1alpha1.Change{{Field: "details.redirect-url", Want: RedirectURL}})
}

func TestAConfigMapThatIsNotTheManifestsIsLeftAlone(t *testing.T) {
	someones := ConfigMapOf("details", map[string]string{"acs-url": "x"})
	owned := DetailsOf(OtherUID, nil)
	notController := DetailsOf(ManifestUID, nil)
	notController.OwnerReferences[0].Controller = nil
	for name, object := range map[string]*corev1.ConfigMap{"without an owner": someones, "of another manifest": owned, "not as its controller": notController} {
		t.Run(name, func(t *testing.T) {
			o, r := SAMLManifest(), SAMLRemote()
			o.Spec.DetailsConfigMapName = "details"
			r.IDPEntityID, r.ACSURL = "urn:x", "https://acs"
			plan, problems := PlanFor(saml.Kind(), o, r, connection.Inputs{ConfigMaps: map[string]*corev1.ConfigMap{"details": object}})
			OneUpdate(t, plan, `{"idp_entity_id":"https://idp.example.com/entity"}`)
			if len(problems) != 1 || problems[0].Reason != v1alpha1.ReasonInvalid || problems[0].Halts {
				t.Fatalf("the problems are %s", ProblemWords(problems))
			}
			Contains(t, problems[0].Message, "ConfigMap details", "not changed. Delete it, or set spec.detailsConfigMapName to another name")
		})
	}
}

func TestWhoseAConfigMapIs(t *testing.T) {
	labels := func(key, value string) func(*corev1.ConfigMap) {
		return func(c *corev1.ConfigMap) { metav1.SetMetaDataLabel(&c.ObjectMeta, key, value) }
	}
	annotation := func(key string) func(*corev1.ConfigMap) {
		return func(c *corev1.ConfigMap) { metav1.SetMetaDataAnnotation(&c.ObjectMeta, key, "infra") }
	}
	controlled := func(apiVersion, name string, uid types.UID) func(*corev1.ConfigMap) {
		return func(c *corev1.ConfigMap) {
			c.OwnerReferences = []metav1.OwnerReference{{APIVersion: apiVersion, Kind: "SAMLConnection", Name: name, UID: uid, Controller: new(true)}}
		}
	}
	version, name := v1alpha1.GroupVersion.String(), SAMLManifest().Name
	ours := labels(v1alpha1.LabelConnection, SAMLID)
	for _, test := range []struct {
		name    string
		changes []func(*corev1.ConfigMap)
		want    connection.Ownership
	}{
		{"the manifest's", []func(*corev1.ConfigMap){controlled(version, name, ManifestUID)}, connection.Owned},
		{"the manifest's, with a label of long ago", []func(*corev1.ConfigMap){controlled(version, name, ManifestUID), labels(v1alpha1.LabelConnection, "other")}, connection.Owned},
		{"restored", []func(*corev1.ConfigMap){ours}, connection.OwnerLost},
		{"restored by a tool that labels what it restores", []func(*corev1.ConfigMap){ours, labels("velero.io/restore-name", "x")}, connection.OwnerLost},
		{"of the manifest that had this name before", []func(*corev1.ConfigMap){ours, controlled(version, name, OtherUID)}, connection.OwnerLost},
		{"of that one, and of another connection", []func(*corev1.ConfigMap){labels(v1alpha1.LabelConnection, "other"), controlled(version, name, OtherUID)}, connection.Others},
		{"of that one, without a label", []func(*corev1.ConfigMap){controlled(version, name, OtherUID)}, connection.Others},
		{"of another manifest", []func(*corev1.ConfigMap){ours, controlled(version, "another", OtherUID)}, connection.Others},
		{"of another controller of this name", []func(*corev1.ConfigMap){ours, controlled("apps/v1", name, OtherUID)}, connection.Others},
		{"of another connection", []func(*corev1.ConfigMap){labels(v1alpha1.LabelConnection, "other")}, connection.Others},
		{"without owner and label", nil, connection.Anybodys},
		{"with an owner that is not its controller", []func(*corev1.ConfigMap){controlled(version, name, ManifestUID), func(c *corev1.ConfigMap) { c.OwnerReferences[0].Controller = nil }}, connection.Anybodys},
		{"with binary data", []func(*corev1.ConfigMap){func(c *corev1.ConfigMap) { c.BinaryData = map[string][]byte{"x": {0}} }}, connection.Others},
		{"of Argo CD", []func(*corev1.ConfigMap){annotation("argocd.argoproj.io/tracking-id")}, connection.Others},
		{"of Argo CD by another label", []func(*corev1.ConfigMap){labels("argocd.argoproj.io/instance", "infra")}, connection.Others},
		{"of Argo CD by its label", []func(*corev1.ConfigMap){labels("app.kubernetes.io/instance", "infra")}, connection.Others},
		{"of Flux", []func(*corev1.ConfigMap){labels("kustomize.toolkit.fluxcd.io/name", "infra")}, connection.Others},
		{"of Flux by Helm", []func(*corev1.ConfigMap){labels("helm.toolkit.fluxcd.io/name", "infra")}, connection.Others},
	} {
		t.Run(test.name, func(t *testing.T) {
			object := ConfigMapOf("details", nil)
			for _, change := range test.changes {
				change(object)
			}
			Same(t, "whose it is", details.OwnerOf(object, SAMLManifest(), SAMLID), test.want)
		})
	}
	unlabeled := ConfigMapOf("details", nil)
	Same(t, "one before there is an ID", details.OwnerOf(unlabeled, SAMLManifest(), ""), connection.Anybodys)
}

func TestAConfigMapThatLostItsOwnerGetsItBackByOneWrite(t *testing.T) {
	whole := map[string]string{"acs-url": "https://acs", "audience-uri": "urn:audience"}
	r := SAMLRemote()
	r.ACSURL, r.AudienceURI = whole["acs-url"], whole["audience-uri"]
	other := map[string]string{"acs-url": "https://old", "audience-uri": "urn:audience"}
	more := map[string]string{"acs-url": "https://acs", "audience-uri": "urn:audience", "note": "x"}
	for _, test := range []struct {
		name    string
		label   string
		data    map[string]string
		shown   []string // fields that the one write changes; nil for a problem
		entries map[string]string
	}{
		{"with the label", SAMLID, whole, []string{"detailsConfigMap.owner"}, map[string]string{}},
		{"with the label and something else in it", SAMLID, other, []string{"details.acs-url", "detailsConfigMap.owner"}, map[string]string{"acs-url": "https://acs"}},
		{"without the label, but with exactly what would be written", "", whole, []string{"detailsConfigMap.owner"}, map[string]string{}},
		{"without the label and with something else", "", other, nil, nil},
		{"without the label and with more", "", more, nil, nil},
		{"without the label and empty", "", nil, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, object := SAMLManifest(), ConfigMapOf("details", test.data)
			o.Spec.DetailsConfigMapName = "details"
			if test.label != "" {
				object.Labels = map[string]string{v1alpha1.LabelConnection: test.label}
			}
			plan, problems := PlanFor(saml.Kind(), o, r, connection.Inputs{Now: Noon, ConfigMaps: map[string]*corev1.ConfigMap{"details": object}})
			if test.shown == nil {
				NoSteps(t, plan)
				Same(t, "problems", problems, []connection.Problem{{Reason: v1alpha1.ReasonInvalid, Message: details.ForeignMessage("details")}})
				return
			}
			Same(t, "problems", problems, []connection.Problem(nil))
			Same(t, "the steps", len(plan), 1)
			var shown []string
			for _, c := range connection.Show(plan) {
				shown = append(shown, c.Field)
			}
			Same(t, "what is shown", shown, test.shown)
			Same(t, "the entries", details.Entries(plan[0]), test.entries)
			Same(t, "whether it was decided on what would be written", details.Adopts(plan[0], whole), true)
			Same(t, "whether it was decided on something else", details.Adopts(plan[0], other), false)
		})
	}
	o := SAMLManifest()
	o.Spec.DetailsConfigMapName = "details"
	_, problems := saml.Kind().Anew(o, connection.Inputs{ConfigMaps: map[string]*corev1.ConfigMap{"details": ConfigMapOf("details", whole)}})
	Same(t, "problems before there is a connection", len(problems), 1)
	plan, _ := PlanFor(saml.Kind(), o, r, connection.Inputs{ConfigMaps: map[string]*corev1.ConfigMap{"details": DetailsOf(ManifestUID, other)}})
	Same(t, "whether a write of another kind adopts", details.Adopts(plan[0], whole), false)
}

func TestTheTemplateIsAppliedToAConfigMapThatIsTheManifestsAndAfterWhatItHolds(t *testing.T) {
	whole := map[string]string{"acs-url": "https://acs", "audience-uri": "urn:audience"}
	r := SAMLRemote()
	r.ACSURL, r.AudienceURI = whole["acs-url"], whole["audience-uri"]
	owned, lost, anybodys, labeled := DetailsOf(ManifestUID, whole), ConfigMapOf("details", whole), ConfigMapOf("details", whole), DetailsOf(ManifestUID, whole)
	lost.Labels = map[string]string{v1alpha1.LabelConnection: SAMLID}
	labeled.Labels = map[string]string{"team": "infra"}
	for _, test := range []struct {
		name    string
		object  *corev1.ConfigMap
		actions []connection.Action
		shown   []string
	}{
		{"not to one that is still to be made, which has it from the start", nil, []connection.Action{details.Publish}, []string{"details.acs-url", "details.audience-uri"}},
		{"to the manifest's", owned, []connection.Action{details.ApplyTemplate}, []string{"detailsTemplate.labels.team"}},
		{"after what it holds", DetailsOf(ManifestUID, nil), []connection.Action{details.Publish, details.ApplyTemplate}, []string{"details.acs-url", "details.audience-uri", "detailsTemplate.labels.team"}},
		{"not where it is so", labeled, nil, nil},
		{"not before it has its owner again", lost, []connection.Action{details.Publish}, []string{"detailsConfigMap.owner"}},
		{"not before it is the manifest's", anybodys, []connection.Action{details.Publish}, []string{"detailsConfigMap.owner"}},
		{"not to one of somebody else", DetailsOf(OtherUID, whole), nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := SAMLManifest()
			o.Spec.DetailsConfigMapName = "details"
			o.Spec.DetailsTemplate = &v1alpha1.ObjectTemplate{Labels: map[string]v1alpha1.LabelValue{"team": "infra"}}
			in := connection.Inputs{Now: Noon, ConfigMaps: map[string]*corev1.ConfigMap{"details": test.object}}
			plan, _ := PlanFor(saml.Kind(), o, r, in)
			var actions []connection.Action
			for _, s := range plan {
				actions = append(actions, s.Action)
			}
			Same(t, "the actions", actions, test.actions)
			var shown []string
			for _, c := range connection.Show(plan) {
				shown = append(shown, c.Field)
			}
			Same(t, "what is shown", shown, test.shown)
		})
	}
	o := OIDCManifest()
	o.Spec.DetailsConfigMapName, o.Spec.DetailsTemplate = "details", &v1alpha1.ObjectTemplate{Labels: map[string]v1alpha1.LabelValue{"team": "infra"}}
	in := OIDCInputs(ClientSecret)
	in.ConfigMaps = map[string]*corev1.ConfigMap{"details": DetailsOf(ManifestUID, map[string]string{"redirect-url": RedirectURL})}
	plan, _ := PlanFor(oidc.Kind(), o, OIDCRemote(), in)
	Same(t, "what is shown of an OIDC connection", connection.Show(plan), []v1alpha1.Change{{Field: "detailsTemplate.labels.team", Want: "infra"}})
}

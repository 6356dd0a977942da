package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/test/process"
)

// withPolicy is a copy of this directory in which config/default has the admission policy, as its comment says.
func withPolicy(t *testing.T) string {
	t.Helper()
	return with(t, "admission-policy")
}

// with is a copy of this directory in which config/default has one of the components that its comment names.
func with(t *testing.T, component string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "default", "kustomization.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const commented = "# components:\n"
	line := "# - ../" + component + "\n"
	if before, after, found := strings.Cut(string(text), commented); !found || !strings.Contains(after, line) || strings.Contains(before, line) {
		t.Fatalf("config/default does not say how to add %s", component)
	}
	write(t, file, strings.Replace(string(text), commented, "components:\n- ../"+component+"\n", 1))
	return dir
}

// The policies know the ServiceAccount and its namespace, whoever renames them: where they are added, above that, or below.
func TestThePolicyFollowsTheNamesOfItsKustomization(t *testing.T) {
	dir := withPolicy(t)
	overlay := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(path, 0o750); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(path, "kustomization.yaml"), text)
		return path
	}
	added := filepath.Join(dir, "default")
	const policy = "components: [../admission-policy]\n"
	for name, c := range map[string]struct{ dir, namespace, account string }{
		"added":         {added, home, manager},
		"renamed above": {overlay("above", "namespace: other\nnamePrefix: acme-\nresources: [../default]\n"), "other", "acme-" + manager},
		"namespaced":    {filepath.Join(dir, "namespaced"), home, manager},
	} {
		t.Run(name, func(t *testing.T) { expectNames(t, render(t, c.dir), c.namespace, c.account) })
	}
	t.Run("added above what renamed", func(t *testing.T) {
		if err := os.CopyFS(filepath.Join(dir, "plain"), os.DirFS("default")); err != nil {
			t.Fatal(err)
		}
		expectNames(t, render(t, overlay("over", "resources: [../plain]\n"+policy)), home, manager)
		expectNames(t, render(t, overlay("both", "namespace: other\nnamePrefix: acme-\nresources: [../plain]\n"+policy)), "other", "acme-"+manager)
	})
}

func expectNames(t *testing.T, objects []unstructured.Unstructured, namespace, account string) {
	t.Helper()
	names, bindings := map[string]string{}, 0
	for _, o := range objects {
		if data, _, _ := unstructured.NestedString(o.Object, "data", "serviceAccount"); o.GetKind() == "ConfigMap" {
			if data != account || o.GetNamespace() != namespace {
				t.Errorf("the parameters name %s in %s, want %s in %s", data, o.GetNamespace(), account, namespace)
			}
		}
		names[o.GetKind()+" "+o.GetName()] = o.GetNamespace()
	}
	for _, o := range objects {
		if o.GetKind() != "ValidatingAdmissionPolicyBinding" {
			continue
		}
		bindings++
		policy, _, _ := unstructured.NestedString(o.Object, "spec", "policyName")
		ref, _, _ := unstructured.NestedStringMap(map[string]any{"ref": paramRef(o)}, "ref")
		if _, is := names["ValidatingAdmissionPolicy "+policy]; !is || names["ConfigMap "+ref["name"]] != namespace || ref["namespace"] != namespace {
			t.Errorf("%s binds %s with the parameters %v", o.GetName(), policy, ref)
		}
	}
	if bindings != 2 || names["ServiceAccount "+account] != namespace {
		t.Errorf("%d bindings, and %v", bindings, names)
	}
}

func paramRef(o unstructured.Unstructured) any {
	ref, _, _ := unstructured.NestedMap(o.Object, "spec", "paramRef")
	return ref
}

func TestTheAdmissionPolicy(t *testing.T) {
	c := start(t)
	c.quietly(t, "apply", "--server-side", "--validate=strict", "-k", filepath.Join(withPolicy(t), "default"))
	c.kubectl(t, "wait", "--for=condition=Established", "--timeout=2m", "crd", "--all")
	c.kubectl(t, "create", "namespace", "acme")
	c.kubectl(t, "patch", "configmap", "-n", home, "stytch-operator-admission", "--type=merge",
		"-p", `{"data": {"users": "somebody\n system:serviceaccount:velero:velero \n", "groups": "restorers\n"}}`)
	own, tenant := c.as(t, account, groups()...), c.as(t, "tenant", "system:masters")
	secret := func(kind corev1.SecretType, labels map[string]string) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{GenerateName: "s-", Namespace: "acme", Labels: labels}, Type: kind}
	}
	ours := map[string]string{v1alpha1.LabelConnection: "scim-connection-test-1"}
	if !process.Eventually(t, func() bool {
		return denied(own.Create(t.Context(), secret(corev1.SecretTypeOpaque, nil), client.DryRunAll))
	}) {
		t.Fatal("the policy is asleep")
	}

	t.Run("lets the manager write its own Secrets alone", func(t *testing.T) {
		c.expectSecrets(t, own, tenant, secret, ours)
	})
	t.Run("lets nobody but the manager and restore tools write status", func(t *testing.T) {
		c.kubectl(t, "apply", "-n", "acme", "-f", "samples/stytchproject.yaml")
		project := &v1alpha1.StytchProject{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "default"}}
		for name, c := range map[string]struct {
			as   client.Client
			want bool
		}{
			"manager": {own, false}, "tenant": {tenant, true},
			"user":  {c.as(t, "system:serviceaccount:velero:velero", "system:masters"), false},
			"group": {c.as(t, "carl", "system:masters", "restorers"), false},
		} {
			patch := client.RawPatch("application/merge-patch+json", []byte(`{"status": {"projectName": "`+name+`"}}`))
			if err := c.as.Status().Patch(t.Context(), unstructuredOf(project), patch, client.DryRunAll); denied(err) != c.want || !c.want && err != nil {
				t.Errorf("the status that %s writes: %v", name, err)
			}
		}
	})
	t.Run("refuses nothing that the manager does", func(t *testing.T) { c.livesUnderPolicy(t) })
}

// as is a client of somebody else.
func (c *cluster) as(t *testing.T, user string, groups ...string) client.Client {
	t.Helper()
	config := rest.CopyConfig(c.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: groups}
	as, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return as
}

// denied says that a policy refused a write.
func denied(err error) bool {
	return err != nil && (apierrors.IsInvalid(err) || apierrors.IsForbidden(err)) && strings.Contains(err.Error(), "ValidatingAdmissionPolicy")
}

func unstructuredOf(project *v1alpha1.StytchProject) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion(v1alpha1.GroupVersion.String())
	o.SetKind("StytchProject")
	o.SetNamespace(project.Namespace)
	o.SetName(project.Name)
	return o
}

func (c *cluster) expectSecrets(t *testing.T, own, tenant client.Client, secret func(corev1.SecretType, map[string]string) *corev1.Secret, ours map[string]string) {
	t.Helper()
	token := secret(corev1.SecretTypeServiceAccountToken, ours)
	token.Annotations = map[string]string{corev1.ServiceAccountNameKey: "default"}
	labelled, foreign := secret(corev1.SecretTypeOpaque, ours), secret(corev1.SecretTypeOpaque, nil)
	for _, o := range []*corev1.Secret{labelled, foreign} {
		if err := tenant.Create(t.Context(), o); err != nil {
			t.Fatalf("a tenant creates a Secret: %v", err)
		}
	}
	parameters := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: home, Name: "stytch-operator-admission"}}
	details := func(labels map[string]string, owners ...metav1.OwnerReference) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "c-", Namespace: "acme", Labels: labels, OwnerReferences: owners}}
	}
	manifest := metav1.OwnerReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: "SAMLConnection", Name: "acme-okta", UID: "1"}
	labelledMap, ownedMap, foreignMap := details(ours), details(nil, manifest), details(nil)
	for _, o := range []*corev1.ConfigMap{labelledMap, ownedMap, foreignMap} {
		if err := tenant.Create(t.Context(), o); err != nil {
			t.Fatalf("a tenant creates a ConfigMap: %v", err)
		}
	}
	patch := func(o client.Object, text string) error {
		return own.Patch(t.Context(), o, client.RawPatch("application/merge-patch+json", []byte(text)), client.DryRunAll)
	}
	const label = `{"metadata": {"labels": {"` + v1alpha1.LabelConnection + `": "mine"}}}`
	for name, got := range map[string]struct {
		err  error
		want bool
	}{
		"a Secret of type Opaque with the label":        {own.Create(t.Context(), secret(corev1.SecretTypeOpaque, ours), client.DryRunAll), false},
		"a Secret without the label":                    {own.Create(t.Context(), secret(corev1.SecretTypeOpaque, nil), client.DryRunAll), true},
		"a token of a ServiceAccount":                   {own.Create(t.Context(), token, client.DryRunAll), true},
		"a change of a Secret with the label":           {patch(labelled.DeepCopy(), `{"stringData": {"a": "b"}}`), false},
		"a change of a Secret without the label":        {patch(foreign.DeepCopy(), `{"stringData": {"a": "b"}}`), true},
		"the label on somebody else's Secret":           {patch(foreign.DeepCopy(), label), true},
		"a ConfigMap with the label":                    {own.Create(t.Context(), details(ours), client.DryRunAll), false},
		"a ConfigMap without the label":                 {own.Create(t.Context(), details(nil), client.DryRunAll), true},
		"a change of a ConfigMap with the label":        {patch(labelledMap.DeepCopy(), `{"data": {"a": "b"}}`), false},
		"a change of a manifest's ConfigMap":            {patch(ownedMap.DeepCopy(), `{"data": {"a": "b"}}`), false},
		"a change of somebody else's ConfigMap":         {patch(foreignMap.DeepCopy(), `{"data": {"a": "b"}}`), true},
		"the label on somebody else's ConfigMap":        {patch(foreignMap.DeepCopy(), label), true},
		"a tenant's change of a ConfigMap":              {tenant.Delete(t.Context(), foreignMap, client.DryRunAll), false},
		"a change of the policy's parameters":           {patch(parameters.DeepCopy(), `{"data": {"users": "me"}}`), true},
		"a Secret of a tenant's":                        {tenant.Create(t.Context(), secret(corev1.SecretTypeOpaque, nil), client.DryRunAll), false},
		"a tenant's change of a Secret with the label":  {tenant.Delete(t.Context(), labelled, client.DryRunAll), false},
		"a tenant's change of a Secret without a label": {tenant.Delete(t.Context(), foreign, client.DryRunAll), false},
	} {
		if denied(got.err) != got.want || !got.want && got.err != nil {
			t.Errorf("%s: %v", name, got.err)
		}
	}
}

// livesUnderPolicy has the manager create what the samples ask for, rotate a token, and delete its connection.
func (c *cluster) livesUnderPolicy(t *testing.T) {
	t.Helper()
	c.kubectl(t, "delete", "-n", "acme", "stytchproject", "default", "--ignore-not-found")
	c.runManager(t, arguments(c.deployment(t)))
	c.fillIn(t, "acme")
	field := func(path string) string {
		return c.kubectl(t, "get", "-n", "acme", "scimconnection", "acme-scim", "-o", "jsonpath={"+path+"}")
	}
	last := field(".status.bearerToken.lastFour")
	c.kubectl(t, "annotate", "-n", "acme", "scimconnection", "acme-scim", v1alpha1.AnnotationRotateToken+"="+last)
	if !process.Eventually(t, func() bool { return field(".status.bearerToken.nextLastFour") != "" }) {
		t.Fatalf("no rotation: %s", field(".status.conditions"))
	}
	next := field(".status.bearerToken.nextLastFour")
	c.kubectl(t, "annotate", "-n", "acme", "scimconnection", "acme-scim", v1alpha1.AnnotationAcknowledgeToken+"="+next)
	if !process.Eventually(t, func() bool { return field(".status.bearerToken.lastFour") == next }) {
		t.Fatalf("the rotation is not completed: %s", field(".status.conditions"))
	}
	name := field(".spec.bearerToken.secretName")
	c.kubectl(t, "patch", "-n", "acme", "scimconnection", "acme-scim", "--type=merge", "-p", `{"spec": {"deletionPolicy": "Delete"}}`)
	c.kubectl(t, "delete", "-n", "acme", "--timeout=2m", "scimconnection", "acme-scim")
	if data := c.kubectl(t, "get", "-n", "acme", "secret", name, "-o", "jsonpath={.data}"); data != "" {
		t.Error("the Secret of a deleted connection keeps its values")
	}
}

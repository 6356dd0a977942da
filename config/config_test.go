// Package config_test applies what this directory deploys to a real API server, and runs the manager with the rights and the
// arguments that it is deployed with.
package config_test

import (
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
	"github.com/stytch-operator/stytch-operator/test/process"
)

// What config/default calls things.
const (
	home    = "stytch-operator-system"
	manager = "stytch-operator-manager"
	account = "system:serviceaccount:" + home + ":" + manager
	group   = "connections.stytch-operator.dev"
)

func TestTheDeploymentForAllNamespaces(t *testing.T) {
	c := start(t)
	c.quietly(t, "apply", "--validate=strict", "-k", "default") // as "make deploy" does
	// As GitOps tools do.
	c.quietly(t, "apply", "--server-side", "--force-conflicts", "--validate=strict", "-k", "default")
	c.kubectl(t, "wait", "--for=condition=Established", "--timeout=2m", "crd", "--all")
	c.kubectl(t, "create", "namespace", "acme")
	deployment := c.deployment(t)

	t.Run("its pod is admitted where only restricted pods are", func(t *testing.T) { c.admits(t, deployment) })
	t.Run("its manager understands its arguments", func(t *testing.T) { understands(t, deployment) })
	t.Run("the samples are valid as they are", func(t *testing.T) {
		c.quietly(t, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-n", "acme", "-f", "samples")
	})
	t.Run("it deletes nothing, and overwrites no Secret whole", func(t *testing.T) {
		for _, namespace := range []string{everywhere, "acme", home} {
			for _, verb := range []string{"delete", "deletecollection", "update"} {
				c.expectAllowed(t, false, namespace, verb, "", "secrets")
				c.expectAllowed(t, false, namespace, verb, group, "samlconnections")
			}
			c.expectAllowed(t, true, namespace, "list", "", "secrets")
		}
		c.expectAllowed(t, false, "acme", "create", "coordination.k8s.io", "leases")
	})
	t.Run("its rights are those that a life of the samples takes", func(t *testing.T) { c.lives(t, deployment, "acme") })
}

func TestTheDeploymentWithClusterStytchProjects(t *testing.T) {
	c := start(t)
	c.quietly(t, "apply", "--server-side", "--validate=strict", "-k", filepath.Join(with(t, "cluster-projects"), "default"))
	c.kubectl(t, "wait", "--for=condition=Established", "--timeout=2m", "crd", "--all")
	c.kubectl(t, "create", "namespace", "acme")
	deployment := c.deployment(t)

	t.Run("its manager understands its arguments", func(t *testing.T) { understands(t, deployment) })
	t.Run("the sample is valid as it is", func(t *testing.T) {
		c.quietly(t, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "samples/shared")
	})
	t.Run("nobody's role has ClusterStytchProjects in it but the manager's", func(t *testing.T) {
		for _, o := range render(t, "default") {
			if rules := fmt.Sprint(o.Object["rules"]); o.GetKind() == "ClusterRole" && strings.Contains(rules, "clusterstytchprojects") {
				t.Errorf("%s has %s", o.GetName(), rules)
			}
		}
	})
	c.kubectl(t, "create", "secret", "generic", "-n", home, "shared", "--from-literal=secret="+stytchsim.DefaultSecret)
	t.Run("its rights are those that a life of the samples takes, and of a shared project", func(t *testing.T) {
		c.lives(t, deployment, "acme", c.shares)
	})
}

// shares has a connection of a namespace brought to life with the credentials of a ClusterStytchProject.
func (c *cluster) shares(t *testing.T, namespace string, stytch *stytchsim.Sim) {
	t.Helper()
	organization, err := stytch.AddOrganization(stytchsim.Organization{Slug: "shared", Name: "shared"})
	if err != nil {
		t.Fatal(err)
	}
	url := c.kubectl(t, "get", "-n", namespace, "stytchproject", "default", "-o", "jsonpath={.spec.baseURL}")
	file := filepath.Join(t.TempDir(), "shared.yaml")
	write(t, file, fmt.Sprintf(`
apiVersion: connections.stytch-operator.dev/v1alpha1
kind: ClusterStytchProject
metadata: {name: shared}
spec:
  projectID: %[1]s
  baseURL: "%[2]s"
  secretRef: {name: shared, key: secret}
  grants: [{namespaces: [%[3]s], organizations: [%[4]s]}]
---
apiVersion: connections.stytch-operator.dev/v1alpha1
kind: SCIMConnection
metadata: {name: shared, namespace: %[3]s}
spec:
  projectRef: {kind: ClusterStytchProject, name: shared}
  organization: %[4]s
  bearerToken: {secretName: shared-scim}
`, stytchsim.DefaultProjectID, url, namespace, organization.ID))
	c.quietly(t, "apply", "--validate=strict", "-f", file)
	c.kubectl(t, "wait", "-n", namespace, "--for=condition=Ready", "--timeout=2m", "scimconnection/shared")
	c.kubectl(t, "wait", "--for=jsonpath={.status.grants[0].connections}=1", "--timeout=2m", "clusterstytchproject/shared")
}

func TestTheDeploymentForChosenNamespaces(t *testing.T) {
	c := start(t)
	for _, namespace := range []string{"team-a", "team-b", "team-c"} {
		c.kubectl(t, "create", "namespace", namespace)
	}
	c.quietly(t, "apply", "--server-side", "--validate=strict", "-k", "namespaced/cluster")
	c.quietly(t, "apply", "--server-side", "--validate=strict", "-k", "namespaced")
	c.kubectl(t, "wait", "--for=condition=Established", "--timeout=2m", "crd", "--all")
	deployment := c.deployment(t)

	t.Run("its pod is admitted where only restricted pods are", func(t *testing.T) { c.admits(t, deployment) })
	t.Run("its manager understands its arguments", func(t *testing.T) { understands(t, deployment) })
	t.Run("it has no right elsewhere", func(t *testing.T) {
		for _, namespace := range []string{everywhere, "default", "team-c", home} {
			for _, verb := range []string{"get", "list", "watch", "create", "patch"} {
				c.expectAllowed(t, false, namespace, verb, "", "secrets")
				c.expectAllowed(t, false, namespace, verb, group, "samlconnections")
			}
		}
		c.expectAllowed(t, true, "team-b", "list", "", "secrets")
	})
	t.Run("its rights are those that a life of the samples takes", func(t *testing.T) { c.lives(t, deployment, "team-a") })
}

// Everything of config/default is in exactly one part of config/namespaced: what belongs to the cluster, what belongs to the
// manager, and what it may do, as a Role with the same rules in each namespace that it is told to watch.
func TestTheDeploymentForChosenNamespacesIsTheOneForAllCutApart(t *testing.T) {
	whole := map[string]unstructured.Unstructured{}
	for _, o := range render(t, "default") {
		whole[o.GetKind()+" "+o.GetName()] = o
	}
	var parts, watched []string
	for _, o := range slices.Concat(render(t, "namespaced/cluster"), render(t, "namespaced")) {
		kind := o.GetKind()
		if namespace := o.GetNamespace(); namespace != "" && namespace != home {
			kind = "Cluster" + kind
		}
		name := kind + " " + o.GetName()
		parts = append(parts, name)
		for _, field := range []string{"rules", "subjects"} {
			if got, want := fmt.Sprint(o.Object[field]), fmt.Sprint(whole[name].Object[field]); got != want {
				t.Errorf("%s in namespace %q has the %s\n%s\nand in config/default\n%s", name, o.GetNamespace(), field, got, want)
			}
		}
		switch kind {
		case "ClusterRoleBinding":
			watched = append(watched, o.GetNamespace())
		case "Deployment":
			expectFlag(t, o, watched)
		}
	}
	slices.Sort(parts)
	if want := slices.Sorted(maps.Keys(whole)); !slices.Equal(slices.Compact(parts), want) {
		t.Errorf("the parts hold %q, and config/default %q", parts, want)
	}
}

// expectFlag compares --namespaces with the namespaces that hold a Role for the manager.
func expectFlag(t *testing.T, deployment unstructured.Unstructured, watched []string) {
	t.Helper()
	containers, _, _ := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "containers")
	if args := fmt.Sprint(containers); len(watched) == 0 || !strings.Contains(args, " --namespaces="+strings.Join(watched, ",")+"]") {
		t.Errorf("the manager has Roles in %q, and is started as %s", watched, args)
	}
}

// admits puts the Deployment's pod before Pod Security as the controller of ReplicaSets would, and a worse one as a control.
func (c *cluster) admits(t *testing.T, deployment *appsv1.Deployment) {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "tried", Namespace: home, Labels: deployment.Spec.Template.Labels},
		Spec:       *deployment.Spec.Template.Spec.DeepCopy(),
	}
	if err := c.client.Create(t.Context(), pod.DeepCopy(), client.DryRunAll); err != nil {
		t.Errorf("the pod is refused: %v", err)
	}
	pod.Spec.Containers[0].SecurityContext.Capabilities = nil
	err := c.client.Create(t.Context(), pod, client.DryRunAll)
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "PodSecurity") {
		t.Errorf("Pod Security is asleep: a pod that keeps its capabilities is answered with %v", err)
	}
}

// understands starts the manager with the Deployment's arguments; one more ends it before it begins.
func understands(t *testing.T, deployment *appsv1.Deployment) {
	t.Helper()
	args := append(arguments(deployment), "--help")
	if out, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput(); err != nil {
		t.Errorf("manager %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func arguments(deployment *appsv1.Deployment) []string {
	return slices.Clone(deployment.Spec.Template.Spec.Containers[0].Args)
}

// unseen are rights that no run of ours shows, and why they are granted all the same.
var unseen = map[string]string{
	"list secrets":    "an API server that cannot begin a watch with what is there already is asked for a list first",
	"list configmaps": "the same",
	"list connections.stytch-operator.dev/stytchprojects":        "the same",
	"list connections.stytch-operator.dev/scimconnections":       "the same",
	"list connections.stytch-operator.dev/samlconnections":       "the same",
	"list connections.stytch-operator.dev/oidcconnections":       "the same",
	"list connections.stytch-operator.dev/clusterstytchprojects": "the same",
	"list namespaces":            "the same",
	"patch events.k8s.io/events": "client-go counts an event that repeats on the one that stands",
}

// blocks has a deletion blocked, because the project's Secret is gone, and lets it go on without the connection.
func (c *cluster) blocks(t *testing.T, namespace, o string) {
	t.Helper()
	policy := func(policy string) {
		c.kubectl(t, "patch", "-n", namespace, o, "--type=merge", "-p", `{"spec": {"deletionPolicy": "`+policy+`"}}`)
	}
	policy("Delete")
	c.kubectl(t, "delete", "-n", namespace, "secret", "stytch")
	c.kubectl(t, "delete", "-n", namespace, "--wait=false", o)
	c.kubectl(t, "wait", "-n", namespace, `--for=jsonpath={.status.conditions[?(@.type=="Synced")].reason}=DeletionBlocked`, "--timeout=2m", o)
	policy("Retain")
	c.kubectl(t, "wait", "-n", namespace, "--for=delete", "--timeout=2m", o)
}

// lives runs the manager as the cluster would, with its own account and the Deployment's arguments. The samples come to life, and what is
// further told to,
// somebody edits what one of them published, an External connection and its source are deleted with their connections,
// and a deletion is blocked. Then what the manager did, as the API server's audit log has it, is what it may do.
func (c *cluster) lives(t *testing.T, deployment *appsv1.Deployment, namespace string, further ...func(*testing.T, string, *stytchsim.Sim)) {
	t.Helper()
	c.runManager(t, arguments(deployment))
	stytch := c.fillIn(t, namespace)
	for _, live := range further {
		live(t, namespace, stytch)
	}
	url := c.kubectl(t, "get", "-n", namespace, "samlconnection", "acme-okta", "-o", "jsonpath={.status.acsURL}")
	c.kubectl(t, "patch", "-n", namespace, "configmap", "acme-okta-saml", "--type=merge", "-p", `{"data": {"acs-url": "https://elsewhere.example.com"}}`)
	c.kubectl(t, "wait", "-n", namespace, "--for=jsonpath={.data.acs-url}="+url, "--timeout=2m", "configmap/acme-okta-saml")
	if _, err := stytch.PatchOrganization("acme", map[string]any{"sso_default_connection_id": nil}); err != nil { // Stytch would keep it
		t.Fatal(err)
	}
	for _, o := range []string{"externalconnection/acme-partner-okta", "samlconnection/acme-okta"} {
		c.kubectl(t, "patch", "-n", namespace, o, "--type=merge", "-p", `{"spec": {"deletionPolicy": "Delete"}}`)
		c.kubectl(t, "delete", "-n", namespace, "--timeout=2m", o)
	}
	c.blocks(t, namespace, "scimconnection/acme-scim")

	granted := c.rights(t, namespace)
	maps.Copy(granted, c.rights(t, home))
	for right := range granted {
		if unseen[right] == "" && !process.Eventually(t, func() bool { return c.used(t)[right] }) { // events come late
			t.Errorf("the manager may %s and never did", right)
		}
	}
	for right := range c.used(t) {
		if !granted[right] {
			t.Errorf("the manager tried to %s and may not", right)
		}
	}
}

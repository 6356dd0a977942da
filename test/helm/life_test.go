package helm_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// The life of a release, with each version of Helm: what is longer and depends on Helm less is done with one.
func TestALifeWithHelm4(t *testing.T) { live(t, helm4) }

func TestALifeWithHelm3(t *testing.T) { live(t, helm3) }

func live(t *testing.T, h helm) {
	t.Helper()
	c := start(t, h)
	previous := previousChart(t)
	ok := t.Run("an install brings the CRDs, and no right on them stays", func(t *testing.T) { c.installs(t, previous) }) &&
		t.Run("an upgrade replaces the CRDs", func(t *testing.T) { c.upgrades(t) })
	if !ok {
		return
	}
	stop := c.runManager(t)
	ok = t.Run("a manifest uses the new field", func(t *testing.T) { c.connects(t) }) &&
		t.Run("a rollback takes no CRD back", func(t *testing.T) { c.rollsBack(t) }) &&
		t.Run("an upgrade to an older chart takes no CRD back", func(t *testing.T) { c.goesBack(t, previous) }) &&
		t.Run("with a running manager, the manifests go first, and then the release", func(t *testing.T) { c.uninstalls(t, stop) })
	if ok && h == helm4 {
		_ = t.Run("the API server accepts what is rendered with any values", func(t *testing.T) { c.accepts(t) }) &&
			t.Run("without a running manager, manifests stay for the next release", func(t *testing.T) { c.leavesBehind(t) }) &&
			t.Run("where the job fails nothing is upgraded", func(t *testing.T) { c.failsToUpgrade(t) }) &&
			t.Run("without a manager for good, finalizers are removed by hand", func(t *testing.T) { c.endsByHand(t) })
	}
}

func (c *cluster) installs(t *testing.T, previous string) {
	t.Helper()
	c.do(t, "install", release, previous, "--create-namespace")
	c.expectSaid(t, 1, "created, version "+before)
	c.expectCRDs(t, before, false)
	c.expectNothingOfTheJob(t)
	for _, verb := range []string{"get", "list", "create", "update", "patch", "delete"} {
		account := "system:serviceaccount:" + home + ":" + manager
		if answer, err := c.try(t, "auth", "can-i", verb, "customresourcedefinitions", "--as="+account); err == nil {
			t.Errorf("the manager may %s CRDs: %s", verb, answer)
		}
	}
}

func (c *cluster) upgrades(t *testing.T) {
	t.Helper()
	c.do(t, "upgrade", release, chart, "--set", "networkPolicy.enabled=true")
	c.expectSaid(t, 2, "applied, version "+version(t))
	c.expectCRDs(t, version(t), true)
	c.expectNothingOfTheJob(t)
}

// accepts has the API server check what is rendered with values of every sort: no field is unknown, no value is wrong, and both pods are admitted
// where only restricted ones are.
func (c *cluster) accepts(t *testing.T) {
	t.Helper()
	for _, name := range []string{"team-a", "team-b"} {
		c.kubectl(t, "create", "namespace", name)
	}
	c.kubectl(t, "create", "namespace", "restricted")
	c.kubectl(t, "label", "namespace", "restricted", "pod-security.kubernetes.io/enforce=restricted")
	c.kubectl(t, "create", "serviceaccount", "-n", "restricted", manager)
	c.kubectl(t, "create", "serviceaccount", "-n", "restricted", release+"-crds")
	for _, text := range []string{everyValue, everyValue + "namespaces: [team-a, team-b]\n", everyValue + "clusterProjects: true\n"} {
		all := c.helm.template(t, "-f", values(t, text))
		c.dryRun(t, all)
		for _, o := range all {
			template, found, _ := unstructured.NestedMap(o.Object, "spec", "template")
			if !found {
				continue
			}
			pod := unstructured.Unstructured{Object: template}
			pod.SetAPIVersion("v1")
			pod.SetKind("Pod")
			pod.SetName("tried")
			pod.SetNamespace("restricted")
			c.dryRun(t, []unstructured.Unstructured{pod})
		}
	}
	c.kubectl(t, "delete", "serviceaccount", "-n", "restricted", manager, release+"-crds")
}

// everyValue sets what changes the shape of what is rendered.
const everyValue = `
replicas: 2
image: {digest: sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}
imagePullSecrets: [{name: registry}]
resyncInterval: 30m
expiryWarning: 336h
inputPatience: "0"
allowedBaseURLHosts: [login.example.com]
requireSendLabel: true
logLevel: debug
admissionPolicy: {enabled: true, users: [a, b], groups: [c]}
networkPolicy: {enabled: true, extraEgress: [{to: [{ipBlock: {cidr: 10.0.0.1/32}}], ports: [{port: 3128}]}]}
env: [{name: HTTPS_PROXY, value: "http://proxy.example.com:3128"}, {name: SSL_CERT_FILE, value: /etc/ca/ca.crt}]
volumes: [{name: ca, configMap: {name: ca}}]
volumeMounts: [{name: ca, mountPath: /etc/ca, readOnly: true}]
serviceAccount: {annotations: {a: b}}
labels: {team: sso}
annotations: {a: b}
podLabels: {a: b}
podAnnotations: {a: b}
nodeSelector: {kubernetes.io/os: linux}
tolerations: [{key: dedicated, operator: Exists, effect: NoSchedule}]
priorityClassName: system-cluster-critical
affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, podAffinityTerm: {topologyKey: kubernetes.io/hostname}}]}}
topologySpreadConstraints: [{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: ScheduleAnyway}]
`

func (c *cluster) dryRun(t *testing.T, all []unstructured.Unstructured) {
	t.Helper()
	file := filepath.Join(c.dir, "rendered.yaml")
	write(t, file, inOneForm(t, all))
	c.kubectl(t, "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", file)
}

// expectNothingOfTheJob expects the rights of the job to be gone with it.
func (c *cluster) expectNothingOfTheJob(t *testing.T) {
	t.Helper()
	for name := range strings.FieldsSeq(c.kubectl(t, "get", ours, "-A", "-o", "name")) {
		if strings.HasSuffix(name, "-crds") {
			t.Errorf("the job leaves %s", name)
		}
	}
}

// manifest is a SAMLConnection that the version before would refuse for its displayName, and that loses a field there.
const manifest = `
apiVersion: connections.stytch-operator.dev/v1alpha1
kind: SAMLConnection
metadata: {name: okta, namespace: acme}
spec:
  organization: acme
  displayName: Okta
  identityProvider: okta
  nameIDFormat: urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress
  deletionPolicy: Delete
`

// connects has the manager create a connection.
func (c *cluster) connects(t *testing.T) {
	t.Helper()
	if c.stytch.Connections("acme") == nil {
		if _, err := c.stytch.AddOrganization(stytchsim.Organization{Slug: "acme", Name: "acme"}); err != nil {
			t.Fatal(err)
		}
		c.kubectl(t, "create", "namespace", "acme")
		c.kubectl(t, "create", "secret", "generic", "-n", "acme", "stytch", "--from-literal=secret="+stytchsim.DefaultSecret)
	}
	c.apply(t, fmt.Sprintf(`
apiVersion: connections.stytch-operator.dev/v1alpha1
kind: StytchProject
metadata: {name: default, namespace: acme}
spec:
  projectID: %s
  baseURL: %q
  secretRef: {name: stytch, key: secret}
---%s`, stytchsim.DefaultProjectID, c.url, manifest))
	c.kubectl(t, "wait", "-n", "acme", "--for=jsonpath={.status.conditions[?(@.type==\"Synced\")].status}", "--timeout=2m", "samlconnection/okta")
	c.kubectl(t, "wait", "-n", "acme", "--for=jsonpath={.status.connectionID}", "--timeout=2m", "samlconnection/okta")
	c.expectConnections(t, 1)
}

func (c *cluster) rollsBack(t *testing.T) {
	t.Helper()
	jobs := len(c.said())
	c.do(t, "rollback", release, "1")
	c.expectImage(t, "v"+before)
	if len(c.said()) != jobs {
		t.Errorf("a job ran: %q", c.said())
	}
	c.expectCRDs(t, version(t), true)
	if format := c.kubectl(t, "get", "-n", "acme", "samlconnection", "okta", "-o", "jsonpath={.spec."+newField+"}"); format == "" {
		t.Errorf("the manifest has lost its %s", newField)
	}
}

func (c *cluster) goesBack(t *testing.T, previous string) {
	t.Helper()
	jobs := len(c.said())
	c.do(t, "upgrade", release, previous)
	c.expectSaid(t, jobs+1, fmt.Sprintf("left as it is: version %s is newer than %s", version(t), before))
	c.expectCRDs(t, version(t), true)
	c.do(t, "upgrade", release, chart)
	c.expectImage(t, "v"+version(t))
}

// uninstalls does what docs/helm.md says: the connections, the projects, the release.
func (c *cluster) uninstalls(t *testing.T, stop func()) {
	t.Helper()
	c.kubectl(t, "delete", "--all-namespaces", "--all", "--timeout=2m", "externalconnections,scimconnections,samlconnections,oidcconnections")
	c.kubectl(t, "delete", "--all-namespaces", "--all", "--timeout=2m", "stytchprojects")
	c.expectConnections(t, 0)
	c.do(t, "uninstall", release)
	stop()
	c.expectNothingBut(t, "customresourcedefinition")
	c.expectCRDs(t, version(t), true)
}

// leavesBehind uninstalls while there are manifests: they stay, and the next release goes on with them.
func (c *cluster) leavesBehind(t *testing.T) {
	t.Helper()
	c.do(t, "install", release, chart)
	stop := c.runManager(t)
	c.connects(t)
	id := c.kubectl(t, "get", "-n", "acme", "samlconnection", "okta", "-o", "jsonpath={.status.connectionID}")
	stop()
	c.do(t, "uninstall", release)
	c.kubectl(t, "delete", "-n", "acme", "--wait=false", "samlconnection", "okta")
	c.kubectl(t, "get", "-n", "acme", "samlconnection", "okta") // it waits for a manager
	calls := len(c.stytch.Calls())
	c.do(t, "install", release, chart)
	stop = c.runManager(t)
	c.kubectl(t, "wait", "-n", "acme", "--for=delete", "--timeout=2m", "samlconnection/okta")
	c.expectConnections(t, 0)
	for _, call := range c.stytch.CallsSince(calls) {
		if call.Method != "GET" && !strings.HasSuffix(call.Path, id) {
			t.Errorf("%s %s", call.Method, call.Path)
		}
	}
	stop()
}

// failsToUpgrade has the job fail: the release that is there stays as it is.
func (c *cluster) failsToUpgrade(t *testing.T) {
	t.Helper()
	const name = "scimconnections.connections.stytch-operator.dev"
	annotate := func(value string) {
		c.kubectl(t, "annotate", "crd", name, "--overwrite", "connections.stytch-operator.dev/version="+value)
	}
	annotate("abc")
	_, complaint, err := c.helm.run(t, c.kubeconfig, "upgrade", release, chart, "--namespace", home, "--set", "image.tag=next")
	if err == nil || !strings.Contains(complaint, "pre-upgrade") {
		t.Errorf("the upgrade ends with %v: %s", err, complaint)
	}
	if said := c.said(); !strings.Contains(said[len(said)-1], `is "abc", which is not a version`) {
		t.Errorf("the job says %q", said[len(said)-1])
	}
	c.expectImage(t, "v"+version(t))
	annotate(version(t))
	c.do(t, "upgrade", release, chart, "--set", "image.tag=next")
	c.expectImage(t, "next")
}

// endsByHand removes the finalizer of a manifest that no manager is there for, and then the CRDs, as docs/helm.md says.
func (c *cluster) endsByHand(t *testing.T) {
	t.Helper()
	stop := c.runManager(t)
	c.connects(t)
	stop()
	c.do(t, "uninstall", release)
	c.kubectl(t, "delete", "-n", "acme", "--wait=false", "samlconnection/okta", "stytchproject/default")
	for _, o := range []string{"samlconnection/okta", "stytchproject/default"} {
		c.kubectl(t, "patch", "-n", "acme", o, "--type=merge", "-p", `{"metadata": {"finalizers": null}}`)
	}
	if left := c.kubectl(t, "get", "stytch", "-A", "-o", "name"); left != "" {
		t.Errorf("there is %s", left)
	}
	c.expectConnections(t, 1) // which nobody asked Stytch to delete
	c.kubectl(t, "delete", "-f", top+"/config/crd/bases", "--timeout=2m")
	c.expectNothingBut(t)
}

// From config/default to the chart: nothing is deleted, and nothing is said to Stytch.
func TestTheChartTakesConfigDefaultOver(t *testing.T) {
	c := start(t, helm4)
	c.kubectl(t, "apply", "-k", filepath.Join(top, "config/default"))
	c.kubectl(t, "wait", "--for=condition=Established", "--timeout=2m", "crd", "--all")
	stop := c.runManager(t)
	c.connects(t)
	had, calls := c.uids(t), len(c.stytch.Calls())

	c.do(t, "upgrade", "--install", release, chart, "--take-ownership", "--force-conflicts")
	c.expectImage(t, "v"+version(t))
	have := c.uids(t)
	for _, name := range slices.Sorted(maps.Keys(had)) {
		if have[name] != had[name] {
			t.Errorf("%s was deleted, or made anew", name)
		}
	}
	stop()
	c.runManager(t)
	c.kubectl(t, "annotate", "-n", "acme", "stytchproject", "default", "seen=by the next manager") // it is ready, and its caches are filled
	for _, call := range c.stytch.CallsSince(calls) {
		t.Errorf("%s %s", call.Method, call.Path)
	}
	c.expectConnections(t, 1)
	if out := c.do(t, "list", "-o", "json"); !strings.Contains(out, `"deployed"`) {
		t.Errorf("the release is %s", out)
	}
}

// expectSaid expects a number of jobs to have run, and the last one to have said this of each CRD.
func (c *cluster) expectSaid(t *testing.T, jobs int, each string) {
	t.Helper()
	said := c.said()
	if len(said) != jobs {
		t.Fatalf("%d jobs ran, want %d: %q", len(said), jobs, said)
	}
	if got := strings.Count(said[jobs-1], ": "+each+"\n"); got != 6 {
		t.Errorf("the job says %q of %d CRDs: %s", each, got, said[jobs-1])
	}
}

// expectCRDs expects the CRDs in a version, and that of SAMLConnections with the new field and without the old rule, or the reverse.
func (c *cluster) expectCRDs(t *testing.T, version string, current bool) {
	t.Helper()
	versions := c.kubectl(t, "get", "crd", "-o", `jsonpath={.items[*].metadata.annotations.connections\.stytch-operator\.dev/version}`)
	if want := strings.TrimSpace(strings.Repeat(version+" ", 6)); versions != want {
		t.Errorf("the CRDs have the versions %s, want %s", versions, want)
	}
	schema := c.kubectl(t, "get", "crd", "samlconnections.connections.stytch-operator.dev", "-o", "jsonpath={.spec.versions[0].schema}")
	if has := strings.Contains(schema, `"`+newField+`"`); has != current {
		t.Errorf("the CRD has %s: %t, want %t", newField, has, current)
	}
	if has := strings.Contains(schema, "a rule of the version before"); has == current {
		t.Errorf("the CRD has the rule of the version before: %t, want %t", has, !current)
	}
}

// expectImage expects the Deployment to have an image with a tag.
func (c *cluster) expectImage(t *testing.T, tag string) {
	t.Helper()
	image := c.kubectl(t, "get", "deployment", "-n", home, manager, "-o", "jsonpath={.spec.template.spec.containers[0].image}")
	if image != "stytch-operator:"+tag {
		t.Errorf("the Deployment has the image %s, want the tag %s", image, tag)
	}
}

func (c *cluster) expectConnections(t *testing.T, want int) {
	t.Helper()
	if got := len(c.stytch.Connections("acme")); got != want {
		t.Errorf("Stytch has %d connections, want %d", got, want)
	}
}

// ours are the kinds of objects that a release has, and CRDs.
const ours = "deployment,serviceaccount,role,rolebinding,configmap,job,networkpolicy,poddisruptionbudget,secret," +
	"clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding,customresourcedefinition"

// uids are the UIDs of the objects of the operator, by their names.
func (c *cluster) uids(t *testing.T) map[string]string {
	t.Helper()
	uids := map[string]string{}
	list := c.kubectl(t, "get", ours+",stytch", "-A", "-o",
		`jsonpath={range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name} {.metadata.uid}{"\n"}{end}`)
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		if name := fields[1]; strings.Contains(name, release) || strings.HasPrefix(name, "acme/") {
			uids[fields[0]+" "+name] = fields[2]
		}
	}
	if len(uids) < 15 {
		t.Fatalf("only %d objects: %v", len(uids), uids)
	}
	return uids
}

// expectNothingBut expects no object of the operator, but of some kinds.
func (c *cluster) expectNothingBut(t *testing.T, kinds ...string) {
	t.Helper()
	for name := range strings.FieldsSeq(c.kubectl(t, "get", ours, "-A", "-o", "name")) {
		kind, _, _ := strings.Cut(name, ".")
		if strings.Contains(name, release) && !slices.Contains(kinds, kind) {
			t.Errorf("there is %s", name)
		}
	}
}

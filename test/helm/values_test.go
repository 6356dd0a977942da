package helm_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestTheChartPassesHelmsLint(t *testing.T) {
	for _, h := range []helm{helm4, helm3} {
		for _, values := range []string{"", "namespaces={team-a}", "admissionPolicy.enabled=true,networkPolicy.enabled=true,podMonitor.enabled=true,prometheusRule.enabled=true,grafanaDashboard.enabled=true,replicas=2"} {
			if out, complaint, err := h.run(t, "", "lint", "--strict", chart, "--set", values); err != nil {
				t.Errorf("%s lint with %q: %v\n%s%s", h, values, err, out, complaint)
			}
		}
	}
}

// Values, and what is then in the objects that are rendered, or is not.
func TestWhatTheValuesDo(t *testing.T) {
	const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for name, c := range map[string]struct{ values, has, lacks string }{
		"image":              {"image: {repository: 'registry.example.com:5000/stytch-operator', tag: v9}", "image: registry.example.com:5000/stytch-operator:v9", "image: stytch-operator"},
		"digest":             {"image: {tag: v9, digest: '" + digest + "'}", "image: stytch-operator@" + digest, ":v9"},
		"pull secrets":       {"imagePullSecrets: [{name: registry}]", "imagePullSecrets:\n      - name: registry", ""},
		"one replica":        {"replicas: 1", "replicas: 1", "PodDisruptionBudget"},
		"two replicas":       {"replicas: 2", "kind: PodDisruptionBudget", "minAvailable"},
		"namespaces":         {"namespaces: [team-a, team-b]", "- --namespaces=team-a,team-b", "name: stytch-operator-manager-rolebinding\nroleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole"},
		"cluster projects":   {"clusterProjects: true\nclusterResourceNamespace: shared", "- --cluster-projects\n        - --cluster-resource-namespace=shared", ""},
		"both":               {"clusterProjects: true\nnamespaces: [team-a]", "- --namespaces=team-a", "cluster-projects"},
		"durations":          {"resyncInterval: 1h30m\nexpiryWarning: 336h\ninputPatience: '0'", "- --resync-interval=1h30m\n        - --expiry-warning=336h\n        - --input-patience=0", ""},
		"hosts":              {"allowedBaseURLHosts: [a.example.com, b.example.com]", "- --allowed-base-url-hosts=a.example.com,b.example.com", ""},
		"send label":         {"requireSendLabel: true", "- --require-send-label", ""},
		"logs":               {"logLevel: debug\nlogFormat: text", "- --log-format=text\n        - --log-level=debug", ""},
		"further flags":      {"extraArgs: ['--allow-insecure-loopback']", "- --allow-insecure-loopback", ""},
		"no job":             {"crds: {apply: false}", "kind: Deployment", "apply-crds"},
		"no roles":           {"rolesForPeople: false", "kind: Deployment", "connection-editor"},
		"who writes status":  {"admissionPolicy: {enabled: true, users: [a, b], groups: [c]}", "groups: c\n  serviceAccount: stytch-operator-manager\n  users: |-\n    a\n    b", ""},
		"network":            {"networkPolicy: {enabled: true, egressPorts: [3128], extraEgress: [{to: [{ipBlock: {cidr: 10.0.0.1/32}}]}]}", "- ports:\n    - port: 3128\n  - to:\n    - ipBlock:\n        cidr: 10.0.0.1/32", "port: 443"},
		"monitor":            {"podMonitor: {enabled: true, interval: 30s, labels: {release: prometheus}}", "honorLabels: true\n    interval: 30s\n    port: metrics", ""},
		"secure metrics":     {"metrics: {certificateSecret: tls}\npodMonitor: {enabled: true, authorization: {credentials: {name: a, key: b}}}", "scheme: https\n    tlsConfig:\n      insecureSkipVerify: true", ""},
		"their certificate":  {"metrics: {certificateSecret: tls}", "volumeMounts:\n        - mountPath: /metrics-certificate\n          name: metrics-certificate\n          readOnly: true", ""},
		"open metrics":       {"metrics: {secure: false}", "- --metrics-bind-address=:8080", "metrics-reader"},
		"alerts":             {"prometheusRule: {enabled: true, labels: {release: prometheus}}", "release: prometheus\n  name: stytch-operator\n  namespace: stytch-operator-system\nspec:\n  groups:\n  - name: stytch-operator\n    rules:\n    - alert: ", ""},
		"dashboard":          {"grafanaDashboard: {enabled: true, namespace: grafana, labels: {grafana_dashboard: null, team: sso}, annotations: {grafana_folder: Stytch}}", "annotations:\n    grafana_folder: Stytch\n  labels:", "grafana_dashboard:"},
		"its text":           {"grafanaDashboard: {enabled: true}", "data:\n  stytch-operator.json: |\n    {\n      \"title\": \"Stytch operator\",", "grafana_folder"},
		"proxy":              {"env: [{name: HTTPS_PROXY, value: 'http://proxy.example.com:3128'}]", "env:\n        - name: HTTPS_PROXY\n          value: http://proxy.example.com:3128", ""},
		"certificates":       {"volumes: [{name: ca, configMap: {name: ca}}]\nvolumeMounts: [{name: ca, mountPath: /etc/ca, readOnly: true}]", "volumeMounts:\n        - mountPath: /etc/ca\n          name: ca\n          readOnly: true", ""},
		"account":            {"serviceAccount: {annotations: {a: b}}", "annotations:\n    a: b\n  labels:", ""},
		"labels":             {"labels: {team: sso}\npodLabels: {team: pods}", "team: pods", ""},
		"annotations":        {"annotations: {a: b}\npodAnnotations: {c: d}", "annotations:\n        c: d\n        kubectl.kubernetes.io/default-container: manager", ""},
		"where pods run":     {"nodeSelector: {a: b}\ntolerations: [{key: c}]\npriorityClassName: d", "nodeSelector:\n        a: b\n      priorityClassName: d", ""},
		"affinity":           {"affinity: {nodeAffinity: {}}\ntopologySpreadConstraints: [{maxSkew: 1}]", "topologySpreadConstraints:\n      - maxSkew: 1", ""},
		"names":              {"fullnameOverride: acme", "name: acme-manager", "name: stytch-operator-manager"},
		"values of a parent": {"global: {a: b}", "kind: Deployment", ""},
	} {
		t.Run(name, func(t *testing.T) {
			text := inOneForm(t, helm4.template(t, "-f", values(t, c.values)))
			if !strings.Contains(text, c.has) {
				t.Errorf("there is no\n%s\nin\n%s", c.has, text)
			}
			if c.lacks != "" && strings.Contains(text, c.lacks) {
				t.Errorf("there is\n%s\nin\n%s", c.lacks, text)
			}
		})
	}
}

// Labels and annotations are on every object, and every container is restricted.
func TestWhatEveryObjectHas(t *testing.T) {
	all := helm4.template(t, "-f", values(t, "labels: {team: sso}\nannotations: {cost: center}\nreplicas: 2\nnamespaces: [team-a]\n"+
		"admissionPolicy: {enabled: true}\nnetworkPolicy: {enabled: true}\npodMonitor: {enabled: true}\nprometheusRule: {enabled: true}\ngrafanaDashboard: {enabled: true}"))
	pods := 0
	for _, o := range all {
		if o.GetLabels()["team"] != "sso" || o.GetAnnotations()["cost"] != "center" || o.GetLabels()["app.kubernetes.io/instance"] != release {
			t.Errorf("%s %s has the labels %v and the annotations %v", o.GetKind(), o.GetName(), o.GetLabels(), o.GetAnnotations())
		}
		pod, found, _ := unstructured.NestedMap(o.Object, "spec", "template", "spec")
		if !found {
			continue
		}
		pods++
		if text := fmt.Sprint(pod); !strings.Contains(text, "runAsNonRoot:true") || !strings.Contains(text, "readOnlyRootFilesystem:true") ||
			!strings.Contains(text, "drop:[ALL]") || !strings.Contains(text, "allowPrivilegeEscalation:false") {
			t.Errorf("the pod of the %s is not restricted: %s", o.GetKind(), text)
		}
	}
	if pods != 2 {
		t.Errorf("there are %d pods", pods)
	}
}

// What is refused, and in which words.
func TestWrongValuesAreRefused(t *testing.T) {
	for values, want := range map[string]string{
		"imgae: {}":                               "additional properties 'imgae' not allowed",
		"image: {tgs: v1}":                        "additional properties 'tgs' not allowed",
		"image: {digest: sha256:abc}":             "at '/image/digest': 'sha256:abc' does not match pattern",
		"image: {repository: 'acme/operator:v1'}": "at '/image/repository'",
		"replicas: two":                           "at '/replicas': got string, want integer",
		"replicas: -1":                            "at '/replicas': minimum: got -1, want 0",
		"namespaces: team-a":                      "at '/namespaces': got string, want array",
		"namespaces: [Team_A]":                    "at '/namespaces/0': 'Team_A' does not match pattern",
		"namespaces: [a, a]":                      "at '/namespaces': items at 0 and 1 are equal",
		"resyncInterval: 10 minutes":              "at '/resyncInterval': '10 minutes' does not match pattern",
		"resyncInterval: 10":                      "at '/resyncInterval': got number, want string",
		"clusterProjects: 'yes'":                  "at '/clusterProjects': got string, want boolean",
		"logLevel: verbose":                       "at '/logLevel': value must be one of",
		"admissionPolicy: true":                   "at '/admissionPolicy': got boolean, want object",
		"networkPolicy: {egressPorts: [0]}":       "at '/networkPolicy/egressPorts/0': minimum: got 0, want 1",
		"extraArgs: ['-v=1']":                     "at '/extraArgs/0': '-v=1' does not match pattern",
		"podAnnotations: {a: 1}":                  "at '/podAnnotations/a': got number, want string",
		"extraArgs: ['--namespaces=team-a']":      "extraArgs has --namespaces. Set the value namespaces instead",
		"extraArgs: ['--leader-elect=false']":     "extraArgs has --leader-elect, which the chart sets",
		"podLabels: {app.kubernetes.io/name: a}":  "podLabels has app.kubernetes.io/name, which the chart sets itself",
	} {
		file := filepath.Join(t.TempDir(), "values.yaml")
		write(t, file, values)
		_, complaint, err := helm4.run(t, "", "template", release, chart, "-f", file)
		if err == nil || !strings.Contains(complaint, want) {
			t.Errorf("%s is answered with %v: %s\nwant %q", values, err, complaint, want)
		}
	}
}

// The notes of an installation warn of values that have no effect, and of nothing where there is none.
func TestTheNotesWarnOfWhatHasNoEffect(t *testing.T) {
	for text, want := range map[string]string{
		"": "",
		"clusterProjects: true\nnamespaces: [team-a]":                        "clusterProjects has no effect together with namespaces",
		"clusterResourceNamespace: a":                                        "clusterResourceNamespace has no effect without clusterProjects",
		"admissionPolicy: {users: [a]}":                                      "have no effect without admissionPolicy.enabled",
		"podMonitor: {interval: 30s}":                                        "have no effect without podMonitor.enabled",
		"podMonitor: {enabled: true}":                                        "Prometheus reads no metrics without podMonitor.authorization",
		"metrics: {secure: false, certificateSecret: a}":                     "metrics.certificateSecret has no effect",
		"prometheusRule: {labels: {a: b}}":                                   "have no effect without prometheusRule.enabled",
		"grafanaDashboard: {annotations: {a: b}}":                            "have no effect without grafanaDashboard.enabled",
		"networkPolicy: {extraEgress: [{}]}":                                 "networkPolicy.extraEgress has no effect",
		"namespaces: [stytch-operator-system]":                               "namespaces has the namespace of the release",
		"replicas: 0":                                                        "replicas is 0",
		"image: {tag: v1, digest: 'sha256:" + strings.Repeat("0", 64) + "'}": "image.tag has no effect",
	} {
		out, complaint, err := helm4.run(t, "", "install", release, chart, "--namespace", home, "--dry-run=client", "-f", values(t, text))
		if err != nil {
			t.Errorf("%s: %v %s", text, err, complaint)
			continue
		}
		_, notes, _ := strings.Cut(out, "NOTES:")
		if !strings.Contains(notes, "kubectl rollout status -n "+home) || !strings.Contains(notes, want) || strings.Contains(notes, "WARNING") != (want != "") {
			t.Errorf("with %q the notes are\n%s", text, notes)
		}
	}
}

// values is a file of values.
func values(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "values.yaml")
	write(t, file, text)
	return file
}

// inOneForm are objects as sigs.k8s.io/yaml writes them.
func inOneForm(t *testing.T, all []unstructured.Unstructured) string {
	t.Helper()
	var texts []string
	for _, o := range all {
		text, err := yaml.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return strings.Join(texts, "---\n")
}

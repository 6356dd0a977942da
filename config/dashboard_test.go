package config_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
	"github.com/stytch-operator/stytch-operator/test/process"
)

// dashboard is what is looked at of config/grafana/stytch-operator.json.
type (
	dashboard struct {
		Panels     []panel
		Templating struct{ List []variable }
	}
	panel struct {
		ID                 int
		Type               string
		Title, Description string
		Datasource         source
		GridPos            struct{ X, Y, W, H int }
		Targets            []query
	}
	query struct {
		RefID          string
		Expr           string
		Datasource     source
		Range, Instant bool
	}
	source   struct{ Type, UID string }
	variable struct{ Name, Type, Definition string }
)

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("grafana", "stytch-operator.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// queries are those of all panels.
func (d dashboard) queries() []query {
	var all []query
	for _, p := range d.Panels {
		all = append(all, p.Targets...)
	}
	return all
}

func TestThePanelsOfTheDashboardAreWhole(t *testing.T) {
	d := readDashboard(t)
	ids, cells := map[int]string{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if other, is := ids[p.ID]; is {
			t.Errorf("%q and %q have the same ID", p.Title, other)
		}
		ids[p.ID] = p.Title
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other, is := cells[cell]; is || cell[0] >= 24 {
					t.Fatalf("%q lies on %q, or outside", p.Title, other)
				}
				cells[cell] = p.Title
			}
		}
		if p.Type != "row" && (p.Title == "" || p.Description == "" || len(p.Targets) == 0) {
			t.Errorf("%q has no title, description or query", p.Title)
		}
		for _, q := range p.Targets {
			if q.Datasource != (source{"prometheus", "${datasource}"}) || q.Datasource != p.Datasource || q.Range == q.Instant {
				t.Errorf("%q asks %v for %s", p.Title, q.Datasource, q.Expr)
			}
		}
	}
	if len(d.queries()) < 30 {
		t.Errorf("there are only %d queries", len(d.queries()))
	}
}

// Two managers, one after another, have everything to report that a panel shows. What they report is read as Prometheus reads it, and each
// query is run by Prometheus' engine.
func TestEachPanelOfTheDashboardHasData(t *testing.T) {
	c := start(t)
	c.quietly(t, "apply", "--server-side", "--validate=strict", "-k", "default")
	c.kubectl(t, "wait", "--for=condition=Established", "--timeout=2m", "crd", "--all")
	args := append(arguments(c.deployment(t)), "--resync-interval=1s")
	first, second := process.FreeAddress(t), process.FreeAddress(t)
	r := newRecorder(first, second)

	killed := c.runManager(t, args, "--metrics-bind-address="+first)
	c.kubectl(t, "create", "namespace", "acme")
	stytch := c.fillIn(t, "acme")
	r.until(t, first, `stytch_drift_repairs_total\{kind="SAMLConnection",name="acme-okta",.*\} 0`)
	c.change(t, stytch, "samlconnection/acme-okta", map[string]any{"display_name": "Changed by somebody"})
	r.until(t, first, `stytch_drift_repairs_total\{kind="SAMLConnection",name="acme-okta",.*\} [1-9]`)
	c.trouble(t, stytch)
	r.until(t, first, `stytch_gate_waiting_turns [1-9]`, `stytch_drift_overdue_seconds [0-9.e-]*[1-9]`)
	killed.Kill(t)
	c.runManager(t, args, "--metrics-bind-address="+second)
	r.until(t, second, `stytch_fence_takeover_timestamp_seconds [1-9]`, `stytch_fence_renewal_age_seconds [0-9.e-]*[1-9]`,
		`stytch_manifest_deletion_timestamp_seconds\{.*reason="DeletionBlocked"`, `stytch_drift_check_overdue_timestamp_seconds\{`,
		`stytch_unclaimed_connections\{.*\} [1-9]`, `stytch_scim_token_rotation_start_timestamp_seconds\{`,
		`condition="Stalled",.*status="True"`, `controller_runtime_reconcile_errors_total\{controller="samlconnection"\} [1-9]`)
	for range 5 { // rates need more than one value
		r.scrape(t)
	}

	d := readDashboard(t)
	for name, chosen := range map[string]*strings.Replacer{
		"of all namespaces and kinds": strings.NewReplacer("$namespace", ".*", "$kind", ".*", "$__rate_interval", "5m"),
		"of two namespaces and their kinds": strings.NewReplacer("$namespace", "(acme|globex)", "$__rate_interval", "5m",
			"$kind", "(StytchProject|SCIMConnection|SAMLConnection|OIDCConnection|ExternalConnection)"),
	} {
		t.Run(name, func(t *testing.T) {
			if silent, said := r.ask(t, d.cases(chosen)); len(silent) > 0 {
				t.Errorf("these queries have no data: %s\n%s", strings.Join(silent, "\n"), said)
			}
		})
	}
	t.Run("and none of them has data where its metrics are missing", func(t *testing.T) {
		metric := regexp.MustCompile(`\b(stytch|controller|leader|process|go)_\w+`)
		cases := d.cases(strings.NewReplacer("$namespace", ".*", "$kind", ".*", "$__rate_interval", "5m"))
		for i := range cases {
			cases[i].expr = metric.ReplaceAllString(cases[i].expr, "${0}_of_another_program")
		}
		if silent, said := r.ask(t, cases); len(silent) != len(cases) {
			t.Errorf("%d of %d queries have no data:\n%s", len(silent), len(cases), said)
		}
	})
}

// change changes the connection of a manifest in Stytch.
func (c *cluster) change(t *testing.T, stytch *stytchsim.Sim, o string, fields map[string]any) {
	t.Helper()
	id := c.kubectl(t, "get", "-n", "acme", o, "-o", "jsonpath={.status.connectionID}")
	if _, err := stytch.PatchConnection(id, fields); err != nil {
		t.Fatal(err)
	}
}

// trouble brings about what the panels show, to the samples and in a second namespace: an expired token, a rotation, a connection that
// nobody claims, calls that fail, a manifest that cannot be applied, and a deletion that is blocked.
func (c *cluster) trouble(t *testing.T, stytch *stytchsim.Sim) {
	t.Helper()
	get := func(o, path string) string { return c.kubectl(t, "get", "-n", "acme", o, "-o", "jsonpath={"+path+"}") }
	c.change(t, stytch, "scimconnection/initech-scim", map[string]any{"bearer_token_expires_at": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)})
	c.kubectl(t, "annotate", "-n", "acme", "scimconnection/acme-scim", group+"/rotate-token="+get("scimconnection/acme-scim", ".status.bearerToken.lastFour"))
	c.kubectl(t, "wait", "-n", "acme", "--for=condition=Rotating", "--timeout=2m", "scimconnection/acme-scim")
	c.kubectl(t, "wait", "-n", "acme", `--for=jsonpath={.status.conditions[?(@.type=="ExpiringSoon")].reason}=Expired`, "--timeout=2m", "scimconnection/initech-scim")
	if _, err := stytch.AddConnection("acme", stytchsim.OIDC, map[string]any{"display_name": "Nobody's"}); err != nil {
		t.Fatal(err)
	}
	for _, fault := range []stytchsim.Fault{
		{Method: "GET", Path: "/v1/b2b/sso/" + get("oidcconnection/umbrella-oidc", ".status.organizationID"), Status: 503},
		{Method: "PUT", Path: "/v1/b2b/sso/saml/*/connections/" + get("samlconnection/hooli-google", ".status.connectionID"), Status: 503},
	} {
		if _, err := stytch.AddFault(fault); err != nil {
			t.Fatal(err)
		}
	}
	c.kubectl(t, "patch", "-n", "acme", "samlconnection/hooli-google", "--type=merge", "-p", `{"spec": {"displayName": "Never applied"}}`)
	c.blockForGood(t, get("stytchproject/default", ".spec.baseURL"))
}

// blockForGood makes a namespace in which a deletion is blocked, and a manifest of an organization that does not exist.
func (c *cluster) blockForGood(t *testing.T, url string) {
	t.Helper()
	c.kubectl(t, "create", "namespace", "globex")
	c.kubectl(t, "create", "-n", "globex", "secret", "generic", "stytch", "--from-literal=secret="+stytchsim.DefaultSecret)
	file := filepath.Join(t.TempDir(), "globex.yaml")
	write(t, file, fmt.Sprintf(`
apiVersion: connections.stytch-operator.dev/v1alpha1
kind: StytchProject
metadata: {name: default, namespace: globex}
spec: {projectID: %s, baseURL: "%s", secretRef: {name: stytch, key: secret}}
---
apiVersion: connections.stytch-operator.dev/v1alpha1
kind: SCIMConnection
metadata: {name: leaves, namespace: globex}
spec: {organization: acme-partner, deletionPolicy: Delete, bearerToken: {secretName: leaves}}
---
apiVersion: connections.stytch-operator.dev/v1alpha1
kind: SCIMConnection
metadata: {name: nowhere, namespace: globex}
spec: {organization: nowhere, bearerToken: {secretName: nowhere}}
`, stytchsim.DefaultProjectID, url))
	c.quietly(t, "apply", "--validate=strict", "-f", file)
	c.kubectl(t, "wait", "-n", "globex", "--for=condition=Ready", "--timeout=2m", "scimconnection/leaves")
	c.kubectl(t, "wait", "-n", "globex", "--for=condition=Stalled", "--timeout=2m", "scimconnection/nowhere")
	c.kubectl(t, "delete", "-n", "globex", "secret", "stytch")
	c.kubectl(t, "delete", "-n", "globex", "--wait=false", "scimconnection/leaves")
}

// recorder has what was read of metrics, each value with the second in which it was read.
type recorder struct {
	instances []string
	began     time.Time
	rounds    int                       // seconds since began of the last round
	values    map[string]map[int]string // by series
	last      map[string]map[string]bool
}

func newRecorder(instances ...string) *recorder {
	return &recorder{instances: instances, began: time.Now().Truncate(time.Second), rounds: -1, values: map[string]map[int]string{}, last: map[string]map[string]bool{}}
}

// until reads the metrics until those of an instance match all patterns, each at some time.
func (r *recorder) until(t *testing.T, instance string, patterns ...string) {
	t.Helper()
	missing := slices.Clone(patterns)
	if !process.Eventually(t, func() bool {
		page := r.scrape(t)[instance]
		missing = slices.DeleteFunc(missing, func(pattern string) bool { return regexp.MustCompile(`(?m)^.*` + pattern).MatchString(page) })
		return len(missing) == 0
	}) {
		t.Fatalf("the metrics have no %q:\n%s", missing, r.scrape(t)[instance])
	}
}

// scrape reads the metrics of all instances, once in a second, as a Prometheus of the PodMonitor does: with the labels that the metrics have
// themselves, and with those of the pod. What is not there any more is stale.
func (r *recorder) scrape(t *testing.T) map[string]string {
	t.Helper()
	time.Sleep(time.Until(r.began.Add(time.Duration(r.rounds+1) * time.Second)))
	r.rounds = int(time.Since(r.began) / time.Second)
	pages := map[string]string{}
	for _, instance := range r.instances {
		_, pages[instance] = scrape(t, "http://"+instance+"/metrics", "")
		before := r.last[instance]
		r.last[instance] = map[string]bool{}
		for line := range strings.Lines(pages[instance]) {
			end := strings.LastIndex(line, " ")
			if strings.HasPrefix(line, "#") || !strings.HasPrefix(pages[instance], "#") {
				continue
			}
			series := labeled(line[:end], instance)
			r.last[instance][series] = true
			r.keep(series, strings.TrimSpace(line[end:]))
		}
		for series := range before {
			if !r.last[instance][series] {
				r.keep(series, "stale")
			}
		}
	}
	return pages
}

func (r *recorder) keep(series, value string) {
	if r.values[series] == nil {
		r.values[series] = map[int]string{}
	}
	r.values[series][r.rounds] = value
}

// labeled is a series with the labels that Prometheus adds.
func labeled(series, instance string) string {
	name, labels, _ := strings.Cut(strings.TrimSuffix(series, "}"), "{")
	all := []string{labels, fmt.Sprintf("job=%q, instance=%q, pod=%q", home+"/"+manager, instance, "pod-of-"+instance)}
	if labels == "" {
		all = all[1:]
	}
	if !strings.Contains(labels, `namespace="`) {
		all = append(all, fmt.Sprintf("namespace=%q", home))
	}
	return name + "{" + strings.Join(all, ", ") + "}"
}

// question is a query that should have data, at the end or, if a panel shows its course, at some time.
type question struct {
	expr   string
	course bool
}

// cases are the questions of all panels, and of the variables, with the variables set.
func (d dashboard) cases(set *strings.Replacer) []question {
	var all []question
	for _, q := range d.queries() {
		all = append(all, question{set.Replace(q.Expr), q.Range})
	}
	for _, v := range d.Templating.List {
		if found := regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`).FindStringSubmatch(v.Definition); found != nil {
			all = append(all, question{fmt.Sprintf("%s{%s!=\"\"}", found[1], found[2]), false})
		}
	}
	return all
}

// ask has Prometheus' engine run queries on what was recorded. It returns those without a value other than 0, and what promtool says.
func (r *recorder) ask(t *testing.T, questions []question) (silent []string, said string) {
	t.Helper()
	var series, tests []map[string]any
	for _, name := range slices.Sorted(maps.Keys(r.values)) {
		series = append(series, map[string]any{"series": name, "values": r.course(name)})
	}
	asked := map[string]string{}
	for _, q := range questions {
		expr := "abs(" + q.expr + ")"
		if q.course {
			step := "1s"
			if strings.Contains(expr, "rate(") || strings.Contains(expr, "increase(") {
				step = "5s" // promtool would refuse to compute more
			}
			expr = "max_over_time(" + expr + "[1h:" + step + "])"
		}
		expr = "count(" + expr + " > 0) > bool 0"
		asked[expr] = q.expr
		tests = append(tests, map[string]any{
			"expr": expr, "eval_time": fmt.Sprintf("%ds", r.rounds), "exp_samples": []map[string]any{{"labels": "{}", "value": 1}},
		})
	}
	text, err := yaml.Marshal(map[string]any{"evaluation_interval": "1s", "tests": []map[string]any{{
		"start_timestamp": r.began.UTC().Format(time.RFC3339), "interval": "1s", "input_series": series, "promql_expr_test": tests,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dashboard_test.yaml")
	write(t, file, string(text))
	program := cmp.Or(os.Getenv("PROMTOOL"), filepath.Join("..", "bin", "tools", "promtool"))
	out, err := exec.CommandContext(t.Context(), program, "test", "rules", file).CombinedOutput()
	for expr, of := range asked {
		if strings.Contains(string(out), fmt.Sprintf("expr: %q,", expr)) {
			silent = append(silent, of)
		}
	}
	if (err == nil) != (len(silent) == 0) {
		t.Fatalf("promtool, which make tools builds: %v\n%s", err, out)
	}
	return silent, string(out)
}

// course are the values of a series as promtool reads them.
func (r *recorder) course(series string) string {
	var text strings.Builder
	for at := range r.rounds + 1 {
		text.WriteString(cmp.Or(r.values[series][at], "_") + " ")
	}
	return text.String()
}

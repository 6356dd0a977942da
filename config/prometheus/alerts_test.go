// Package prometheus_test shows that each alert fires, and that it does not fire without a cause.
package prometheus_test

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// rules is a file of rules as Prometheus reads it.
type (
	rules struct{ Groups []group }
	group struct {
		Name  string
		Rules []struct{ Alert, Expr string }
	}
)

// cases is a file of tests as promtool reads it.
type cases struct {
	Tests []struct {
		Cases []struct {
			Alertname string
			Expected  []any `json:"exp_alerts"`
		} `json:"alert_rule_test"`
	}
}

func TestEachAlertFiresAndDoesNotFireAsItShould(t *testing.T) {
	promtool(t, true, "test", "rules", "alerts_test.yaml", "alerts_days_test.yaml")
	var all rules
	read(t, "alerts.yaml", &all)
	fires, rests := map[string]bool{}, map[string]bool{}
	for _, file := range []string{"alerts_test.yaml", "alerts_days_test.yaml"} {
		var tests cases
		read(t, file, &tests)
		for _, test := range tests.Tests {
			for _, c := range test.Cases {
				fires[c.Alertname] = fires[c.Alertname] || len(c.Expected) > 0
				rests[c.Alertname] = rests[c.Alertname] || len(c.Expected) == 0
			}
		}
	}
	for _, g := range all.Groups {
		for _, r := range g.Rules {
			if !fires[r.Alert] || !rests[r.Alert] {
				t.Errorf("%s: it is shown to fire: %t, and not to fire: %t", r.Alert, fires[r.Alert], rests[r.Alert])
			}
		}
	}
	if len(fires) < 12 {
		t.Errorf("only %d alerts are tested", len(fires))
	}
}

func TestTheRulesAreFreeOfWhatPromtoolWarnsOf(t *testing.T) {
	promtool(t, true, "check", "rules", "--lint=all", "--lint-fatal", "alerts.yaml")
}

// An alert that does not fire any more is seen by promtool.
func TestAnAlertWithAnotherThresholdIsSeen(t *testing.T) {
	dir := t.TempDir()
	for file, change := range map[string]*strings.Replacer{"alerts.yaml": strings.NewReplacer("> 15 * 60", "> 16 * 3600"), "alerts_test.yaml": strings.NewReplacer()} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(change.Replace(string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out := promtool(t, false, "test", "rules", filepath.Join(dir, "alerts_test.yaml")); !strings.Contains(out, "StytchManifestNotReady") {
		t.Errorf("promtool says\n%s", out)
	}
}

func TestThePrometheusRuleHasTheRulesOfTheFile(t *testing.T) {
	var file map[string]any
	read(t, "alerts.yaml", &file)
	var object struct{ Spec map[string]any }
	read(t, "prometheusrule.yaml", &object)
	if !reflect.DeepEqual(object.Spec, file) {
		t.Error("prometheusrule.yaml differs from alerts.yaml: run make manifests")
	}
}

// promtool runs the pinned promtool, and returns what it says.
func promtool(t *testing.T, succeeds bool, args ...string) string {
	t.Helper()
	program := cmp.Or(os.Getenv("PROMTOOL"), filepath.Join("..", "..", "bin", "tools", "promtool"))
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("%v: run make test, make tools, or set PROMTOOL", err)
	}
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if (err == nil) != succeeds {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

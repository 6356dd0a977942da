package docs_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	rulesFile     = "config/prometheus/alerts.yaml"
	dashboardFile = "config/grafana/stytch-operator.json"
)

// Every alert has a section of its own on the page of alerts and a row in its table, which names its severity; and there is no other.
func TestEveryAlertHasARunbook(t *testing.T) {
	page, rules := read(t, "docs/alerts.md"), read(t, rulesFile)
	alerts := regexp.MustCompile(`(?m)^  - alert: (\w+)\n(?:.*\n)*?    labels: \{severity: (\w+)\}\n(?:.*\n)*?      runbook_url: (\S+)$`).FindAllStringSubmatch(rules, -1)
	if count := strings.Count(rules, "- alert: "); count != len(alerts) || count < 12 {
		t.Fatalf("%d alerts, and %d with severity and runbook", count, len(alerts))
	}
	var names []string
	for _, alert := range alerts {
		name, severity, url := alert[1], alert[2], alert[3]
		names = append(names, "## "+name)
		anchor := strings.ToLower(name)
		if want := "https://github.com/stytch-operator/stytch-operator/blob/main/docs/alerts.md#" + anchor; url != want {
			t.Errorf("%s: the runbook is %s, want %s", name, url, want)
		}
		if row := "| [`" + name + "`](#" + anchor + ") | " + severity + " |"; !strings.Contains(page, row) {
			t.Errorf("docs/alerts.md has no row that begins %s", row)
		}
		if !leads(t, "docs/alerts.md", "#"+anchor) {
			t.Errorf("docs/alerts.md has no section about %s", name)
		}
	}
	if unknown := onlyIn(regexp.MustCompile(`(?m)^## Stytch\w+$`).FindAllString(page, -1), names); len(unknown) > 0 {
		t.Errorf("docs/alerts.md explains alerts that do not exist: %v", unknown)
	}
}

// Every metric that an alert or a panel of the dashboard names is in the list of operations.md, whose names
// TestFlagsMetricsAndAnnotationsOfThePagesExist holds to the code, with the labels that the alert selects and groups by.
func TestTheMetricsOfAlertsAndPanelsAreInTheList(t *testing.T) {
	list := section(t, read(t, "docs/operations.md"), "## Metrics")
	for _, expr := range matches(t, []string{rulesFile}, `(?m)^    expr: (.*)$`) {
		if listed(t, list, expr) == 0 {
			t.Errorf("no metric of the operator in %s", expr)
		}
	}
	metrics := 0
	for _, expr := range matches(t, []string{dashboardFile}, `"expr": "((?:[^"\\]|\\.)*)"`) {
		expr = strings.ReplaceAll(expr, `\"`, `"`)
		// Metrics of other origin are those of the operator's processes by this.
		metrics += listed(t, list, strings.ReplaceAll(expr, " and on (job, instance) stytch_fence_renewal_age_seconds", ""))
	}
	if metrics < 25 {
		t.Errorf("only %d metrics of the operator are on the dashboard", metrics)
	}
}

// listed holds the metrics of an expression to their rows in the list, and returns how many they are.
func listed(t *testing.T, list, expr string) int {
	t.Helper()
	metrics := regexp.MustCompile(`\bstytch_\w+`).FindAllString(expr, -1)
	for _, metric := range metrics {
		metric = regexp.MustCompile("_(bucket|sum|count)$").ReplaceAllString(metric, "") // of a histogram
		_, row, found := strings.Cut(list, "| `"+metric+"` |")
		row, _, _ = strings.Cut(row, "\n")
		if !found {
			t.Errorf("docs/operations.md does not list %s, which is in %s", metric, expr)
		}
		for _, label := range labelsIn(expr) {
			if !strings.Contains(row, "`"+label+"`") && label != "instance" && label != "le" { // which Prometheus adds
				t.Errorf("%s has no label %s: %s", metric, label, expr)
			}
		}
	}
	return len(metrics)
}

// labelsIn are the labels that an expression selects and groups by.
func labelsIn(expr string) []string {
	var labels []string
	for _, by := range regexp.MustCompile(`\bby \(([^)]*)\)`).FindAllStringSubmatch(expr, -1) {
		labels = append(labels, strings.Split(by[1], ", ")...)
	}
	for _, matcher := range regexp.MustCompile(`(\w+)(?:=~|!~|!=|=)"`).FindAllStringSubmatch(expr, -1) {
		labels = append(labels, matcher[1])
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

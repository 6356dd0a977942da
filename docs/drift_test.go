package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// Numbers that pages state, with the constant that they come from. Where a constant changes, its row and its pages change with it.
func TestTheNumbersOfThePagesAreThoseOfTheCode(t *testing.T) {
	for _, c := range []struct{ page, says, dir, name, value string }{
		{"docs/operations.md", "5 calls a second in bursts of 10", "internal/stytch", "defaultPerSecond", "5"},
		{"docs/operations.md", "5 calls a second in bursts of 10", "internal/stytch", "defaultBurst", "10"},
		{"docs/operations.md", "at most 32 manifests of a kind at a time", "controllers", "workers", "32"},
		{"docs/operations.md", "At most 10 calls of a project are in flight at once", "internal/stytch", "maxInFlight", "10"},
		{"docs/operations.md", "at most 2 of them make Stytch fetch a document", "internal/stytch", "maxFetches", "2"},
		{"docs/operations.md", "at most for 5 minutes", "internal/stytch", "maxRetryAfter", "5 * time.Minute"},
		{"docs/operations.md", "A list that failed is retried after 2 seconds, with a delay that doubles up to 5 minutes", "internal/stytch", "minBackoff", "2 * time.Second"},
		{"docs/operations.md", "A list that failed is retried after 2 seconds, with a delay that doubles up to 5 minutes", "internal/stytch", "maxBackoff", "5 * time.Minute"},
		{"docs/operations.md", "is retried after 1 second, with a delay that doubles up to 5 minutes", "controllers", "firstRetry", "time.Second"},
		{"docs/operations.md", "is retried after 1 second, with a delay that doubles up to 5 minutes", "controllers", "lastRetry", "5 * time.Minute"},
		{"docs/operations.md", "A call times out after 30 seconds, a creation after 12", "internal/stytch", "defaultTimeout", "30 * time.Second"},
		{"docs/operations.md", "A call times out after 30 seconds, a creation after 12", "controllers", "creationTime", "12 * time.Second"},
		{"docs/operations.md", "at most 64, cut at 256 characters", "internal/connection", "maxPlan", "64"},
		{"docs/operations.md", "at most 64, cut at 256 characters", "internal/connection", "maxShown", "256"},
		{"docs/operations.md", "the manager has 28 seconds to finish", "cmd/manager", "gracefulTime", "28 * time.Second"},
		{"docs/operations.md", "for up to 22 seconds", "cmd/manager", "keepTime", "22 * time.Second"},
		{"docs/operations.md", "began less than 10 seconds ago", "cmd/manager", "renewDeadline", "10 * time.Second"},
		{"docs/operations.md", "Other managers take the lease after 15 seconds", "cmd/manager", "leaseDuration", "15 * time.Second"},
		{"docs/operations.md", "only after 60 seconds", "internal/connection", "SettleTime", "60 * time.Second"},
		{"docs/install.md", "It uses up to 28 of them", "cmd/manager", "gracefulTime", "28 * time.Second"},
		{"docs/security.md", "are cut at 200 characters", "internal/stytch", "maxMessage", "200"},
		{"docs/security.md", "Retry-After counts for at most 5 minutes", "internal/stytch", "maxRetryAfter", "5 * time.Minute"},
		{"docs/security.md", "at most 10 calls in flight; 1 list per organization in 10 seconds", "internal/stytch", "maxInFlight", "10"},
		{"docs/security.md", "at most 2 such calls at once", "internal/stytch", "maxFetches", "2"},
		{"docs/samlconnection.md", "1 to 5 certificates, all entries together", "internal/connection", "maxCertificates", "5"},
		{"docs/scimconnection.md", "that were handled for this token, at most 8", "internal/connection", "maxHandled", "8"},
		{"docs/rotation.md", "At most 64 characters", "internal/connection", "longestRequest", "64"},
		{"docs/samlconnection.md", "for 90 seconds after it was sent", "internal/connection", "addingTime", "30 * time.Second"}, // and SettleTime
		{"docs/conditions.md", "Within two minutes", "internal/connection", "startTime", "15 * time.Second"},                    // and SettleTime
	} {
		if !strings.Contains(unwrapped(read(t, c.page)), c.says) {
			t.Errorf("%s does not say %q any more", c.page, c.says)
		}
		if value := constantIn(t, c.dir, c.name); value != c.value {
			t.Errorf("%s in %s is %q, and %s says %q, which is %q", c.name, c.dir, value, c.page, c.says, c.value)
		}
	}
}

// unwrapped is a text in one line.
func unwrapped(text string) string { return strings.Join(strings.Fields(text), " ") }

// constantIn is the expression of a constant that is declared below a directory; empty where there is none.
func constantIn(t *testing.T, dir, name string) string {
	t.Helper()
	var value string
	for _, file := range sources(t, dir) {
		ast.Inspect(parse(t, file), func(node ast.Node) bool {
			if spec, is := node.(*ast.ValueSpec); is && len(spec.Values) == len(spec.Names) {
				for i, declared := range spec.Names {
					if declared.Name == name {
						value = types.ExprString(spec.Values[i])
					}
				}
			}
			return true
		})
	}
	return value
}

// parse is a file of Go, by its path from the top.
func parse(t *testing.T, name string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(top, name), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestThePodLivesAsLongAsInstallSays(t *testing.T) {
	seconds := matches(t, []string{"config/manager/deployment.yaml"}, `terminationGracePeriodSeconds: (\d+)`)
	if text := unwrapped(read(t, "docs/install.md")); !strings.Contains(text, "The old pod has "+seconds[0]+" seconds.") {
		t.Errorf("docs/install.md does not say that a pod has %s seconds to stop", seconds[0])
	}
}

func TestTheDefaultsOfFlagsAreThoseOfTheManager(t *testing.T) {
	page := read(t, "docs/operations.md")
	for _, c := range []struct{ flag, code, cell string }{
		{"resync-interval", "10 * time.Minute", "`10m`"},
		{"expiry-warning", "30 * 24 * time.Hour", "`720h`"},
		{"namespaces", `""`, "all"},
		{"allowed-base-url-hosts", `""`, "none"},
		{"require-send-label", "false", "off"},
		{"allow-insecure-loopback", "false", "off"},
		{"leader-elect", "true", "on"},
		{"leader-election-namespace", `""`, "the manager's own"},
		{"metrics-bind-address", `":8080"`, "`:8080`"},
		{"metrics-secure", "false", "off"},
		{"metrics-cert-dir", `""`, "none"},
		{"health-probe-bind-address", `":8081"`, "`:8081`"},
		{"audit-annotations", `""`, "none"},
		{"log-format", `"text"`, "`text`"},
		{"log-level", "slog.LevelInfo", "`INFO`"},
	} {
		if value := defaultOf(t, c.flag); value != c.code {
			t.Errorf("the default of --%s is %s, and docs/operations.md says %s, which is %s", c.flag, value, c.cell, c.code)
		}
		if row := fmt.Sprintf("| `--%s` | %s |", c.flag, c.cell); !strings.Contains(page, row) {
			t.Errorf("docs/operations.md has no row that begins %s", row)
		}
	}
}

// defaultOf is the expression of a flag's default: it follows the flag's name.
func defaultOf(t *testing.T, flag string) string {
	t.Helper()
	var value string
	for _, file := range sources(t, "cmd/manager") {
		ast.Inspect(parse(t, file), func(node ast.Node) bool {
			if call, is := node.(*ast.CallExpr); is && len(call.Args) == 4 && types.ExprString(call.Args[1]) == fmt.Sprintf("%q", flag) {
				value = types.ExprString(call.Args[2])
			}
			return true
		})
	}
	return value
}

// What pages name and the code has under this very name: the other way round, TestWhatAUserCanMeetIsExplained holds it.
func TestFlagsMetricsAndAnnotationsOfThePagesExist(t *testing.T) {
	texts := pages(t)
	for _, sample := range walk(t, "config/samples", ".yaml") {
		texts[sample] = read(t, sample)
	}
	for _, c := range []struct {
		what, pattern string
		exist         []string
	}{
		{"flag", "`--([a-z-]+)", slices.Concat(
			matches(t, sources(t, "cmd/manager"), `\.\w*Var\(&o\.\w+, "([a-z-]+)"`), matches(t, sources(t, "cmd/kubectl-stytch"), flagOfPlugin))},
		{"metric", `\b(stytch_[a-z_]+[a-z])\b`, slices.Concat(
			matches(t, sources(t, "internal/stytch"), `Name:\s+"(\w+)"`), matches(t, sources(t, "internal/fence"), `Name:\s+"(\w+)"`),
			matches(t, sources(t, "cmd/manager"), `Name:\s+"(\w+)"`), matches(t, sources(t, "controllers"), `NewDesc\("(\w+)"`))},
		{
			"annotation, label or finalizer", `connections\.stytch-operator\.dev/([a-z-]+)\b(?:[^0-9]|$)`,
			slices.Concat(
				matches(t, sources(t, "api/v1alpha1"), `= "connections\.stytch-operator\.dev/([a-z-]+)"`),
				matches(t, sources(t, "config/crd"), `= "connections\.stytch-operator\.dev/([a-z-]+)"`)),
		},
	} {
		for name, text := range texts {
			for _, found := range regexp.MustCompile(c.pattern).FindAllStringSubmatch(text, -1) {
				if !slices.Contains(c.exist, found[1]) {
					t.Errorf("%s names the %s %s, which does not exist", name, c.what, found[1])
				}
			}
		}
	}
}

func TestEveryAnnotationOfAManifestIsKnownAndNotMentionedAsUnknown(t *testing.T) {
	known := append(v1alpha1.ManifestAnnotations(), v1alpha1.AnnotationProved, v1alpha1.AnnotationTemplateKeys) // which are on Secrets and ConfigMaps
	for _, name := range matches(t, sources(t, "api/v1alpha1"), `Annotation\w+ = "([^"]*[^/"])"`) {
		if !slices.Contains(known, name) {
			t.Errorf("v1alpha1.ManifestAnnotations lacks %s", name)
		}
	}
}

func TestTheEventsOfOperationsExist(t *testing.T) {
	var named []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllStringSubmatch(section(t, read(t, "docs/operations.md"), "## Events"), -1) {
		named = append(named, row[1])
	}
	if unknown := onlyIn(named, events(t)); len(unknown) > 0 || len(named) == 0 {
		t.Errorf("docs/operations.md explains events that do not exist: %v", unknown)
	}
}

func TestTheDemoHasAsManyStepsAsIsSaid(t *testing.T) {
	words := []string{10: "ten", 11: "eleven", 12: "twelve", 13: "thirteen", 14: "fourteen", 15: "fifteen"}
	steps := stepsOfTheDemo(t)
	if steps < 10 || steps >= len(words) {
		t.Fatalf("the demo has %d steps, and this test knows the words from ten to fifteen", steps)
	}
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "Makefile"} {
		for _, said := range matches(t, []string{name}, `\b(\d+|`+strings.Join(words[10:], "|")+`) steps\b`) {
			if said != fmt.Sprint(steps) && said != words[steps] {
				t.Errorf("%s says that the demo has %s steps, and it has %d", name, said, steps)
			}
		}
	}
}

// stepsOfTheDemo is how many steps the story's list has.
func stepsOfTheDemo(t *testing.T) int {
	t.Helper()
	count := 0
	ast.Inspect(parse(t, "hack/demo/story.go"), func(node ast.Node) bool {
		if list, is := node.(*ast.CompositeLit); is && list.Type != nil && types.ExprString(list.Type) == "[]step" {
			count = len(list.Elts)
		}
		return true
	})
	return count
}

// The floors of the bench are written in n connections and m organizations.
func TestTheCallsOfOperationsAreTheFloorsOfTheBench(t *testing.T) {
	page := unwrapped(read(t, "docs/operations.md"))
	for _, c := range []struct{ phase, floor, says string }{
		{"cold, %d SAML in %d organizations", "2 * n + m + 1", "1,000 SAML connections in 100 organizations, specified by their IDs, need 2,101 calls"},
		{"drift check, one interval", "m", "After that they need 100 calls per interval"},
	} {
		if floor := floorOf(t, c.phase); floor != c.floor {
			t.Errorf("the bench demands %q calls of the phase %q, and docs/operations.md says %q, which is %q", floor, c.phase, c.says, c.floor)
		}
		if !strings.Contains(page, c.says) {
			t.Errorf("docs/operations.md does not say %q any more", c.says)
		}
	}
}

// floorOf is the expression of how many calls the bench demands of a phase.
func floorOf(t *testing.T, phase string) string {
	t.Helper()
	var floor string
	for _, file := range sources(t, "hack/bench") {
		ast.Inspect(parse(t, file), func(node ast.Node) bool {
			row, is := node.(*ast.CompositeLit)
			if !is || len(row.Elts) < 2 || !strings.Contains(types.ExprString(row.Elts[0]), fmt.Sprintf("%q", phase)) {
				return true
			}
			if values, is := row.Elts[1].(*ast.CompositeLit); is && len(values.Elts) > 0 {
				if calls, is := values.Elts[0].(*ast.KeyValueExpr); is {
					floor = types.ExprString(calls.Value)
				}
			}
			return true
		})
	}
	return floor
}

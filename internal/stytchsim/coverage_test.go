package stytchsim

import (
	"os"
	"strings"
	"testing"
)

func TestTheCommittedCoverageIsThatOfTheRoutes(t *testing.T) {
	committed, err := os.ReadFile("coverage.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(committed) != Coverage() {
		t.Error("coverage.md is not what the routes say: make generate")
	}
}

// Source: openapi. A route that is no operation of the API would be an invention.
func TestEveryRouteIsAnOperationOfTheAPI(t *testing.T) {
	known := map[string]int{}
	for _, group := range apiGroups() {
		for _, op := range group.operations {
			known[op.method+" "+op.path]++
		}
	}
	for key, times := range known {
		if times > 1 {
			t.Errorf("%s is in the list %d times", key, times)
		}
	}
	for _, r := range routes() {
		if known[r.method+" "+r.pattern] == 0 {
			t.Errorf("%s (%s) is no operation of the API", r.operation, r.method+" "+r.pattern)
		}
		if asks := strings.Contains(r.pattern, "/sso/") || strings.Contains(r.pattern, "/scim/"); asks != (r.needs != right{}) {
			t.Errorf("%s asks a member's session for %+v", r.operation, r.needs)
		}
		if !strings.Contains(Coverage(), "| `"+r.operation+"` |\n") {
			t.Errorf("%s is not in the table", r.operation)
		}
	}
}

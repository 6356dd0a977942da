package oidc_test

import (
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/oidc"
)

func FuzzDiscovered(f *testing.F) {
	f.Add("https://a", "https://a/t", "", "https://b")
	f.Add("\xff", strings.Repeat("x", 5000), "https://mine", " ")
	f.Fuzz(func(t *testing.T, issuer, found, given, drifted string) {
		if issuer == "" {
			return
		}
		kind, o, r := oidc.Kind(), OIDCManifest(), OIDCRemote()
		o.Spec.Issuer, o.Spec.TokenURL = issuer, given
		r.Issuer, r.TokenURL = issuer, found
		if given != "" {
			r.TokenURL = given
		}
		Learn(kind, o, r, r, nil, Noon)
		plan, problems := PlanFor(kind, o, r, OIDCInputs(ClientSecret))
		NoSteps(t, plan)
		Same(t, "problems", problems, []connection.Problem(nil))

		wanted := given
		if given == "" && len(found) <= 4096 {
			wanted = found
		}
		r.TokenURL = drifted
		plan, _ = PlanFor(kind, o, r, OIDCInputs(ClientSecret))
		if repaired := connection.Names(plan) == "token_url"; repaired != (wanted != "" && drifted != wanted) {
			t.Fatalf("%q turned into %q: %s", wanted, drifted, Story(plan))
		}
	})
}

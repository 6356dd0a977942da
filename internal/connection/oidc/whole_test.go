package oidc_test

import (
	"math/rand"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
)

func TestAnyOIDCConnectionBecomesWhatItsManifestSays(t *testing.T) {
	t.Parallel()
	for seed := range int64(400) {
		random := rand.New(rand.NewSource(seed))
		s, beside := AnyOIDC(random)
		for range 5 {
			EditOIDC(random, s.Held, beside)
			becomesOIDC(t, s, seed)
			s.Remote.Drift(random)
			becomesOIDC(t, s, seed)
		}
	}
}

// becomesOIDC fails the test where passes do not end as they should: equal, or with a discovery that failed.
func becomesOIDC(t *testing.T, s *oidcStage, seed int64) {
	t.Helper()
	out := s.Settle(t)
	o := s.Held
	if reason, message := connection.Worst(out.Problems); reason != "" {
		Same(t, "the reason", reason, v1alpha1.ReasonDiscoveryFailed)
		Contains(t, message, o.Spec.Issuer)
	} else {
		for _, p := range out.Problems {
			if !strings.Contains(p.Message, "These endpoints are not managed") && !strings.Contains(p.Message, "starts or ends with white space") {
				t.Fatalf("seed %d: %s", seed, message)
			}
		}
	}
	out.Problems = nil
	s.Equal(t, seed, out)
	is, spec := s.Remote.Document, o.Spec
	for _, side := range []struct{ what, desired, is string }{
		{"client ID", spec.ClientID, is.ClientID},
		{"issuer", spec.Issuer, is.Issuer},
		{"authorization URL", spec.AuthorizationURL, is.AuthorizationURL},
		{"token URL", spec.TokenURL, is.TokenURL},
		{"userinfo URL", spec.UserinfoURL, is.UserinfoURL},
		{"JWKS URL", spec.JWKSURL, is.JWKSURL},
	} {
		if side.desired != "" && side.desired != side.is {
			t.Fatalf("seed %d: the %s is %s, want %s", seed, side.what, side.is, side.desired)
		}
	}
	if d := o.Status.Discovered; d != nil {
		for url, is := range map[string]string{d.AuthorizationURL: is.AuthorizationURL, d.TokenURL: is.TokenURL, d.UserinfoURL: is.UserinfoURL, d.JWKSURL: is.JWKSURL} {
			if url != "" && url != is {
				t.Fatalf("seed %d: %s was discovered and %s is there", seed, url, is)
			}
		}
	}
	if spec.ClientSecretRef != nil && is.ClientSecret != strings.TrimRight(string(s.Inputs().Secrets["entra"].Data["client-secret"]), "\n") {
		t.Fatalf("seed %d: the client secret is %q", seed, is.ClientSecret)
	}
	if spec.DetailsConfigMapName != "" {
		Same(t, "the details", s.Remote.Details, map[string]string{"redirect-url": RedirectURL})
	}
}

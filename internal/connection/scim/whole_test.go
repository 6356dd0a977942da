package scim_test

import (
	"math/rand"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func TestAnySCIMConnectionBecomesWhatItsManifestSays(t *testing.T) {
	t.Parallel()
	for seed := range int64(400) {
		random := rand.New(rand.NewSource(seed))
		remote := AnyRemote(random)
		remote.Token, remote.Secret = RemoteToken{LastFour: "wxyz"}, SecretWith(SCIMID, "some-token-wxyz").Secrets["acme-scim"]
		s := NewSCIM(random, remote)
		for range 4 {
			s.Held.Spec = RandomSCIM(random).Spec
			if len(s.Held.Spec.GroupImplicitRoles) > 0 {
				s.Held.Spec.GroupImplicitRoles = append(s.Held.Spec.GroupImplicitRoles,
					v1alpha1.SCIMGroupRole{GroupName: Pick(random, "Engineering", "Ops", "Contractors"), Role: "viewer"},
					v1alpha1.SCIMGroupRole{GroupName: Pick(random, "Engineering", "Ops"), Role: "editor"})
			}
			for range 3 {
				remote.Groups = Among(random, []stytch.SCIMGroup{{ID: "g1", Name: "Engineering"}, {ID: "g3", Name: "Ops"}, {ID: "g4", Name: "Ops"}, {ID: "g5", Name: "Finance"}}, 0, 4)
				out := s.Settle(t)
				if reason, _ := connection.Worst(out.Problems); reason == v1alpha1.ReasonGroupsPending || reason == v1alpha1.ReasonInvalid {
					out.Problems = nil
				}
				s.Equal(t, seed, out)
				remote.Drift(random)
			}
		}
	}
}

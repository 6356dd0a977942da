package external_test

import (
	"math/rand"
	"testing"

	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
)

func TestAnyExternalConnectionBecomesWhatItsManifestSays(t *testing.T) {
	t.Parallel()
	for seed := range int64(200) {
		random := rand.New(rand.NewSource(seed))
		s := AnyExternal(random, Maybe(random))
		for range 4 {
			EditExternal(random, s.Held)
			s.Equal(t, seed, s.Settle(t))
			s.Remote.Drift(random)
			s.Equal(t, seed, s.Settle(t))
		}
	}
}

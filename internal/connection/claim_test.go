package connection_test

import (
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
)

func TestTheHolderIsByStatusThenByRecordThenByNameThenElderThenOfTheSmallerUID(t *testing.T) {
	early, late := Noon, Noon.Add(time.Second)
	// Each claim counts before all that follow it.
	order := []connection.Claim{
		{Name: "status-early-a", Rank: connection.RankStatus, Created: early, UID: "a"},
		{Name: "status-early-b", Rank: connection.RankStatus, Created: early, UID: "b"},
		{Name: "status-late-a", Rank: connection.RankStatus, Created: late, UID: "a"},
		{Name: "record-early-a", Rank: connection.RankRecord, Created: early, UID: "a"},
		{Name: "record-late-a", Rank: connection.RankRecord, Created: late, UID: "a"},
		{Name: "named-early-a", Rank: connection.RankNamed, Created: early, UID: "a"},
		{Name: "named-early-b", Rank: connection.RankNamed, Created: early, UID: "b"},
		{Name: "named-late-a", Rank: connection.RankNamed, Created: late, UID: "a"},
	}
	random := rand.New(rand.NewSource(3))
	for first := range order {
		for range 50 {
			claims := slices.Clone(order[first:])
			random.Shuffle(len(claims), func(i, j int) { claims[i], claims[j] = claims[j], claims[i] })
			holder, found := connection.Holder(claims)
			if !found || holder.Name != order[first].Name {
				t.Fatalf("of %+v the holder is %q, want %q", claims, holder.Name, order[first].Name)
			}
		}
	}
}

func TestNobodyHoldsWhatNobodyClaims(t *testing.T) {
	if holder, found := connection.Holder(nil); found {
		t.Errorf("%+v holds what nobody claims", holder)
	}
}

func TestAHolderIsNamedOnlyWithinItsNamespace(t *testing.T) {
	claim := connection.Claim{Namespace: "acme", Name: "secret-customer", UID: "uid-of-it"}
	Same(t, "in its namespace", claim.Describe("acme"), "manifest secret-customer")
	elsewhere := claim.Describe("other")
	Lacks(t, elsewhere, claim.Name, claim.Namespace, string(claim.UID))
	Contains(t, elsewhere, "another namespace")
}

func TestAClaimCountsInOneProjectAndOrganizationAlone(t *testing.T) {
	const project, organization = "project-test-1", "organization-test-11111111-1111-4111-8111-111111111111"
	for name, c := range map[string]struct {
		project, organization string
		want                  bool
	}{
		"where nobody knows yet": {want: true},
		"there":                  {project, organization, true},
		"in another project":     {"project-test-2", organization, false},
		"in another organization": {
			project, "organization-test-22222222-2222-4222-8222-222222222222", false,
		},
	} {
		o := SAMLManifest()
		o.Status.ConnectionID, o.Status.ProjectID, o.Status.OrganizationID = SAMLID, c.project, c.organization
		Same(t, name, connection.Counts(o, project, organization), c.want)
	}
}

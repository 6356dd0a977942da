package connection

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Rank is how much a claim counts: the smallest does.
type Rank int

// Ranks of claims.
const (
	RankStatus Rank = iota // status has the ID
	RankRecord             // the manifest's own annotation has it, and status has none
	RankNamed              // the spec names it, or an annotation that was written for another manifest
)

// Claim is what a manifest says of a connection ID.
type Claim struct {
	Namespace, Name string
	UID             types.UID
	Created         time.Time
	Rank            Rank
}

// ClaimsOf are the connections that a manifest claims, by ID.
func ClaimsOf(o v1alpha1.Connection) map[string]Claim {
	claims := map[string]Claim{}
	add := func(id string, rank Rank) {
		if _, claimed := claims[id]; id != "" && !claimed {
			claims[id] = Claim{Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(), Created: o.GetCreationTimestamp().Time, Rank: rank}
		}
	}
	add(StatusID(o), RankStatus)
	add(RecordOf(o).ID, RankRecord)
	add(o.CommonSpec().ConnectionID, RankNamed)
	if RecordOf(o).ID == "" {
		if w, state := readWritten(o); state == writtenElsewhere {
			add(w.ID, RankNamed)
		}
	}
	return claims
}

// ClaimsOn are the claims of manifests on a connection.
func ClaimsOn[O v1alpha1.Connection](id string, manifests []O) []Claim {
	var claims []Claim
	for _, o := range manifests {
		if claim, found := ClaimsOf(o)[id]; found {
			claims = append(claims, claim)
		}
	}
	return claims
}

// Counts says whether what another manifest claims counts against one of this project and organization: it belongs there too, as far as
// it is known, and it stands.
func Counts(other v1alpha1.Connection, project, organization string) bool {
	record := RecordOf(other)
	return (record.Project == "" || record.Project == project) &&
		(!stytch.IsOrganizationID(record.Organization) || record.Organization == organization) && Stands(other)
}

// Stands says that a manifest has seen a connection in Stytch, or may still come to. So nobody holds a connection by naming it alone: in
// a namespace without credentials, or Paused from the beginning.
func Stands(o v1alpha1.Connection) bool {
	status := o.CommonStatus()
	if RecordOf(o).ID != "" || status.State != "" {
		return true
	}
	synced := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionSynced)
	judged := synced != nil && status.ObservedGeneration == o.GetGeneration()
	return o.CommonSpec().Management != v1alpha1.ManagementPaused && (!judged || slices.Contains(undecided, synced.Reason))
}

// undecided are the reasons of a manifest that may come to its connection without anybody's help, or when another manifest goes.
var undecided = []string{ //nolint:gochecknoglobals // Go has no constants of this type
	v1alpha1.ReasonConflict, v1alpha1.ReasonThrottled, v1alpha1.ReasonUnavailable, v1alpha1.ReasonCreationInDoubt,
}

// IsNamed says that a manifest that has no connection names one: by its spec, or by the annotation of another manifest.
func IsNamed(o v1alpha1.Connection, id string) bool {
	claim, claimed := ClaimsOf(o)[id]
	return claimed && claim.Rank == RankNamed
}

// Holder is the claim that counts: by rank, then the elder, then the smaller uid. It is false where nobody claims.
func Holder(claims []Claim) (Claim, bool) {
	if len(claims) == 0 {
		return Claim{}, false
	}
	return slices.MinFunc(claims, func(a, b Claim) int {
		return cmp.Or(
			cmp.Compare(a.Rank, b.Rank),
			a.Created.Compare(b.Created),
			strings.Compare(string(a.UID), string(b.UID)),
		)
	}), true
}

// Describe names a holder to somebody in a namespace: a manifest of another namespace is not named.
func (c Claim) Describe(namespace string) string {
	if c.Namespace != namespace {
		return "a manifest in another namespace"
	}
	return "manifest " + c.Name
}

package connection

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// markedName is the longest part of a real name that stands in a provisional name.
const markedName = 200

// Mark of a manifest: what makes a connection that is being created recognisable as its own after a crash.
func Mark(uid types.UID) string {
	sum := sha256.Sum256([]byte(uid))
	return hex.EncodeToString(sum[:4])
}

// MarkLabel is the mark as the value of a label.
func MarkLabel(uid types.UID) string { return "new-" + Mark(uid) }

// ProvisionalName is the display name that a connection is created with. The real name takes its place once the connection's
// ID is recorded in the manifest's status.
func ProvisionalName(name string, uid types.UID) string {
	if runes := []rune(name); len(runes) > markedName {
		name = string(runes[:markedName])
	}
	return name + marking(uid)
}

// Marked says whether a display name bears the mark of this manifest.
func Marked(displayName string, uid types.UID) bool {
	return strings.HasSuffix(displayName, marking(uid))
}

func marking(uid types.UID) string { return " [new " + Mark(uid) + "]" }

// Verdict is what is thought of the connection of a manifest.
type Verdict string

// Verdicts.
const (
	Ours     Verdict = "ours"
	None     Verdict = "none"
	Doubt    Verdict = "doubt"
	Conflict Verdict = "conflict"
	Missing  Verdict = "missing"
)

// Candidate is one connection of the manifest's kind and organization, as Stytch shows it.
type Candidate struct {
	ID, DisplayName string
	// Rival says that a creation would be refused because of it, or could not be told from it.
	Rival bool
}

// Situation is all that Identify decides on.
type Situation struct {
	UID types.UID
	// Recorded in status, and Named in the spec, to be taken over.
	Recorded, Named string
	// Seen at Stytch, by a list that was begun at Begun.
	Seen  []Candidate
	Begun time.Time
	// Believable is the time from which a list that shows nothing proves that there is nothing.
	Believable time.Time
	// Holder of a connection among the other manifests; "" where nobody holds it before this one.
	Holder func(id string) string
	// Rivalry says in words what makes a Rival, for the message. Shared says that rivals which another manifest holds are
	// not in the way: two manifests may give their connections one name.
	Rivalry string
	Shared  bool
}

// Identity is what Identify found.
type Identity struct {
	Verdict Verdict
	// ID of the connection that is ours; of the one in the way where the verdict is Conflict; of the one that is Missing.
	ID string
	// Others that bear our mark too: left by a creation whose answer was lost twice. They are named, never deleted.
	Others []string
	// Message says what a Conflict or a Missing is about and what to do.
	Message string
}

// Identify says which connection, if any, belongs to a manifest.
//
//	recorded  named  seen                                  verdict
//	id        –, id  another manifest holds it             conflict
//	id        –, id  id                                    ours
//	id        –, id  not id                                missing: never created again
//	id        other  any                                   conflict: it holds one and names another
//	–         id     another manifest holds it             conflict
//	–         id     id                                    ours, to be taken over
//	–         id     not id                                missing
//	–         –      some with our mark                    ours: the smallest ID; the others are named
//	–         –      a rival without our mark              conflict, with the ID to put into connectionID
//	–         –      nothing, the list is believable       none: it may be created
//	–         –      nothing, the list is not believable   doubt: a creation may be on its way
//
// Nothing is ever ours by likeness: only by record, by name or by mark.
func Identify(s Situation) Identity {
	id := cmp.Or(s.Recorded, s.Named)
	if id == "" {
		return s.byMark()
	}
	if s.Recorded != "" && s.Named != "" && s.Named != s.Recorded {
		return Identity{Verdict: Conflict, ID: s.Recorded, Message: fmt.Sprintf(
			"This manifest already has the connection %s, but spec.connectionID is %s. Delete this manifest (deletionPolicy: Retain keeps the connection), and apply it again with the correct connectionID",
			s.Recorded, s.Named)}
	}
	if holder := s.Holder(id); holder != "" {
		return Identity{Verdict: Conflict, ID: id, Message: heldMessage(id, holder)}
	}
	if slices.ContainsFunc(s.Seen, func(c Candidate) bool { return c.ID == id }) {
		return Identity{Verdict: Ours, ID: id, Others: slices.DeleteFunc(s.marked(), func(other string) bool { return other == id })}
	}
	if s.Recorded == "" {
		return Identity{Verdict: Missing, ID: id, Message: fmt.Sprintf(
			"The organization has no connection %s of this kind. If the ID is wrong, delete this manifest and apply it again with the correct connectionID. "+
				"Without connectionID, the operator creates another connection. If the connection was created since, %s", id, resyncAdvice)}
	}
	return Identity{Verdict: Missing, ID: id, Message: fmt.Sprintf(
		"%s no longer exists in Stytch. It is not created again automatically, because a new connection has new URLs and does not restore logins. To create a new connection, delete this manifest and apply it again without connectionID", id)}
}

// Settle says that a doubt can be settled, by a list that is begun when it is believable.
func (i Identity) Settle(now, believable time.Time) bool {
	return i.Verdict == Doubt && !now.Before(believable)
}

// heldMessage says that another manifest has the connection.
func heldMessage(id, holder string) string {
	return fmt.Sprintf("%s belongs to %s, and a connection can have only one manifest. Delete one of the two manifests (deletionPolicy: Retain keeps the connection)", id, holder)
}

// End is how a verdict ends the pass; nil where it goes on, with a connection or with its creation. A doubt can be settled from
// a time on.
func (i Identity) End(o v1alpha1.Connection, believable time.Time) error {
	switch i.Verdict {
	case Conflict:
		return Finding{Reason: v1alpha1.ReasonConflict, Message: i.Message + "."}
	case Missing:
		return Finding{Reason: v1alpha1.ReasonRemoteMissing, Message: i.Message + ".", Absent: true}
	case Doubt:
		return Finding{Reason: v1alpha1.ReasonCreationInDoubt, Message: inDoubt(o), Until: believable}
	case Ours, None:
	}
	return nil
}

// byMark finds what a lost record left behind, and what stands in the way of a creation.
func (s Situation) byMark() Identity {
	if ours := s.marked(); len(ours) > 0 {
		return Identity{Verdict: Ours, ID: ours[0], Others: ours[1:]}
	}
	for _, c := range s.Seen {
		if c.Rival && (!s.Shared || s.Holder(c.ID) == "") {
			return s.conflict(c)
		}
	}
	if s.Begun.Before(s.Believable) {
		return Identity{Verdict: Doubt}
	}
	return Identity{Verdict: None}
}

// marked are the IDs that bear our mark and that nobody else holds, in order.
func (s Situation) marked() []string {
	var ours []string
	for _, c := range s.Seen {
		if Marked(c.DisplayName, s.UID) && s.Holder(c.ID) == "" {
			ours = append(ours, c.ID)
		}
	}
	slices.Sort(ours)
	return ours
}

func (s Situation) conflict(c Candidate) Identity {
	if holder := s.Holder(c.ID); holder != "" {
		return Identity{Verdict: Conflict, ID: c.ID, Message: fmt.Sprintf(
			"%s: %s, which belongs to %s. Delete one of the two manifests", s.Rivalry, c.ID, holder)}
	}
	return Identity{Verdict: Conflict, ID: c.ID, Message: fmt.Sprintf(
		"%s: %s. To take it over, set spec.connectionID to %s. If it was deleted since, %s", s.Rivalry, c.ID, c.ID, resyncAdvice)}
}

// Claim is what a manifest says of a connection ID.
type Claim struct {
	Namespace, Name string
	UID             types.UID
	Created         time.Time
	// Recorded says that the ID stands in status, rather than only in the spec.
	Recorded bool
}

// Holder is the claim that counts: recorded before only named, then the elder, then the smaller uid. It is false where nobody
// claims.
func Holder(claims []Claim) (Claim, bool) {
	if len(claims) == 0 {
		return Claim{}, false
	}
	return slices.MinFunc(claims, func(a, b Claim) int {
		return cmp.Or(
			-CompareBools(a.Recorded, b.Recorded),
			a.Created.Compare(b.Created),
			strings.Compare(string(a.UID), string(b.UID)),
		)
	}), true
}

// CompareBools puts false before true.
func CompareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

// Describe names a holder to somebody in a namespace: a manifest of another namespace is not named.
func (c Claim) Describe(namespace string) string {
	if c.Namespace != namespace {
		return "a manifest in another namespace"
	}
	return "manifest " + c.Name
}

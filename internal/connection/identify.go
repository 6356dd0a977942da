package connection

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

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
	// Bare says that nothing is set on it yet that only a manifest would set.
	Bare bool
}

// Situation is all that Identify decides on.
type Situation struct {
	// Marks that a connection may bear which was created for the manifest.
	Marks []string
	// Recorded as the manifest's, and Named in the spec, to be taken over.
	Recorded, Named string
	// Clues in the manifest's annotation.
	Clues Clues
	// InConflict says that the last pass ended so.
	InConflict bool
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
	// Note is what else is to be said of the connection that is ours.
	Note string
	// Message says what a Conflict or a Missing is about and what to do.
	Message string
}

// Identify says which connection, if any, belongs to a manifest. A connection that the annotation of another manifest names, of which
// this one is a copy or was it before a restore, is taken over like one that the spec names.
//
//	recorded  named  copied  seen                                  verdict
//	id        –, id  any     another manifest holds it             conflict
//	id        –, id  any     id                                    ours
//	id        –, id  any     not id                                missing: never created again
//	id        other  any     any                                   conflict: it holds one and names another
//	id, and the annotation another                                 conflict: something was written over it
//	–         id     any     another manifest holds it             conflict
//	–         id     any     id                                    ours, to be taken over
//	–         id     any     not id                                missing
//	–         –      id      held, or was held a while ago         conflict
//	–         –      id      id                                    ours, to be taken over
//	–         –      id      not id                                missing
//	–         –      –       some with our mark, and bare          ours: the smallest ID; the others are named
//	–         –      –       one with our mark, and not bare       conflict: it is not as it was created
//	–         –      –       a rival without our mark              conflict, with the ID to put into connectionID
//	–         –      –       nothing, the list is believable       none: it may be created
//	–         –      –       nothing, the list is not believable   doubt: a creation may be on its way
//
// Nothing is ever ours by likeness: only by record, by name or by mark.
func Identify(s Situation) Identity {
	id := cmp.Or(s.Recorded, s.Named, s.Clues.Copied)
	switch {
	case s.Clues.Later:
		return s.later()
	case id == "":
		return s.byMark()
	case s.Recorded != "" && s.Named != "" && s.Named != s.Recorded:
		return Identity{Verdict: Conflict, ID: s.Recorded, Message: fmt.Sprintf(
			"This manifest already has the connection %s, but spec.connectionID is %s. Delete this manifest (deletionPolicy: Retain keeps the connection), and apply it again with the correct connectionID",
			s.Recorded, s.Named)}
	case s.Recorded != "" && s.Clues.Other != "":
		return Identity{Verdict: Conflict, ID: s.Recorded, Message: fmt.Sprintf(
			"status.connectionID is %s, but the annotation %s names %s, which belonged to this manifest before. To use %[1]s, remove the annotation. To use %[3]s, delete this manifest (deletionPolicy: Retain keeps the connection), and apply it again with that connectionID",
			s.Recorded, v1alpha1.AnnotationRecord, s.Clues.Other)}
	}
	if holder := s.Holder(id); holder != "" {
		return Identity{Verdict: Conflict, ID: id, Message: s.held(id, holder)}
	}
	if s.copied() && s.InConflict {
		return Identity{Verdict: Conflict, ID: id, Message: copiedMessage(id, "belonged to another manifest")}
	}
	if slices.ContainsFunc(s.Seen, func(c Candidate) bool { return c.ID == id }) {
		return Identity{Verdict: Ours, ID: id, Note: s.note(id), Others: slices.DeleteFunc(s.marked(), func(other string) bool { return other == id })}
	}
	return Identity{Verdict: Missing, ID: id, Message: s.missing(id)}
}

// copied says that nothing but a copy of another manifest's annotation says which connection is meant.
func (s Situation) copied() bool { return s.Recorded == "" && s.Named == "" && s.Clues.Copied != "" }

// held says that another manifest has the connection.
func (s Situation) held(id, holder string) string {
	if s.copied() {
		return copiedMessage(id, "belongs to "+holder)
	}
	return heldMessage(id, holder)
}

func copiedMessage(id, whose string) string {
	return fmt.Sprintf("The annotation %s names %s, which %s: this manifest was probably copied from that one. To create a new connection, remove the annotation. To take %[2]s over, delete the other manifest (deletionPolicy: Retain keeps the connection), and set spec.connectionID to %[2]s",
		v1alpha1.AnnotationRecord, id, whose)
}

// note says that the spec was followed and not the annotation.
func (s Situation) note(id string) string {
	if s.Clues.Other == "" {
		return ""
	}
	return fmt.Sprintf("The annotation %s named %s. spec.connectionID counts, so this manifest has %s.", v1alpha1.AnnotationRecord, s.Clues.Other, id)
}

// missing says that a connection is not there, and what to do.
func (s Situation) missing(id string) string {
	switch {
	case s.Recorded != "":
		return fmt.Sprintf(
			"%s no longer exists in Stytch. It is not created again automatically, because a new connection has new URLs and does not restore logins. To create a new connection, delete this manifest and apply it again without connectionID", id)
	case s.copied():
		return fmt.Sprintf(
			"The annotation %s names %s, which does not exist in the organization. To create a new connection, remove the annotation. To take over another connection, set spec.connectionID", v1alpha1.AnnotationRecord, id)
	}
	return fmt.Sprintf(
		"The organization has no connection %s of this kind. If the ID is wrong, delete this manifest and apply it again with the correct connectionID. "+
			"Without connectionID, the operator creates another connection. If the connection was created since, %s", id, resyncAdvice)
}

// later is the verdict where a later version wrote the annotation: what this one has recorded counts, and nothing is created.
func (s Situation) later() Identity {
	if s.Recorded == "" {
		return Identity{Verdict: Conflict, Message: fmt.Sprintf(
			"The annotation %s was written by a newer version of the operator. Upgrade the operator, or remove the annotation if the manifest has no connection", v1alpha1.AnnotationRecord)}
	}
	s.Clues = Clues{}
	return Identify(s)
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
		switch {
		case marked(c.DisplayName, s.Marks) && s.Holder(c.ID) == "":
			return Identity{Verdict: Conflict, ID: c.ID, Message: fmt.Sprintf(
				"%s has the name of a connection that is being created for this manifest (%q), but it is already configured. To take it over, set spec.connectionID to %[1]s. Otherwise, rename or delete it in Stytch",
				c.ID, Cut(c.DisplayName))}
		case c.Rival && (!s.Shared || s.Holder(c.ID) == ""):
			return s.conflict(c)
		}
	}
	if s.Begun.Before(s.Believable) {
		return Identity{Verdict: Doubt}
	}
	return Identity{Verdict: None}
}

// marked are the IDs that bear our mark, that nothing was set on, and that nobody else holds, in order.
func (s Situation) marked() []string {
	var ours []string
	for _, c := range s.Seen {
		if c.Bare && marked(c.DisplayName, s.Marks) && s.Holder(c.ID) == "" {
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

package connection

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
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
	// Alike says that it is for the same application of the identity provider as the manifest.
	Alike bool
	// Meant says that it is one that the manifest means under adoptionPolicy Matching: the more so where it has its very name.
	Meant bool
}

// Kin is what a manifest has in common with the one that holds a connection.
type Kin struct {
	// Alike says that both are for the same application of the identity provider.
	Alike bool
	// Unnamed says that neither gives a display name, so that a rename of the manifest changes it.
	Unnamed bool
}

// Situation is all that Identify decides on.
type Situation struct {
	// Marks that a connection may bear which was created for the manifest.
	Marks []string
	// Recorded as the manifest's, and Named in the spec, to be taken over.
	Recorded, Named string
	// Clues in the manifest's annotation.
	Clues Clues
	// Disputed is the connection of another manifest that the last conflict was about.
	Disputed string
	// Seen at Stytch, by a list that was begun at Begun.
	Seen  []Candidate
	Begun time.Time
	// Believable is the time from which a list that shows nothing proves that there is nothing.
	Believable time.Time
	// Holder of a connection among the other manifests; "" where nobody holds it before this one.
	Holder func(id string) string
	// Claimed says that any other manifest claims a connection, whether that counts or not.
	Claimed func(id string) bool
	// Matching is the adoptionPolicy of that name: the one connection that is Meant is taken over.
	Matching bool
	// Contested is the connection of another manifest that this one was in conflict about, where only that tells that it is meant.
	Contested string
	// Name is the display name that a connection made for the manifest is given.
	Name string
	// Kin is what the manifest has in common with the holder of a connection.
	Kin func(id string) Kin
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
	// Contested says that another manifest has ID, or had it. Matched, that it is ours because it is the one that the manifest means.
	Contested, Matched bool
	// Others that bear our mark too: left by a creation whose answer was lost twice. They are named, never deleted.
	Others []string
	// Twins are connections that nobody has and that are probably another one for the same purpose as ours, or as the one to be created.
	Twins []string
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
//	–         –      –       Matching: one is meant, nobody's      ours, to be taken over; a doubt where the list is not believable
//	–         –      –       Matching: one is meant, another's     conflict where it is a rival that is not Shared: it is waited for
//	–         –      –       Matching: one is meant, another names it  conflict: nothing is made beside it, and nothing taken
//	–         –      –       Matching: several are meant           conflict, unless other manifests hold all of them
//	–         –      –       a rival without our mark              conflict, with the ID to put into connectionID
//	–         –      –       one that was another's, so alike      conflict still, though that manifest is gone
//	–         –      –       another manifest's, which is alike    conflict: this one is probably that one, renamed
//	–         –      –       nothing, the list is believable       none: it may be created
//	–         –      –       nothing, the list is not believable   doubt: a creation may be on its way
//
// Nothing is ever ours by likeness, unless the manifest asks for that with adoptionPolicy Matching: only by record, by name or by mark.
func Identify(s Situation) Identity {
	i := s.identify()
	if i.Verdict == Ours || i.Verdict == None {
		i.Twins = s.twins(i.ID)
	}
	return i
}

func (s Situation) identify() Identity {
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
		return Identity{Verdict: Conflict, ID: id, Contested: true, Message: s.held(id, holder)}
	}
	if s.copied() && s.Disputed == id {
		return Identity{Verdict: Conflict, ID: id, Contested: true, Message: copiedMessage(id, "belonged to another manifest", "set")}
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
		return copiedMessage(id, "belongs to "+holder, "delete the other manifest (deletionPolicy: Retain keeps the connection), and set")
	}
	return heldMessage(id, holder)
}

func copiedMessage(id, whose, first string) string {
	return fmt.Sprintf("The annotation %s names %s, which %s: this manifest was probably copied from that one. To create a new connection, remove the annotation. To take %[2]s over, %[4]s spec.connectionID to %[2]s",
		v1alpha1.AnnotationRecord, id, whose, first)
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
	return s.identify()
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
		found := Finding{Reason: v1alpha1.ReasonConflict, Message: i.Message + "."}
		if i.Contested {
			found.Contested = i.ID
		}
		return found
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
		if marked(c.DisplayName, s.Marks) && s.Holder(c.ID) == "" {
			return Identity{Verdict: Conflict, ID: c.ID, Message: fmt.Sprintf(
				"%s has the name of a connection that is being created for this manifest (%q), but it is already configured. To take it over, set spec.connectionID to %[1]s. Otherwise, rename or delete it in Stytch",
				c.ID, Cut(c.DisplayName))}
		}
	}
	if match, found := s.byMatch(); found {
		return match
	}
	for _, c := range s.Seen {
		switch {
		case c.Rival && (!s.Shared || s.Holder(c.ID) == ""):
			return s.conflict(c)
		case c.ID == s.Contested && s.Holder(c.ID) == "":
			return Identity{Verdict: Conflict, ID: c.ID, Contested: true, Message: fmt.Sprintf(
				"%s belonged to another manifest, which was probably this one under its earlier name. To take it over, set spec.connectionID to %[1]s, or spec.adoptionPolicy to Matching. To create a second connection, set spec.displayName",
				c.ID)}
		}
	}
	if s.Begun.Before(s.Believable) {
		return Identity{Verdict: Doubt}
	}
	if i := slices.IndexFunc(s.Seen, s.renamed); i >= 0 {
		c := s.Seen[i]
		return Identity{Verdict: Conflict, ID: c.ID, Contested: true, Message: s.renamedMessage(c.ID, s.Holder(c.ID))}
	}
	return Identity{Verdict: None}
}

// byMatch finds the one connection that the manifest means, where it asks for that.
func (s Situation) byMatch() (Identity, bool) {
	meant := s.meant()
	free := slices.DeleteFunc(slices.Clone(meant), func(id string) bool { return s.Claimed(id) })
	switch {
	case len(free) == 0:
		return s.onlyNamed(meant)
	case len(meant) > 1:
		return Identity{Verdict: Conflict, ID: free[0], Message: fmt.Sprintf(
			"Several connections match this manifest: %s. Set spec.connectionID to the ID of one of them", strings.Join(meant, ", "))}, true
	case s.Begun.Before(s.Believable):
		return Identity{Verdict: Doubt}, true
	}
	return Identity{Verdict: Ours, ID: free[0], Matched: true}, true
}

// onlyNamed finds one that the manifest means and that another manifest names without having it. It stays for that one.
func (s Situation) onlyNamed(meant []string) (Identity, bool) {
	i := slices.IndexFunc(meant, func(id string) bool { return s.Holder(id) == "" })
	if i < 0 {
		return Identity{}, false
	}
	return Identity{Verdict: Conflict, ID: meant[i], Contested: true, Message: fmt.Sprintf(
		"%s matches this manifest, but another manifest names it, although it does not have it. To take it over, set spec.connectionID to %[1]s. If the other manifest was deleted since, %s",
		meant[i], resyncAdvice)}, true
}

// meant are the IDs of the connections that the manifest means, in order: those with its very name or, if there is none, the others.
func (s Situation) meant() []string {
	var ids, named []string
	for _, c := range s.Seen {
		if !s.means(c) {
			continue
		}
		ids = append(ids, c.ID)
		if c.DisplayName == s.Name || c.ID == s.Contested {
			named = append(named, c.ID)
		}
	}
	if len(named) > 0 {
		ids = named
	}
	slices.Sort(ids)
	return ids
}

func (s Situation) means(c Candidate) bool {
	return s.Matching && !bearsMark(c.DisplayName) && (c.Meant || c.ID == s.Contested)
}

// renamed says that a connection is another manifest's which this one looks like under another name: it has the same display name, or
// would have it if manifests had not given their own, and is for the same application of the identity provider.
func (s Situation) renamed(c Candidate) bool {
	kin := s.Kin(c.ID)
	return (c.Alike || kin.Alike) && (kin.Unnamed || c.DisplayName == s.Name) && s.Holder(c.ID) != ""
}

func (s Situation) renamedMessage(id, holder string) string {
	if s.Matching {
		return fmt.Sprintf("%s belongs to %s, and it matches this manifest, which is probably that one, renamed. It is taken over when that manifest is deleted. To create a second connection, set another spec.displayName",
			id, holder)
	}
	return fmt.Sprintf("%s belongs to %s, which is for the same application of the identity provider and does not differ in its displayName: this manifest is probably that one, renamed. To take the connection over, set spec.connectionID to %[1]s, or spec.adoptionPolicy to Matching, and delete the other manifest. To create a second connection, set another spec.displayName",
		id, holder)
}

// maxTwins is how many twins status holds.
const maxTwins = 16

// twins are the IDs of the connections that nobody has and that look like one that is ours, or "" for one that is to be created.
func (s Situation) twins(id string) []string {
	name := s.Name
	if i := slices.IndexFunc(s.Seen, func(c Candidate) bool { return c.ID == id }); i >= 0 && !bearsMark(s.Seen[i].DisplayName) {
		name = s.Seen[i].DisplayName
	}
	var twins []string
	for _, c := range s.Seen {
		like := c.Alike || c.DisplayName == name
		if !s.Shared {
			like = c.Rival
		}
		if c.ID != id && like && !bearsMark(c.DisplayName) && s.Holder(c.ID) == "" {
			twins = append(twins, c.ID)
		}
	}
	slices.Sort(twins)
	return twins[:min(len(twins), maxTwins)]
}

// KeepTwins leaves those twins that are new to a manifest whose connection is just made or taken over; of any other, those that its
// status has already. The note says which they are.
func (i *Identity) KeepTwins(o v1alpha1.Connection) {
	status := o.CommonStatus()
	if Observing(o) || StatusID(o) != "" && status.AppliedGeneration != 0 {
		i.Twins = slices.DeleteFunc(i.Twins, func(id string) bool { return !slices.Contains(status.ProbableTwins, id) })
	}
	if len(i.Twins) > 0 {
		i.Note = join(i.Note, TwinsNote(i.Twins))
	}
}

// TwinsNote says which connections are probably twins.
func TwinsNote(twins []string) string {
	return fmt.Sprintf("No manifest has these connections, which have the same display name or are for the same application of the identity provider: %s. Find out which one is used. Delete the others in Stytch, or apply manifests for them.",
		strings.Join(twins, ", "))
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
	holder := s.Holder(c.ID)
	switch {
	case holder != "" && s.means(c):
		return Identity{Verdict: Conflict, ID: c.ID, Contested: true, Message: fmt.Sprintf(
			"%s: %s, which belongs to %s. It is taken over when that manifest is deleted", s.Rivalry, c.ID, holder)}
	case holder != "":
		return Identity{Verdict: Conflict, ID: c.ID, Contested: true, Message: fmt.Sprintf(
			"%s: %s, which belongs to %s. Delete one of the two manifests", s.Rivalry, c.ID, holder)}
	}
	return Identity{Verdict: Conflict, ID: c.ID, Message: fmt.Sprintf(
		"%s: %s. To take it over, set spec.connectionID to %s, or spec.adoptionPolicy to Matching. If it was deleted since, %s", s.Rivalry, c.ID, c.ID, resyncAdvice)}
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

package connection_test

import (
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
)

// situation is one that Identify decides on, as a table writes it.
type situation struct {
	name            string
	recorded, named string
	seen            []connection.Candidate
	clues           connection.Clues
	disputed        string
	heldByOthers    map[string]string
	namedByOthers   map[string]bool // without having it
	kin             connection.Kin  // of whoever holds one
	matching        bool
	contested       string
	shared          bool
	early           bool // the list was begun before one that shows nothing can be believed

	verdict connection.Verdict
	id      string
	others  []string
	twins   []string
	says    []string
}

func (s situation) identify() connection.Identity {
	begun := Noon
	if s.early {
		begun = Noon.Add(-time.Nanosecond)
	}
	return connection.Identify(connection.Situation{
		Marks: []string{connection.UIDMark(ManifestUID)}, Recorded: s.recorded, Named: s.named, Clues: s.clues, Disputed: s.disputed,
		Seen: s.seen, Begun: begun, Believable: Noon,
		Matching: s.matching, Contested: s.contested,
		Name: "Acme", Holder: func(id string) string { return s.heldByOthers[id] }, Claimed: func(id string) bool { return s.heldByOthers[id] != "" || s.namedByOthers[id] }, Kin: func(string) connection.Kin { return s.kin },
		Rivalry: "there is one already", Shared: s.shared,
	})
}

func (s situation) check(t *testing.T) {
	t.Helper()
	got := s.identify()
	if got.Verdict != s.verdict || got.ID != s.id || !slices.Equal(got.Others, s.others) {
		t.Errorf("identified as %s %q, others %q; want %s %q, others %q", got.Verdict, got.ID, got.Others, s.verdict, s.id, s.others)
	}
	if got.Matched != (s.matching && got.Verdict == connection.Ours && s.recorded+s.named == "") {
		t.Errorf("identified as %s %q; matched: %t", got.Verdict, got.ID, got.Matched)
	}
	Same(t, "the twins", strings.Join(got.Twins, " "), strings.Join(s.twins, " "))
	Contains(t, got.Message, s.says...)
	Lacks(t, got.Message, "%!", "..")
	speaks := s.verdict == connection.Conflict || s.verdict == connection.Missing
	if (got.Message != "") != speaks {
		t.Errorf("the verdict %s comes with the message %q", got.Verdict, got.Message)
	}
}

func plain(id string) connection.Candidate { return connection.Candidate{ID: id, DisplayName: "Acme"} }

func rival(id string) connection.Candidate {
	return connection.Candidate{ID: id, DisplayName: "Acme", Rival: true}
}

// alike is a rival for the same application of the identity provider.
func alike(id string) connection.Candidate {
	return connection.Candidate{ID: id, DisplayName: "Acme", Rival: true, Alike: true}
}

// meant is a rival that the manifest means under Matching.
func meant(id string) connection.Candidate {
	return connection.Candidate{ID: id, DisplayName: "Acme", Rival: true, Meant: true}
}

func marked(id string, uid types.UID) connection.Candidate {
	return connection.Candidate{ID: id, DisplayName: MarkedName("Acme", uid), Bare: true}
}

// bearsMark says that a name ends with the mark of a manifest of which nothing is recorded.
func bearsMark(name string, uid types.UID) bool { return strings.HasSuffix(name, MarkedName("", uid)) }

func TestIdentifyFollowsItsTable(t *testing.T) {
	for _, s := range []situation{
		{
			name:     "recorded and held by another is a conflict",
			recorded: "c1", seen: []connection.Candidate{plain("c1")}, heldByOthers: map[string]string{"c1": "manifest elder"},
			verdict: connection.Conflict, id: "c1", says: []string{"c1", "manifest elder", "Delete one of the two", "Retain"},
		},
		{
			name:     "recorded, named and held by another is a conflict",
			recorded: "c1", named: "c1", seen: []connection.Candidate{plain("c1")}, heldByOthers: map[string]string{"c1": "manifest elder"},
			verdict: connection.Conflict, id: "c1", says: []string{"manifest elder"},
		},
		{
			name:     "recorded, held by another and gone is a conflict all the same",
			recorded: "c1", heldByOthers: map[string]string{"c1": "manifest elder"},
			verdict: connection.Conflict, id: "c1", says: []string{"manifest elder"},
		},
		{
			name:     "recorded and seen is ours",
			recorded: "c1", seen: []connection.Candidate{plain("c0"), plain("c1")},
			verdict: connection.Ours, id: "c1",
		},
		{
			name:     "recorded, named and seen is ours",
			recorded: "c1", named: "c1", seen: []connection.Candidate{plain("c1")},
			verdict: connection.Ours, id: "c1",
		},
		{
			name:     "recorded and not seen is missing",
			recorded: "c1", seen: []connection.Candidate{plain("c2")},
			verdict: connection.Missing, id: "c1", says: []string{"c1", "not created again", "delete this manifest", "without connectionID"},
		},
		{
			name:     "recorded, named and not seen is missing",
			recorded: "c1", named: "c1",
			verdict: connection.Missing, id: "c1", says: []string{"not created again"},
		},
		{
			name:     "recorded and not seen is missing although another bears our mark",
			recorded: "c1", seen: []connection.Candidate{marked("c2", ManifestUID)},
			verdict: connection.Missing, id: "c1",
		},
		{
			name:     "recorded and another named is a conflict, whatever is seen",
			recorded: "c1", named: "c2", seen: []connection.Candidate{plain("c1"), plain("c2")},
			verdict: connection.Conflict, id: "c1", says: []string{"has the connection c1", "spec.connectionID is c2", "apply it again with the correct connectionID"},
		},
		{
			name:     "recorded, another named and nothing seen is a conflict",
			recorded: "c1", named: "c2", early: true,
			verdict: connection.Conflict, id: "c1", says: []string{"has the connection c1", "spec.connectionID is c2"},
		},
		{
			name:  "named and held by another is a conflict",
			named: "c1", seen: []connection.Candidate{plain("c1")}, heldByOthers: map[string]string{"c1": "a manifest in another namespace"},
			verdict: connection.Conflict, id: "c1", says: []string{"a manifest in another namespace"},
		},
		{
			name:  "named and seen is ours to be taken over, rival or not",
			named: "c1", seen: []connection.Candidate{rival("c1")},
			verdict: connection.Ours, id: "c1",
		},
		{
			name:  "named and seen is ours although the list is early",
			named: "c1", seen: []connection.Candidate{plain("c1")}, early: true,
			verdict: connection.Ours, id: "c1",
		},
		{
			name:  "named and not seen is missing",
			named: "c1", seen: []connection.Candidate{rival("c2")},
			verdict: connection.Missing, id: "c1", says: []string{"no connection c1 of this kind", "the correct connectionID"},
		},
		{
			name:    "one with our mark is ours",
			seen:    []connection.Candidate{plain("c0"), marked("c1", ManifestUID)},
			verdict: connection.Ours, id: "c1",
		},
		{
			name: "of several with our mark the smallest ID is ours and the others are named",
			seen: []connection.Candidate{
				marked("c3", ManifestUID), marked("c1", ManifestUID), plain("c0"), marked("c2", ManifestUID),
			},
			verdict: connection.Ours, id: "c1", others: []string{"c2", "c3"},
		},
		{
			name:         "one with our mark that another manifest holds is not ours, nor among the others",
			seen:         []connection.Candidate{marked("c1", ManifestUID), marked("c2", ManifestUID), marked("c3", ManifestUID)},
			heldByOthers: map[string]string{"c1": "manifest elder", "c3": "manifest elder"},
			verdict:      connection.Ours, id: "c2",
		},
		{
			name:         "where others hold all that bear our mark there is none",
			seen:         []connection.Candidate{marked("c1", ManifestUID)},
			heldByOthers: map[string]string{"c1": "manifest elder"},
			verdict:      connection.None,
		},
		{
			name:     "recorded, the others with our mark are named",
			recorded: "c2", seen: []connection.Candidate{marked("c3", ManifestUID), marked("c2", ManifestUID), marked("c1", ManifestUID)},
			verdict: connection.Ours, id: "c2", others: []string{"c1", "c3"},
		},
		{
			name:     "recorded and renamed, the others with our mark are still named",
			recorded: "c2", seen: []connection.Candidate{plain("c2"), marked("c1", ManifestUID)},
			verdict: connection.Ours, id: "c2", others: []string{"c1"},
		},
		{
			name:    "one with our mark is ours although the list is early",
			seen:    []connection.Candidate{marked("c1", ManifestUID)},
			early:   true,
			verdict: connection.Ours, id: "c1",
		},
		{
			name:    "one with our mark is ours although a rival stands beside it",
			seen:    []connection.Candidate{rival("c0"), marked("c1", ManifestUID)},
			verdict: connection.Ours, id: "c1", twins: []string{"c0"},
		},
		{
			name:    "one with our mark on which something was set is a conflict",
			seen:    []connection.Candidate{{ID: "c1", DisplayName: MarkedName("Acme", ManifestUID)}},
			verdict: connection.Conflict, id: "c1", says: []string{"c1 has the name", "already configured", "set spec.connectionID to c1"},
		},
		{
			name:    "one with our mark that is as it was created is ours although something was set on another",
			seen:    []connection.Candidate{{ID: "c1", DisplayName: MarkedName("Acme", ManifestUID)}, marked("c2", ManifestUID)},
			verdict: connection.Ours, id: "c2",
		},
		{
			name:         "one with our mark on which something was set is nothing to us while another manifest holds it",
			seen:         []connection.Candidate{{ID: "c1", DisplayName: MarkedName("Acme", ManifestUID)}},
			heldByOthers: map[string]string{"c1": "manifest elder"},
			verdict:      connection.None,
		},
		{
			name:     "recorded, where the annotation names another, is a conflict, and both are named",
			recorded: "c1", clues: connection.Clues{Other: "c2"}, seen: []connection.Candidate{plain("c1"), plain("c2")},
			verdict: connection.Conflict, id: "c1", says: []string{"status.connectionID is c1", "names c2", "To use c1, remove the annotation", "To use c2, delete this manifest"},
		},
		{
			name:  "named, where the annotation names another, is ours, with a note",
			named: "c1", clues: connection.Clues{Other: "c2"}, seen: []connection.Candidate{plain("c1"), plain("c2")},
			verdict: connection.Ours, id: "c1",
		},
		{
			name:  "copied and seen is ours",
			clues: connection.Clues{Copied: "c1"}, seen: []connection.Candidate{rival("c1")},
			verdict: connection.Ours, id: "c1",
		},
		{
			name:  "copied and held by another is a conflict that says where it comes from",
			clues: connection.Clues{Copied: "c1"}, seen: []connection.Candidate{plain("c1")}, heldByOthers: map[string]string{"c1": "manifest okta"},
			verdict: connection.Conflict, id: "c1", says: []string{"connections.stytch-operator.dev/record names c1", "belongs to manifest okta", "copied", "remove the annotation", "delete the other manifest", "set spec.connectionID to c1"},
		},
		{
			name:  "copied and held by another before is a conflict still",
			clues: connection.Clues{Copied: "c1"}, disputed: "c1", seen: []connection.Candidate{plain("c1")},
			verdict: connection.Conflict, id: "c1", says: []string{"belonged to another manifest", "To take c1 over, set spec.connectionID to c1"},
		},
		{
			name:  "copied, and named, is ours although another held it before",
			named: "c1", clues: connection.Clues{Copied: "c1"}, disputed: "c1", seen: []connection.Candidate{plain("c1")},
			verdict: connection.Ours, id: "c1",
		},
		{
			name:  "copied and not seen is missing",
			clues: connection.Clues{Copied: "c1"}, seen: []connection.Candidate{rival("c2")},
			verdict: connection.Missing, id: "c1", says: []string{"names c1", "does not exist", "remove the annotation"},
		},
		{
			name:  "where a later version wrote the annotation nothing is created",
			clues: connection.Clues{Later: true}, seen: []connection.Candidate{marked("c1", ManifestUID)},
			verdict: connection.Conflict, says: []string{"newer version", "Upgrade the operator"},
		},
		{
			name:     "where a later version wrote the annotation what status has is ours",
			recorded: "c1", clues: connection.Clues{Later: true}, seen: []connection.Candidate{plain("c1")},
			verdict: connection.Ours, id: "c1",
		},
		{
			name:    "a rival without our mark is a conflict, with the ID to take over",
			seen:    []connection.Candidate{plain("c0"), rival("c1")},
			verdict: connection.Conflict, id: "c1", says: []string{"there is one already", "set spec.connectionID to c1"},
		},
		{
			name:    "a rival is a conflict and no doubt although the list is early",
			seen:    []connection.Candidate{rival("c1")},
			early:   true,
			verdict: connection.Conflict, id: "c1",
		},
		{
			name:         "a rival that another manifest holds is a conflict, and not to be taken over",
			seen:         []connection.Candidate{rival("c1")},
			heldByOthers: map[string]string{"c1": "manifest elder"},
			verdict:      connection.Conflict, id: "c1", says: []string{"there is one already", "which belongs to manifest elder", "Delete one of the two manifests"},
		},
		{
			name:    "a shared rival that nobody holds is a conflict",
			seen:    []connection.Candidate{rival("c1")},
			shared:  true,
			verdict: connection.Conflict, id: "c1", says: []string{"set spec.connectionID to c1"},
		},
		{
			name:         "a shared rival that another manifest holds is not in the way",
			seen:         []connection.Candidate{rival("c1")},
			heldByOthers: map[string]string{"c1": "manifest elder"},
			shared:       true,
			verdict:      connection.None,
		},
		{
			name:         "of two shared rivals the one that nobody holds is in the way",
			seen:         []connection.Candidate{rival("c1"), rival("c2")},
			heldByOthers: map[string]string{"c1": "manifest elder"},
			shared:       true,
			verdict:      connection.Conflict, id: "c2",
		},
		{
			name: "another manifest's with the same name and application is a conflict that says how to go on",
			seen: []connection.Candidate{alike("c1")}, heldByOthers: map[string]string{"c1": "manifest okta"}, shared: true,
			verdict: connection.Conflict, id: "c1", says: []string{
				"c1 belongs to manifest okta", "probably that one, renamed", "set spec.connectionID to c1", "spec.adoptionPolicy to Matching", "another spec.displayName",
			},
		},
		{
			name: "another manifest's with the same name, where only the two manifests say that the application is the same, is a conflict",
			seen: []connection.Candidate{rival("c1")}, heldByOthers: map[string]string{"c1": "manifest okta"}, kin: connection.Kin{Alike: true}, shared: true,
			verdict: connection.Conflict, id: "c1",
		},
		{
			name: "another manifest's with the same application and another name is not in the way",
			seen: []connection.Candidate{{ID: "c1", DisplayName: "Other", Alike: true}}, heldByOthers: map[string]string{"c1": "manifest okta"}, shared: true,
			verdict: connection.None,
		},
		{
			name: "another manifest's with the same application is a conflict where neither manifest gives a name",
			seen: []connection.Candidate{{ID: "c1", DisplayName: "okta", Alike: true}}, heldByOthers: map[string]string{"c1": "manifest okta"},
			kin: connection.Kin{Unnamed: true}, shared: true,
			verdict: connection.Conflict, id: "c1", says: []string{"belongs to manifest okta"},
		},
		{
			name: "another manifest's that has nothing in common is not in the way, where neither gives a name",
			seen: []connection.Candidate{{ID: "c1", DisplayName: "okta"}}, heldByOthers: map[string]string{"c1": "manifest okta"},
			kin: connection.Kin{Unnamed: true}, shared: true,
			verdict: connection.None,
		},
		{
			name: "while a creation is in doubt another manifest's is no conflict",
			seen: []connection.Candidate{alike("c1")}, heldByOthers: map[string]string{"c1": "manifest okta"}, shared: true, early: true,
			verdict: connection.Doubt,
		},
		{
			name: "a manifest that has its connection is in no conflict by likeness",
			seen: []connection.Candidate{alike("c1"), alike("c2")}, heldByOthers: map[string]string{"c1": "manifest okta"}, recorded: "c2", shared: true,
			verdict: connection.Ours, id: "c2",
		},
		{
			name: "nor is one whose connection is found by its mark",
			seen: []connection.Candidate{alike("c1"), marked("c2", ManifestUID)}, heldByOthers: map[string]string{"c1": "manifest okta"}, shared: true,
			verdict: connection.Ours, id: "c2",
		},
		{
			name: "one that was another's stays a conflict when that one is gone",
			seen: []connection.Candidate{{ID: "c1", DisplayName: "okta", Alike: true}}, contested: "c1", shared: true,
			verdict: connection.Conflict, id: "c1", says: []string{"c1 belonged to another manifest", "set spec.connectionID to c1", "set spec.displayName"},
		},
		{
			name: "Matching, the one that is meant is ours",
			seen: []connection.Candidate{plain("c0"), meant("c1")}, matching: true, shared: true,
			verdict: connection.Ours, id: "c1", twins: []string{"c0"},
		},
		{
			name: "Matching, one that is meant by its application alone is ours",
			seen: []connection.Candidate{{ID: "c1", DisplayName: "Other", Alike: true, Meant: true}}, matching: true, shared: true,
			verdict: connection.Ours, id: "c1",
		},
		{
			name: "Matching, the one with the very name goes before one with the same application",
			seen: []connection.Candidate{{ID: "c0", DisplayName: "Other", Alike: true, Meant: true}, meant("c1")}, matching: true, shared: true,
			verdict: connection.Ours, id: "c1", twins: []string{"c0"},
		},
		{
			name: "not Matching, the one that is meant is a conflict",
			seen: []connection.Candidate{meant("c1")}, shared: true,
			verdict: connection.Conflict, id: "c1", says: []string{"spec.adoptionPolicy to Matching"},
		},
		{
			name: "Matching, a rival that is not meant is a conflict",
			seen: []connection.Candidate{rival("c1")}, matching: true, shared: true,
			verdict: connection.Conflict, id: "c1",
		},
		{
			name: "Matching, while a creation is in doubt nothing is taken over",
			seen: []connection.Candidate{meant("c1")}, matching: true, early: true, shared: true,
			verdict: connection.Doubt,
		},
		{
			name: "Matching, several that are meant are a conflict, and all are named",
			seen: []connection.Candidate{meant("c2"), meant("c1")}, matching: true, shared: true,
			verdict: connection.Conflict, id: "c1", says: []string{"Several", "c1, c2"},
		},
		{
			name: "Matching, several are a conflict although another manifest holds one of them",
			seen: []connection.Candidate{meant("c2"), meant("c1")}, matching: true, shared: true, heldByOthers: map[string]string{"c1": "manifest okta"},
			verdict: connection.Conflict, id: "c2", says: []string{"c1, c2"},
		},
		{
			name: "Matching, one that is being created for whomever is not taken over",
			seen: []connection.Candidate{{ID: "c1", DisplayName: MarkedName("Acme", OtherUID), Alike: true, Meant: true}}, matching: true, shared: true,
			verdict: connection.None,
		},
		{
			name: "Matching, one that another manifest holds is not taken over, nor is it in the way where manifests may share a name",
			seen: []connection.Candidate{meant("c1")}, matching: true, shared: true, heldByOthers: map[string]string{"c1": "manifest okta"},
			verdict: connection.None,
		},
		{
			name: "Matching, one that another manifest names without having it is neither taken over nor made again",
			seen: []connection.Candidate{{ID: "c1", DisplayName: "Other", Alike: true, Meant: true}}, matching: true, shared: true, namedByOthers: map[string]bool{"c1": true},
			verdict: connection.Conflict, id: "c1", says: []string{"c1 matches this manifest", "another manifest names it", "set spec.connectionID to c1", "resync-requested"},
		},
		{
			name: "Matching, one that another manifest holds is waited for where there can be but one",
			seen: []connection.Candidate{meant("c1")}, matching: true, heldByOthers: map[string]string{"c1": "manifest okta"},
			verdict: connection.Conflict, id: "c1", says: []string{"belongs to manifest okta", "taken over when that manifest is deleted"},
		},
		{
			name: "Matching, one that was another's is ours when that one is gone",
			seen: []connection.Candidate{{ID: "c1", DisplayName: "okta"}}, contested: "c1", matching: true, shared: true,
			verdict: connection.Ours, id: "c1",
		},
		{
			name: "Matching, one that another manifest holds and that is alike is waited for",
			seen: []connection.Candidate{{ID: "c1", DisplayName: "Acme", Rival: true, Alike: true, Meant: true}}, matching: true, shared: true,
			heldByOthers: map[string]string{"c1": "manifest okta"},
			verdict:      connection.Conflict, id: "c1", says: []string{"taken over when that manifest is deleted"},
		},
		{
			name:  "where one is taken over, those that look like it and that nobody has are twins",
			named: "c1", shared: true, heldByOthers: map[string]string{"c4": "manifest okta"}, seen: []connection.Candidate{
				{ID: "c1", DisplayName: "Old"},
				{ID: "c3", DisplayName: "Old"},
				{ID: "c2", DisplayName: "Other", Alike: true},
				{ID: "c4", DisplayName: "Old"},
				{ID: "c5", DisplayName: "Other"},
				{ID: "c6", DisplayName: MarkedName("Old", OtherUID), Alike: true},
			},
			verdict: connection.Ours, id: "c1", twins: []string{"c2", "c3"},
		},
		{
			name: "where one is created, one with the same application is a twin",
			seen: []connection.Candidate{{ID: "c1", DisplayName: "Other", Alike: true}}, shared: true,
			verdict: connection.None, twins: []string{"c1"},
		},
		{
			name:    "another manifest's mark is nothing to us",
			seen:    []connection.Candidate{marked("c1", OtherUID)},
			verdict: connection.None,
		},
		{
			name:    "a mark in the middle of a name is none",
			seen:    []connection.Candidate{{ID: "c1", DisplayName: MarkedName("Acme", ManifestUID) + " (old)"}},
			verdict: connection.None,
		},
		{
			name:    "nothing in a list begun at the very time from which it is believable is none",
			verdict: connection.None,
		},
		{
			name:    "nothing in a list begun a moment earlier is a doubt",
			early:   true,
			verdict: connection.Doubt,
		},
		{
			name:    "nothing of ours in an early list is a doubt, whoever else is there",
			seen:    []connection.Candidate{plain("c1"), marked("c2", OtherUID)},
			early:   true,
			verdict: connection.Doubt,
		},
	} {
		t.Run(s.name, s.check)
	}
}

func TestIdentifyNeverTakesWhatIsNeitherRecordedNorNamedNorMarked(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for range 2000 {
		s := randomSituation(random)
		got := s.identify()
		if got.Verdict != connection.Ours {
			continue
		}
		i := slices.IndexFunc(s.seen, func(c connection.Candidate) bool { return c.ID == got.ID })
		switch {
		case i < 0:
			t.Fatalf("%+v: %s is ours and was not seen", s, got.ID)
		case s.heldByOthers[got.ID] != "":
			t.Fatalf("%+v: %s is ours and another holds it", s, got.ID)
		case got.ID != s.recorded && got.ID != s.named && !bearsMark(s.seen[i].DisplayName, ManifestUID):
			t.Fatalf("%+v: %s is ours by likeness", s, got.ID)
		}
	}
}

func TestIdentifyCreatesOnlyWhereNothingIsRecordedNamedOrMarkedAndTheListIsBelievable(t *testing.T) {
	random := rand.New(rand.NewSource(2))
	for range 2000 {
		s := randomSituation(random)
		ownMark := func(c connection.Candidate) bool {
			return bearsMark(c.DisplayName, ManifestUID) && s.heldByOthers[c.ID] == ""
		}
		if s.identify().Verdict == connection.None && (s.recorded != "" || s.named != "" || s.early || slices.ContainsFunc(s.seen, ownMark)) {
			t.Fatalf("%+v: judged that there is none", s)
		}
	}
}

func randomSituation(random *rand.Rand) situation {
	ids := []string{"", "c1", "c2", "c3"}
	s := situation{
		recorded: ids[random.Intn(4)], named: ids[random.Intn(4)], heldByOthers: map[string]string{},
		shared: random.Intn(2) == 0, early: random.Intn(2) == 0,
	}
	for _, id := range ids[1:] {
		one := []connection.Candidate{plain(id), rival(id), marked(id, ManifestUID), marked(id, OtherUID)}[random.Intn(4)]
		if random.Intn(2) == 0 {
			s.seen = append(s.seen, one)
		}
		if random.Intn(3) == 0 {
			s.heldByOthers[id] = "manifest elder"
		}
	}
	random.Shuffle(len(s.seen), func(i, j int) { s.seen[i], s.seen[j] = s.seen[j], s.seen[i] })
	return s
}

func TestTheMarkOfAManifestNeverChanges(t *testing.T) {
	// What an earlier version of the operator wrote at Stytch must be known again.
	Same(t, "the mark", connection.UIDMark(ManifestUID), "7777bbda")
	Same(t, "the provisional name", MarkedName("Acme", ManifestUID), "Acme [new 7777bbda]")
	Same(t, "the label", connection.MarkLabel(connection.UIDMark(ManifestUID)), "new-7777bbda")
	if problems := validation.IsValidLabelValue(connection.MarkLabel(connection.UIDMark(ManifestUID))); len(problems) > 0 {
		t.Errorf("the mark is no value of a label: %v", problems)
	}
}

func TestAProvisionalNameIsMarkedForItsManifestAlone(t *testing.T) {
	for _, name := range []string{"", "Acme", strings.Repeat("ü", 255), "Acme [new 00000000]"} {
		provisional := MarkedName(name, ManifestUID)
		if !bearsMark(provisional, ManifestUID) {
			t.Errorf("%q does not bear the mark", provisional)
		}
		if bearsMark(provisional, OtherUID) {
			t.Errorf("%q bears another manifest's mark", provisional)
		}
		if bearsMark(name, ManifestUID) {
			t.Errorf("%q bears the mark before it is given", name)
		}
	}
}

func TestAProvisionalNameIsCutBetweenRunesAndKeepsItsMark(t *testing.T) {
	marking := utf8.RuneCountInString(MarkedName("", ManifestUID))
	for _, test := range []struct{ runes, kept int }{{199, 199}, {200, 200}, {201, 200}, {255, 200}} {
		name := MarkedName(strings.Repeat("ü", test.runes), ManifestUID)
		if got := utf8.RuneCountInString(name); got != test.kept+marking || !utf8.ValidString(name) {
			t.Errorf("a name of %d runes becomes one of %d, want %d and the mark of %d", test.runes, got, test.kept, marking)
		}
	}
}

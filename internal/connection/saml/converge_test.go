package saml_test

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
)

// letters are certificates that are called by letters.
type letters map[string]IssuedCertificate

// alphabets are the letters a to h eight times, each time with other ends: from two years before noon to three years after it, and for two
// letters none that can be read.
var alphabets = sync.OnceValue(func() [8]letters {
	var made [8]letters
	for first := range made {
		made[first] = letters{}
		for i := range 8 {
			letter := string(rune('a' + i))
			if end := (first + i) % 8; end < 6 {
				made[first][letter] = IssueCertificate(&testing.T{}, letter, YearsOn(end-2))
			} else {
				made[first][letter] = endless(first, letter)
			}
		}
	}
	return made
})

// endless is a certificate that Go's parser cannot read, so that nobody knows its end.
func endless(first int, letter string) IssuedCertificate {
	der, err := asn1.Marshal(struct {
		Certificate []string
		Algorithm   pkix.AlgorithmIdentifier
		Signature   asn1.BitString
	}{Certificate: []string{letter, fmt.Sprint(first)}, Algorithm: pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 3}}})
	if err != nil {
		panic(err)
	}
	return IssuedCertificate{DER: der, PEM: PEMBlock("CERTIFICATE", der), SHA256: SHA256Of(string(der))}
}

// names puts letters in the place of fingerprints.
func (l letters) names(text string) string {
	for letter, c := range l {
		text = strings.ReplaceAll(text, c.SHA256, letter)
	}
	return text
}

// certified is a rollover of a connection that has some certificates, and whose manifest wants others.
func certified(random *rand.Rand, have []RemoteCertificate, want []IssuedCertificate) *rollover {
	r := rolloverOf(random, &Remote{Document: document0(), Certificates: have})
	for _, c := range want {
		r.Held.Spec.VerificationCertificates = append(r.Held.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: c.PEM})
	}
	return r
}

// present counts the certificates of a list that are at Stytch.
func present(list []IssuedCertificate, is []RemoteCertificate) int {
	count := 0
	for _, w := range list {
		if slices.ContainsFunc(is, func(c RemoteCertificate) bool { return c.Shown == w.SHA256 }) {
			count++
		}
	}
	return count
}

// ended says that a certificate had ended by noon. One whose end nobody knows has not.
func ended(c IssuedCertificate) bool { return !c.Ends.IsZero() && !c.Ends.After(Noon) }

// lasting are the certificates of a list that have not ended.
func lasting(list []IssuedCertificate) []IssuedCertificate {
	return slices.DeleteFunc(slices.Clone(list), ended)
}

// randomCertificates are some of an alphabet, a few of them twice or unreadable.
func randomCertificates(random *rand.Rand, alphabet letters) []RemoteCertificate {
	var list []RemoteCertificate
	for i := range random.Intn(6) {
		c := alphabet[string(rune('a'+random.Intn(8)))]
		if random.Intn(8) == 0 {
			c = IssuedCertificate{Ends: c.Ends}
		}
		list = append(list, RemoteCertificate{IssuedCertificate: c, ID: fmt.Sprintf("old-%d", random.Intn(90)*10+i), Shown: c.SHA256})
	}
	return list
}

func randomWish(random *rand.Rand, alphabet letters) []IssuedCertificate {
	var desired []IssuedCertificate
	for _, letter := range Among(random, []string{"a", "b", "c", "d", "e", "f", "g", "h"}, 1, 5) {
		desired = append(desired, alphabet[letter])
	}
	return desired
}

func TestAnySetOfCertificatesBecomesTheWantedOneWithoutALoss(t *testing.T) {
	t.Parallel()
	for seed := range int64(5000) {
		random := rand.New(rand.NewSource(seed))
		alphabet := alphabets()[random.Intn(8)]
		have, want := randomCertificates(random, alphabet), randomWish(random, alphabet)
		r := certified(random, have, want)
		r.Held.Spec.IDPEntityID = "urn:x"
		r.Watch = r.watchCertificates(t, want)
		out := r.Pass(t)
		began := alphabet.names(fmt.Sprint(have, " → ", want))
		if out.Err != nil || len(out.Plan) > 0 || len(out.Stuck) > 0 {
			t.Fatalf("%s: it ended with %v, the plan %s, stuck %s", began, out.Err, Story(out.Plan), InJSON(t, out.Stuck))
		}
		r.checkCertificates(t, began, want)
		if n := sends(r.Log, "idp_entity_id"); n != 1 {
			t.Fatalf("%s: the setting was sent %d times", began, n)
		}
	}
}

// checkCertificates checks that those that are wanted are there, and no others. One that has ended is not sent, and what is there in
// its place stays.
func (r *rollover) checkCertificates(t *testing.T, began string, want []IssuedCertificate) {
	t.Helper()
	is := r.Remote.Certificates
	there := present(want, is)
	inVain := there < len(want)
	ok := present(lasting(want), is) == len(lasting(want))
	if inVain {
		ok = ok && !takes(r.Log, saml.DeleteCertificate)
	} else {
		ok = ok && (len(is) == len(want) || onlyTheOthersAreValid(want, is))
	}
	if !ok {
		t.Fatalf("%s: %s left %v", began, Story(r.Log), is)
	}
}

// takes says whether one of the steps is this action.
func takes(log []connection.Step, action connection.Action) bool {
	return slices.ContainsFunc(log, func(s connection.Step) bool { return s.Action == action })
}

// onlyTheOthersAreValid says that each wanted certificate has ended, so that those that nobody wants stay.
func onlyTheOthersAreValid(want []IssuedCertificate, is []RemoteCertificate) bool {
	others := false
	for _, c := range is {
		if wanted := present(want, []RemoteCertificate{c}) > 0; wanted && !ended(c.IssuedCertificate) {
			return false
		}
		others = others || !ended(c.IssuedCertificate)
	}
	return others
}

// watchCertificates fails the test where a step leaves fewer wanted certificates than before, or none where there was one, or
// removes one while a wanted one is missing and a slot is free for it.
func (r *rollover) watchCertificates(t *testing.T, want []IssuedCertificate) func(connection.Step) {
	t.Helper()
	before := r.Remote.Certificates
	return func(last connection.Step) {
		t.Helper()
		is := r.Remote.Certificates
		lost := present(want, is) < present(want, before) && !freed(last, before) || len(before) > 0 && len(is) == 0
		early := last.Action == saml.DeleteCertificate && present(lasting(want), is) < len(lasting(want))
		if lost || early {
			t.Fatalf("%s turned %v into %v on the way to %v", Story(r.Log), before, is, want)
		}
		before = is
	}
}

// freed says whether a step made room, where there was none, by a certificate that has ended.
func freed(step connection.Step, before []RemoteCertificate) bool {
	return step.Action == saml.FreeCertificate && len(before) == 5 && slices.ContainsFunc(before, func(c RemoteCertificate) bool {
		return c.ID == step.Target && ended(c.IssuedCertificate)
	})
}

// sends counts the steps that carry a field.
func sends(log []connection.Step, field string) int {
	count := 0
	for _, s := range log {
		if slices.ContainsFunc(s.Changes, func(c connection.Change) bool { return c.Field == field }) {
			count++
		}
	}
	return count
}

func TestNoCertificateIsRemovedWhileTheManifestHoldsOneThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for seed := range int64(1000) {
		random := rand.New(rand.NewSource(seed))
		alphabet := alphabets()[random.Intn(8)]
		have, want := randomCertificates(random, alphabet), randomWish(random, alphabet)
		r := certified(random, have, want)
		r.Held.Spec.VerificationCertificates = append(r.Held.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: "x"})
		before := have
		r.Watch = func(step connection.Step) {
			if len(r.Remote.Certificates) < len(before) && !freed(step, before) {
				t.Fatalf("%s removes one of %v that had not ended, or more than makes room", alphabet.names(Story(r.Log)), before)
			}
			before = r.Remote.Certificates
		}
		if out := r.Pass(t); takes(append(r.Log, out.Plan...), saml.DeleteCertificate) {
			t.Fatalf("%s and then %s removes from %v", alphabet.names(Story(r.Log)), Story(out.Plan), have)
		}
	}
}

// atFar are certificates of Stytch, written as letter:id:years until they end.
func (l letters) atFar(t *testing.T, list ...string) []RemoteCertificate {
	t.Helper()
	var made []RemoteCertificate
	for _, c := range CertificatesAtStytch(list...) {
		l[c.SHA256] = IssueCertificate(t, c.SHA256, c.ExpiresAt)
		made = append(made, RemoteCertificate{IssuedCertificate: l[c.SHA256], ID: c.ID, Shown: l[c.SHA256].SHA256})
	}
	return made
}

func TestACertificateThatReadsBackDifferentIsSentOnceAndNothingIsRemoved(t *testing.T) {
	all := func(letters) func(string) string { return func(sha256 string) string { return "x" + sha256[1:] } }
	onlyA := func(l letters) func(string) string {
		return func(sha256 string) string {
			if sha256 == l["a"].SHA256 {
				return "x" + sha256[1:]
			}
			return sha256
		}
	}
	unreadable := func(letters) func(string) string { return func(string) string { return "" } }
	asO := func(l letters) func(string) string { return func(string) string { return l["o"].SHA256 } }
	for _, test := range []struct {
		name  string
		want  string
		have  []string
		shows func(letters) func(sha256 string) string
		story string
	}{
		{"the only one", "a", nil, all, "+a"},
		{"the only one, which cannot be read", "a", nil, unreadable, "+a"},
		{"one before another that is good", "a b", nil, onlyA, "+a +b"},
		{"one after another that is good", "b a", nil, onlyA, "+b +a"},
		{"two that cannot be read", "a b", nil, unreadable, "+a +b"},
		{"three that cannot be read", "a b c", []string{"o:1:1"}, unreadable, "+a +b +c"},
		{"two that come back as one that is there already", "a b", []string{"o:1:1"}, asO, "+a +b"},
		{"one beside an old one", "a", []string{"o:1:1"}, all, "+a"},
		{"one in the slot of a freed one", "a", []string{"o:1:1", "p:2:2", "q:3:3", "r:4:4", "s:5:5"}, all, "free:1 +a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := letters{}
			have := l.atFar(t, test.have...)
			var want []IssuedCertificate
			for letter := range strings.FieldsSeq(test.want) {
				l[letter] = IssueCertificate(t, letter, YearsOn(9))
				want = append(want, l[letter])
			}
			r := certified(rand.New(rand.NewSource(1)), have, want)
			r.Remote.Habits.Shows = test.shows(l)
			out := r.Pass(t)
			Same(t, "how it ended", out.Err, error(nil))
			Same(t, "the steps", l.names(Story(r.Log)), test.story)
			if len(out.Stuck) == 0 {
				t.Error("nothing is said to be stuck")
			}
			r.Pass(t)
			Same(t, "the steps of the next pass", l.names(Story(r.Log)), "")
		})
	}
}

func TestASettingThatReadsBackDifferentIsSentOnceUntilHaveOrWantChanges(t *testing.T) {
	r := certified(rand.New(rand.NewSource(1)), nil, nil)
	r.Remote.NameIDFormat, r.Remote.Habits.Ignores = "old", "nameid_format"
	r.Held.Spec.NameIDFormat, r.Held.Spec.IDPEntityID = new("new"), "urn:x"
	pass := func(steps string) Outcome {
		t.Helper()
		out := r.Pass(t)
		Same(t, "the steps", Story(r.Log), steps)
		return out
	}
	pass("idp_entity_id&nameid_format")
	pass("")
	r.Remote.IDPEntityID = "drift"
	pass("idp_entity_id")
	r.Remote.NameIDFormat = "drift"
	pass("nameid_format")
	pass("")
	r.Held.Spec.NameIDFormat = new("newer")
	pass("nameid_format")
	r.Remote.Habits.Ignores, r.Remote.NameIDFormat = "", "newer"
	Same(t, "what is stuck at the end", pass("").Stuck, []v1alpha1.NotConverging(nil))
}

package connection_test

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// letters are certificates that are called by letters.
type letters map[string]issued

// alphabets are the letters a to h eight times, each time with other ends: from two years before noon to three years after it, and for two
// letters none that can be read.
var alphabets = sync.OnceValue(func() [8]letters {
	var made [8]letters
	for first := range made {
		made[first] = letters{}
		for i := range 8 {
			letter := string(rune('a' + i))
			if end := (first + i) % 8; end < 6 {
				made[first][letter] = issue(&testing.T{}, letter, yearsOn(end-2))
			} else {
				made[first][letter] = endless(first, letter)
			}
		}
	}
	return made
})

// endless is a certificate that Go's parser cannot read, so that nobody knows its end.
func endless(first int, letter string) issued {
	der, err := asn1.Marshal(struct {
		Certificate []string
		Algorithm   pkix.AlgorithmIdentifier
		Signature   asn1.BitString
	}{Certificate: []string{letter, fmt.Sprint(first)}, Algorithm: pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 3}}})
	if err != nil {
		panic(err)
	}
	return issued{der: der, pem: block("CERTIFICATE", der), sha256: sumOf(string(der))}
}

// names puts letters in the place of fingerprints.
func (l letters) names(text string) string {
	for letter, c := range l {
		text = strings.ReplaceAll(text, c.sha256, letter)
	}
	return text
}

// certified is a rollover of a connection that has some certificates, and whose manifest wants others.
func certified(random *rand.Rand, have []farCertificate, want []issued) *rollover {
	r := rolloverOf(random, &far{document: document0(), certificates: have})
	for _, c := range want {
		r.held.Spec.VerificationCertificates = append(r.held.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: c.pem})
	}
	return r
}

// present counts the certificates of a list that are at Stytch.
func present(list []issued, is []farCertificate) int {
	count := 0
	for _, w := range list {
		if slices.ContainsFunc(is, func(c farCertificate) bool { return c.shown == w.sha256 }) {
			count++
		}
	}
	return count
}

// ended says that a certificate had ended by noon. One whose end nobody knows has not.
func ended(c issued) bool { return !c.ends.IsZero() && !c.ends.After(noon) }

// lasting are the certificates of a list that have not ended.
func lasting(list []issued) []issued {
	return slices.DeleteFunc(slices.Clone(list), ended)
}

// randomCertificates are some of an alphabet, a few of them twice or unreadable.
func randomCertificates(random *rand.Rand, alphabet letters) []farCertificate {
	var list []farCertificate
	for i := range random.Intn(6) {
		c := alphabet[string(rune('a'+random.Intn(8)))]
		if random.Intn(8) == 0 {
			c = issued{ends: c.ends}
		}
		list = append(list, farCertificate{c, fmt.Sprintf("old-%d", random.Intn(90)*10+i), c.sha256})
	}
	return list
}

func randomWish(random *rand.Rand, alphabet letters) []issued {
	var desired []issued
	for _, letter := range among(random, []string{"a", "b", "c", "d", "e", "f", "g", "h"}, 1, 5) {
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
		r.held.Spec.IDPEntityID = "urn:x"
		r.watch = r.watchCertificates(t, want)
		out := r.pass(t)
		began := alphabet.names(fmt.Sprint(have, " → ", want))
		if out.err != nil || len(out.plan) > 0 || len(out.stuck) > 0 {
			t.Fatalf("%s: it ended with %v, the plan %s, stuck %s", began, out.err, story(out.plan), inJSON(t, out.stuck))
		}
		r.checkCertificates(t, began, want)
		if n := sends(r.log, "idp_entity_id"); n != 1 {
			t.Fatalf("%s: the setting was sent %d times", began, n)
		}
	}
}

// checkCertificates checks that those that are wanted are there, and no others. One that has ended is not sent, and what is there in
// its place stays.
func (r *rollover) checkCertificates(t *testing.T, began string, want []issued) {
	t.Helper()
	is := r.far.certificates
	there := present(want, is)
	inVain := there < len(want)
	ok := present(lasting(want), is) == len(lasting(want))
	if inVain {
		ok = ok && !takes(r.log, saml.DeleteCertificate)
	} else {
		ok = ok && (len(is) == len(want) || onlyTheOthersAreValid(want, is))
	}
	if !ok {
		t.Fatalf("%s: %s left %v", began, story(r.log), is)
	}
}

// takes says whether one of the steps is this action.
func takes(log []connection.Step, action connection.Action) bool {
	return slices.ContainsFunc(log, func(s connection.Step) bool { return s.Action == action })
}

// onlyTheOthersAreValid says that each wanted certificate has ended, so that those that nobody wants stay.
func onlyTheOthersAreValid(want []issued, is []farCertificate) bool {
	others := false
	for _, c := range is {
		if wanted := present(want, []farCertificate{c}) > 0; wanted && !ended(c.issued) {
			return false
		}
		others = others || !ended(c.issued)
	}
	return others
}

// watchCertificates fails the test where a step leaves fewer wanted certificates than before, or none where there was one, or
// removes one while a wanted one is missing and a slot is free for it.
func (r *rollover) watchCertificates(t *testing.T, want []issued) func(connection.Step) {
	t.Helper()
	before := r.far.certificates
	return func(last connection.Step) {
		t.Helper()
		is := r.far.certificates
		lost := present(want, is) < present(want, before) && !freed(last, before) || len(before) > 0 && len(is) == 0
		early := last.Action == saml.DeleteCertificate && present(lasting(want), is) < len(lasting(want))
		if lost || early {
			t.Fatalf("%s turned %v into %v on the way to %v", story(r.log), before, is, want)
		}
		before = is
	}
}

// freed says whether a step made room, where there was none, by a certificate that has ended.
func freed(step connection.Step, before []farCertificate) bool {
	return step.Action == saml.FreeCertificate && len(before) == 5 && slices.ContainsFunc(before, func(c farCertificate) bool {
		return c.id == step.Target && ended(c.issued)
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
		r.held.Spec.VerificationCertificates = append(r.held.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: "x"})
		before := have
		r.watch = func(step connection.Step) {
			if len(r.far.certificates) < len(before) && !freed(step, before) {
				t.Fatalf("%s removes one of %v that had not ended, or more than makes room", alphabet.names(story(r.log)), before)
			}
			before = r.far.certificates
		}
		if out := r.pass(t); takes(append(r.log, out.plan...), saml.DeleteCertificate) {
			t.Fatalf("%s and then %s removes from %v", alphabet.names(story(r.log)), story(out.plan), have)
		}
	}
}

// atFar are certificates of Stytch, written as letter:id:years until they end.
func (l letters) atFar(t *testing.T, list ...string) []farCertificate {
	t.Helper()
	var made []farCertificate
	for _, c := range certificates(list...) {
		l[c.SHA256] = issue(t, c.SHA256, c.ExpiresAt)
		made = append(made, farCertificate{l[c.SHA256], c.ID, l[c.SHA256].sha256})
	}
	return made
}

func TestACertificateThatReadsBackDifferentIsSentOnceAndNothingIsRemoved(t *testing.T) {
	all := func(letters) func(string) string { return func(sha256 string) string { return "x" + sha256[1:] } }
	onlyA := func(l letters) func(string) string {
		return func(sha256 string) string {
			if sha256 == l["a"].sha256 {
				return "x" + sha256[1:]
			}
			return sha256
		}
	}
	unreadable := func(letters) func(string) string { return func(string) string { return "" } }
	asO := func(l letters) func(string) string { return func(string) string { return l["o"].sha256 } }
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
			var want []issued
			for letter := range strings.FieldsSeq(test.want) {
				l[letter] = issue(t, letter, yearsOn(9))
				want = append(want, l[letter])
			}
			r := certified(rand.New(rand.NewSource(1)), have, want)
			r.far.habits.shows = test.shows(l)
			out := r.pass(t)
			same(t, "how it ended", out.err, error(nil))
			same(t, "the steps", l.names(story(r.log)), test.story)
			if len(out.stuck) == 0 {
				t.Error("nothing is said to be stuck")
			}
			r.pass(t)
			same(t, "the steps of the next pass", l.names(story(r.log)), "")
		})
	}
}

func TestASettingThatReadsBackDifferentIsSentOnceUntilHaveOrWantChanges(t *testing.T) {
	r := certified(rand.New(rand.NewSource(1)), nil, nil)
	r.far.NameIDFormat, r.far.habits.ignores = "old", "nameid_format"
	r.held.Spec.NameIDFormat, r.held.Spec.IDPEntityID = new("new"), "urn:x"
	pass := func(steps string) outcome {
		t.Helper()
		out := r.pass(t)
		same(t, "the steps", story(r.log), steps)
		return out
	}
	pass("idp_entity_id&nameid_format")
	pass("")
	r.far.IDPEntityID = "drift"
	pass("idp_entity_id")
	r.far.NameIDFormat = "drift"
	pass("nameid_format")
	pass("")
	r.held.Spec.NameIDFormat = new("newer")
	pass("nameid_format")
	r.far.habits.ignores, r.far.NameIDFormat = "", "newer"
	same(t, "what is stuck at the end", pass("").stuck, []v1alpha1.NotConverging(nil))
}

func TestATokenThatWasLostEndsInTheSecretWhateverACrashLeft(t *testing.T) {
	base := scimRemote().BaseURL
	for _, secret := range []connection.Token{
		{},
		{LastFour: "aaaa", BaseURL: base},
		{LastFour: "aaaa", BaseURL: "old"},
		{NextLastFour: "nnnn", BaseURL: base},
		{LastFour: "aaaa", NextLastFour: "nnnn", BaseURL: base},
		{NextLastFour: "nnnn"},
		{NextLastFour: "aaaa"},
		{LastFour: "oooo", NextLastFour: "aaaa"},
		{LastFour: "oooo", BaseURL: "old"},
		{Foreign: true},
	} {
		for _, next := range []string{"", "nnnn"} {
			for _, isNew := range []bool{true, false} {
				t.Run(fmt.Sprintf("secret %q %q %q, foreign %t, next %q, new %t", secret.LastFour, secret.NextLastFour, secret.BaseURL, secret.Foreign, next, isNew), func(t *testing.T) {
					l := newLost(rand.New(rand.NewSource(1)), secret, next, isNew)
					l.watch = l.watchMark(t)
					out := l.pass(t)
					same(t, "how it ended", out.err, error(nil))
					same(t, "what is stuck", out.stuck, []v1alpha1.NotConverging(nil))
					l.checkToken(t, secret, next, isNew)
				})
			}
		}
	}
}

// lost is a SCIM connection whose token may have been lost.
type lost struct {
	*stage[*v1alpha1.SCIMConnection, stytch.SCIMConnection]
}

func newLost(random *rand.Rand, secret connection.Token, next string, isNew bool) lost {
	f := &far{document: document{DisplayName: "Acme"}, token: farToken{"aaaa", next}}
	if isNew {
		f.DisplayName = connection.ProvisionalName("Acme", manifestUID)
	}
	switch {
	case secret.Foreign:
		f.secret = tokenSecret("", nil)
	case secret != (connection.Token{}):
		f.secret = tokenSecret(scimID, nil)
		f.secret.Data = secretData(secret)
	}
	l := lost{newSCIM(random, f)}
	l.held.Spec.DisplayName = "Acme"
	return l
}

// isNew says that the connection still bears its mark.
func (l lost) isNew() bool { return connection.Marked(l.far.DisplayName, manifestUID) }

// watchMark fails the test where the mark goes before the Secret holds the token and no rotation is open.
func (l lost) watchMark(t *testing.T) func(connection.Step) {
	t.Helper()
	wasNew := l.isNew()
	return func(connection.Step) {
		if wasNew && !l.isNew() && (l.far.inSecret().LastFour != l.far.token.lastFour || l.far.token.next != "") {
			t.Fatalf("%s: the mark went while Stytch accepts %+v and the Secret holds %+v", story(l.log), l.far.token, l.far.inSecret())
		}
	}
}

// checkToken checks how it ended.
func (l lost) checkToken(t *testing.T, began connection.Token, next string, wasNew bool) {
	t.Helper()
	if began.Foreign {
		same(t, "the steps beside a Secret that is not ours", story(l.log), "")
		return
	}
	token, secret := l.far.token, l.far.inSecret()
	if wasNew {
		want := connection.Token{LastFour: token.lastFour, BaseURL: scimRemote().BaseURL}
		if secret != want || token.next != "" || l.isNew() || len(l.log) > 5 {
			t.Errorf("%s: Stytch accepts %+v, the Secret holds %+v, still new: %t", story(l.log), token, secret, l.isNew())
		}
		return
	}
	kept := began.LastFour
	if began.NextLastFour == "aaaa" { // it was completed
		kept = "aaaa"
	}
	if token != (farToken{"aaaa", next}) || secret.LastFour != kept {
		t.Errorf("%s: a token that may be in use was changed", story(l.log))
	}
}

func TestATokenIsRecoveredThoughTheProcessIsLostAtAnyStep(t *testing.T) {
	t.Parallel()
	for seed := range int64(500) {
		random := rand.New(rand.NewSource(seed))
		l := newLost(random, connection.Token{}, pick(random, "", "nnnn"), true)
		l.watch = l.watchMark(t)
		l.lose = func(connection.Step) string { return pick(random, "", "unanswered", "unanswered", "unkept", "unkept") }
		for crashes := 0; crashes < 10 && l.isNew(); crashes++ {
			if out := l.pass(t); out.err != nil && !errors.Is(out.err, errLost) {
				t.Fatalf("seed %d: %s ended with %v", seed, story(l.log), out.err)
			}
		}
		l.lose = nil
		same(t, "how it ended", l.pass(t).err, error(nil))
		l.checkToken(t, connection.Token{}, "", true)
	}
}

package connection_test

import (
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// pretend is one connection at Stytch, and the Secret of its token.
type pretend struct {
	is      connection.State
	secret  *connection.Token
	shows   func(fingerprint string) string // how an added certificate reads back; nil: as it is
	ignores string                          // a setting that an update does not change
	made    int                             // certificates and tokens so far
	log     []connection.Step
}

// take does what a step asks for, and fails the test where Stytch would refuse it.
func (p *pretend) take(t *testing.T, step connection.Step) {
	t.Helper()
	p.log = append(p.log, step)
	switch step.Action {
	case connection.Update:
		p.update(t, step)
	case connection.DeleteCertificate, connection.FreeCertificate:
		p.removeCertificate(t, step.Target)
	default:
		p.rotate(t, step)
	}
}

func (p *pretend) update(t *testing.T, step connection.Step) {
	t.Helper()
	added := 0
	for _, c := range step.Changes {
		if c.Field == "x509_certificate" {
			added++
			p.addCertificate(t, c)
		} else if c.Field != p.ignores {
			p.is.Settings[c.Field] = c.Want
		}
		if c.Field == "display_name" {
			p.is.New = false
		}
	}
	if added > 1 || len(step.Changes) == 0 {
		t.Fatalf("an update with %d certificates and %d changes", added, len(step.Changes))
	}
}

func (p *pretend) addCertificate(t *testing.T, c connection.Change) {
	t.Helper()
	if len(p.is.Certificates) == 5 {
		t.Fatal("a sixth certificate is sent")
	}
	if c.Want.Send != pemOf(c.Want.Same) {
		t.Fatalf("%v is sent as the certificate %s", c.Want.Send, c.Want.Same)
	}
	shown := c.Want.Same
	if p.shows != nil {
		shown = p.shows(shown)
	}
	p.made++
	p.is.Certificates = append(p.is.Certificates, connection.Certificate{SHA256: shown, ID: fmt.Sprintf("new-%d", p.made), ExpiresAt: yearsOn(9)})
}

func (p *pretend) removeCertificate(t *testing.T, id string) {
	t.Helper()
	i := slices.IndexFunc(p.is.Certificates, func(c connection.Certificate) bool { return c.ID == id })
	if i < 0 || len(p.is.Certificates) == 1 {
		t.Fatalf("the certificate %q of %d is deleted", id, len(p.is.Certificates))
	}
	p.is.Certificates = slices.Delete(slices.Clone(p.is.Certificates), i, i+1)
}

func (p *pretend) rotate(t *testing.T, step connection.Step) {
	t.Helper()
	token := *p.is.Token
	rotating := token.NextLastFour != ""
	ends, starts := step.Action == connection.CompleteRotation || step.Action == connection.CancelRotation, step.Action == connection.StartRotation
	if ends && !rotating || starts && rotating {
		t.Fatalf("%s while a rotation is under way: %t", step.Action, rotating)
	}
	if p.secret.Foreign {
		t.Fatalf("%s while the Secret is somebody else's", step.Action)
	}
	switch step.Action {
	case connection.StartRotation:
		p.made++
		token.NextLastFour = fmt.Sprintf("n%03d", p.made)
		p.secret = &connection.Token{LastFour: p.secret.LastFour, NextLastFour: token.NextLastFour, BaseURL: token.BaseURL}
	case connection.CompleteRotation:
		token.LastFour, token.NextLastFour = token.NextLastFour, ""
	case connection.CancelRotation:
		token.NextLastFour = ""
	case connection.PublishToken, connection.PromoteToken, connection.RecoverToken:
		data := secretData(*p.secret)
		if !connection.PutInOrder(data, step) {
			t.Fatalf("%s is not for a Secret that holds %+v", inJSON(t, step), *p.secret)
		}
		p.secret = &connection.Token{
			LastFour: stytch.Secret(data["token"]).LastFour(), NextLastFour: stytch.Secret(data["next-token"]).LastFour(), BaseURL: string(data["base-url"]),
		}
	default:
		t.Fatalf("%s is no step of a rotation", step.Action)
	}
	p.is.Token = &token
}

// secretData is a Secret that holds tokens with these ends.
func secretData(token connection.Token) map[string][]byte {
	data := map[string][]byte{"base-url": []byte(token.BaseURL)}
	for key, lastFour := range map[string]string{"token": token.LastFour, "next-token": token.NextLastFour} {
		if lastFour != "" {
			data[key] = []byte("a-token-ending-in-" + lastFour)
		}
	}
	return data
}

// seen is the connection as Stytch shows it, apart from what will become of it.
func (p *pretend) seen() connection.State {
	is := p.is
	is.Settings, is.Certificates = maps.Clone(is.Settings), slices.Clone(is.Certificates)
	return is
}

// converge takes steps as a pass does (controllers/converge.go), and returns what is left of the plan and what is stuck.
func (p *pretend) converge(t *testing.T, want connection.State, stuck []v1alpha1.NotConverging, watch func()) ([]connection.Step, []v1alpha1.NotConverging) {
	t.Helper()
	var done *connection.Step
	want.Now = noon
	for range maxSteps {
		want.Token = p.secret
		plan := planOf(want, p.seen())
		if done != nil {
			stuck = append(slices.Clone(stuck), connection.Repeated(*done, plan)...)
		}
		left, hold := connection.Withhold(plan, stuck)
		if len(left) == 0 {
			return plan, hold
		}
		p.take(t, left[0])
		watch()
		done, stuck = &left[0], hold
	}
	t.Fatalf("more than %d steps: %s", maxSteps, story(p.log))
	return nil, nil
}

const maxSteps = 40

func unwatched() {}

// present counts the wanted certificates that are at Stytch.
func present(want connection.State, is []connection.Certificate) int {
	count := 0
	for _, w := range want.Certificates {
		if slices.ContainsFunc(is, func(c connection.Certificate) bool { return c.SHA256 == w.SHA256 }) {
			count++
		}
	}
	return count
}

// randomCertificates are some of a few fingerprints, a few of them twice or unreadable.
func randomCertificates(random *rand.Rand) []connection.Certificate {
	var list []connection.Certificate
	first := random.Intn(8)
	for i := range random.Intn(6) {
		c := connection.Certificate{ID: fmt.Sprintf("old-%d", random.Intn(90)*10+i)}
		letter := random.Intn(8)
		if random.Intn(8) > 0 {
			c.SHA256 = string(rune('a' + letter))
		}
		if end := (first + letter) % 8; end < 6 { // the same certificate has one end
			c.ExpiresAt = yearsOn(end - 2)
		}
		list = append(list, c)
	}
	return list
}

func randomWish(random *rand.Rand) []connection.Certificate {
	fingerprints := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	random.Shuffle(len(fingerprints), func(i, j int) { fingerprints[i], fingerprints[j] = fingerprints[j], fingerprints[i] })
	return wished(fingerprints[:1+random.Intn(5)]...)
}

func TestAnySetOfCertificatesBecomesTheWantedOneWithoutALoss(t *testing.T) {
	for seed := range int64(5000) {
		random := rand.New(rand.NewSource(seed))
		want := connection.State{Certificates: randomWish(random), Settings: connection.Settings{"idp_entity_id": connection.Text("urn:x")}}
		p := &pretend{is: connection.State{Certificates: randomCertificates(random), Settings: connection.Settings{}}}
		began := certificateWords(p.is.Certificates) + " → " + certificateWords(want.Certificates)
		plan, stuck := p.converge(t, want, nil, p.watchCertificates(t, want))
		noSteps(t, plan)
		same(t, "what is stuck", stuck, []v1alpha1.NotConverging(nil))
		if n := len(want.Certificates); present(want, p.is.Certificates) != n || len(p.is.Certificates) != n && !onlyTheOthersAreValid(want, p.is.Certificates) {
			t.Fatalf("%s: %s left %s", began, story(p.log), certificateWords(p.is.Certificates))
		}
		if n := sends(p.log, "idp_entity_id"); n != 1 {
			t.Fatalf("%s: the setting was sent %d times", began, n)
		}
	}
}

// onlyTheOthersAreValid says that each wanted certificate has ended, so that those that nobody wants stay.
func onlyTheOthersAreValid(want connection.State, is []connection.Certificate) bool {
	others := false
	for _, c := range is {
		valid := c.ExpiresAt.IsZero() || c.ExpiresAt.After(noon)
		if wanted := present(want, []connection.Certificate{c}) > 0; wanted && valid {
			return false
		}
		others = others || valid
	}
	return others
}

// watchCertificates fails the test where a step leaves fewer wanted certificates than before, or none where there was one, or
// removes one while a wanted one is missing and a slot is free for it.
func (p *pretend) watchCertificates(t *testing.T, want connection.State) func() {
	t.Helper()
	before := p.is.Certificates
	return func() {
		t.Helper()
		is, last := p.is.Certificates, p.log[len(p.log)-1]
		lost := present(want, is) < present(want, before) && !freed(last, before) || len(before) > 0 && len(is) == 0
		early := last.Action == connection.DeleteCertificate && present(want, is) < len(want.Certificates)
		if lost || early {
			t.Fatalf("%s turned %s into %s on the way to %s", story(p.log), certificateWords(before), certificateWords(is), certificateWords(want.Certificates))
		}
		before = is
	}
}

// freed says whether a step made room, where there was none, by a certificate that has ended.
func freed(step connection.Step, before []connection.Certificate) bool {
	return step.Action == connection.FreeCertificate && len(before) == 5 && slices.ContainsFunc(before, func(c connection.Certificate) bool {
		return c.ID == step.Target && !c.ExpiresAt.IsZero() && !c.ExpiresAt.After(noon)
	})
}

// certificateWords are certificates in few words.
func certificateWords(list []connection.Certificate) string {
	var words []string
	for _, c := range list {
		words = append(words, c.SHA256+":"+c.ID)
	}
	return fmt.Sprint(words)
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
	for seed := range int64(1000) {
		random := rand.New(rand.NewSource(seed))
		want := connection.State{Certificates: randomWish(random), Incomplete: true}
		have := randomCertificates(random)
		for _, s := range planOf(want, connection.State{Certificates: have}) {
			if s.Action == connection.DeleteCertificate || s.Action == connection.FreeCertificate {
				t.Fatalf("%s is removed from %s", s.Target, certificateWords(have))
			}
		}
	}
}

func TestACertificateThatReadsBackDifferentIsSentOnceAndNothingIsRemoved(t *testing.T) {
	other := func(only string) func(string) string {
		return func(fingerprint string) string {
			if only == "" || fingerprint == only {
				return "x" + fingerprint
			}
			return fingerprint
		}
	}
	unreadable := func(string) string { return "" }
	for _, test := range []struct {
		name  string
		want  []connection.Certificate
		have  []connection.Certificate
		shows func(string) string
		story string
	}{
		{"the only one", wished("a"), nil, other(""), "+a"},
		{"the only one, which cannot be read", wished("a"), nil, unreadable, "+a"},
		{"one before another that is good", wished("a", "b"), nil, other("a"), "+a +b"},
		{"one after another that is good", wished("b", "a"), nil, other("a"), "+b +a"},
		{"two that cannot be read", wished("a", "b"), nil, unreadable, "+a +b"},
		{"three that cannot be read", wished("a", "b", "c"), certificates("o:1:1"), unreadable, "+a +b +c"},
		{"two that come back as one that is there already", wished("a", "b"), certificates("o:1:1"), func(string) string { return "o" }, "+a +b"},
		{"one beside an old one", wished("a"), certificates("o:1:1"), other(""), "+a"},
		{"one in the slot of a freed one", wished("a"), certificates("o:1:1", "p:2:2", "q:3:3", "r:4:4", "s:5:5"), other(""), "free:1 +a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &pretend{is: connection.State{Certificates: test.have}, shows: test.shows}
			want := connection.State{Certificates: test.want}
			_, stuck := p.converge(t, want, nil, unwatched)
			same(t, "the steps", story(p.log), test.story)
			if len(stuck) == 0 {
				t.Error("nothing is said to be stuck")
			}
			p.log = nil
			p.converge(t, want, stuck, unwatched)
			same(t, "the steps of the next pass", story(p.log), "")
		})
	}
}

func TestASettingThatReadsBackDifferentIsSentOnceUntilHaveOrWantChanges(t *testing.T) {
	p := &pretend{is: connection.State{Settings: connection.Settings{"nameid_format": connection.Text("old")}}, ignores: "nameid_format"}
	want := connection.State{Settings: connection.Settings{"nameid_format": connection.Text("new"), "idp_entity_id": connection.Text("urn:x")}}
	pass := func(stuck []v1alpha1.NotConverging, steps string) []v1alpha1.NotConverging {
		t.Helper()
		p.log = nil
		_, stuck = p.converge(t, want, stuck, unwatched)
		same(t, "the steps", story(p.log), steps)
		return stuck
	}
	stuck := pass(nil, "idp_entity_id&nameid_format")
	stuck = pass(stuck, "")
	p.is.Settings["idp_entity_id"] = connection.Text("drift")
	stuck = pass(stuck, "idp_entity_id")
	p.is.Settings["nameid_format"] = connection.Text("drift")
	stuck = pass(stuck, "nameid_format")
	stuck = pass(stuck, "")
	want.Settings["nameid_format"] = connection.Text("newer")
	stuck = pass(stuck, "nameid_format")
	p.ignores = ""
	p.is.Settings["nameid_format"] = connection.Text("newer")
	stuck = pass(stuck, "")
	same(t, "what is stuck at the end", stuck, []v1alpha1.NotConverging(nil))
}

func TestATokenThatWasLostEndsInTheSecretWhateverACrashLeft(t *testing.T) {
	const base = "https://api.stytch.com/scim"
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
					p := newPretendToken(secret, next, isNew)
					_, stuck := p.converge(t, wantedName(), nil, p.watchMark(t))
					same(t, "what is stuck", stuck, []v1alpha1.NotConverging(nil))
					p.checkToken(t, secret, next, isNew)
				})
			}
		}
	}
}

func wantedName() connection.State {
	return connection.State{Settings: connection.Settings{"display_name": connection.Text("Acme")}}
}

func newPretendToken(secret connection.Token, next string, isNew bool) *pretend {
	p := &pretend{secret: &secret, is: connection.State{
		Settings: connection.Settings{"display_name": connection.Text("Acme")}, New: isNew,
		Token: &connection.Token{LastFour: "aaaa", NextLastFour: next, BaseURL: "https://api.stytch.com/scim"},
	}}
	if isNew {
		p.is.Settings["display_name"] = connection.Text(connection.ProvisionalName("Acme", manifestUID))
	}
	return p
}

// watchMark fails the test where the mark goes before the Secret holds the token and no rotation is open.
func (p *pretend) watchMark(t *testing.T) func() {
	t.Helper()
	wasNew := p.is.New
	return func() {
		if wasNew && !p.is.New && (p.secret.LastFour != p.is.Token.LastFour || p.is.Token.NextLastFour != "") {
			t.Fatalf("%s: the mark went while Stytch accepts %+v and the Secret holds %+v", story(p.log), *p.is.Token, *p.secret)
		}
	}
}

// checkToken checks how it ended.
func (p *pretend) checkToken(t *testing.T, began connection.Token, next string, wasNew bool) {
	t.Helper()
	if began.Foreign {
		same(t, "the steps beside a Secret that is not ours", story(p.log), "")
		return
	}
	if wasNew {
		want := connection.Token{LastFour: p.is.Token.LastFour, BaseURL: p.is.Token.BaseURL}
		if *p.secret != want || p.is.Token.NextLastFour != "" || p.is.New || len(p.log) > 5 {
			t.Errorf("%s: Stytch accepts %+v, the Secret holds %+v, still new: %t", story(p.log), *p.is.Token, *p.secret, p.is.New)
		}
		return
	}
	kept := began.LastFour
	if began.NextLastFour == "aaaa" { // it was completed
		kept = "aaaa"
	}
	if p.is.Token.LastFour != "aaaa" || p.is.Token.NextLastFour != next || p.secret.LastFour != kept {
		t.Errorf("%s: a token that may be in use was changed", story(p.log))
	}
}

func TestATokenIsRecoveredThoughTheProcessIsLostAtAnyStep(t *testing.T) {
	for seed := range int64(500) {
		random := rand.New(rand.NewSource(seed))
		p := newPretendToken(connection.Token{}, []string{"", "nnnn"}[random.Intn(2)], true)
		watch := p.watchMark(t)
		for crashes := 0; crashes < 10 && p.is.New; crashes++ {
			p.crash(t, random)
			watch()
		}
		p.log = nil
		p.converge(t, wantedName(), nil, watch)
		p.checkToken(t, connection.Token{}, "", true)
	}
}

// crash takes the next step and loses its answer, or the write of the Secret that should have followed.
func (p *pretend) crash(t *testing.T, random *rand.Rand) {
	t.Helper()
	want := wantedName()
	want.Token = p.secret
	plan := planOf(want, p.seen())
	if len(plan) == 0 {
		return
	}
	before := p.secret
	p.take(t, plan[0])
	if random.Intn(2) == 0 {
		p.secret = before
	}
}

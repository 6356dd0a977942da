package oidc_test

import (
	"errors"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/oidc"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

const (
	issuerA = "https://a.example.com"
	issuerB = "https://b.example.com"
	// issuerLate is one whose document cannot always be read.
	issuerLate = "https://late.example.com"
)

// noon is a time like any other.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// urlOf is one of the four: its field of the update endpoint, and where a manifest and status have it.
type urlOf struct {
	field, name string
	spec        func(*v1alpha1.OIDCConnectionSpec) *string
	found       func(*v1alpha1.DiscoveredStatus) *string
}

var urls = []urlOf{
	{
		"authorization_url", "authorizationURL",
		func(s *v1alpha1.OIDCConnectionSpec) *string { return &s.AuthorizationURL },
		func(d *v1alpha1.DiscoveredStatus) *string { return &d.AuthorizationURL },
	},
	{
		"token_url", "tokenURL",
		func(s *v1alpha1.OIDCConnectionSpec) *string { return &s.TokenURL },
		func(d *v1alpha1.DiscoveredStatus) *string { return &d.TokenURL },
	},
	{
		"userinfo_url", "userinfoURL",
		func(s *v1alpha1.OIDCConnectionSpec) *string { return &s.UserinfoURL },
		func(d *v1alpha1.DiscoveredStatus) *string { return &d.UserinfoURL },
	},
	{
		"jwks_url", "jwksURL",
		func(s *v1alpha1.OIDCConnectionSpec) *string { return &s.JWKSURL },
		func(d *v1alpha1.DiscoveredStatus) *string { return &d.JWKSURL },
	},
}

// documentOf is a whole discovery document of an issuer.
func documentOf(issuer string) map[string]string {
	document := map[string]string{}
	for _, u := range urls {
		document[u.field] = issuer + "/" + u.name
	}
	return document
}

// errLost says that the process was lost, and errRefused is Stytch's refusal.
var (
	errLost    = errors.New("lost")
	errRefused = &stytch.Error{Request: stytch.Request{Operation: "UpdateOIDCConnection", StatusCode: 400, ErrorType: "invalid"}, Class: stytch.Rejected}
)

// scene is a manifest, and its connection at a pretended Stytch that reads a discovery document only when the issuer changes: what
// the document lacks stays, and what is sent with the issuer wins.
type scene struct {
	o         *v1alpha1.OIDCConnection // as the API server has it
	far       map[string]string        // the connection, by field
	from      origins
	documents map[string]map[string]string
	lose      func(connection.Step) string // "": the update is answered; "refused"; "before", "after": the process is lost before or after its effect

	active bool                  // Stytch calls it active whatever it lacks
	watch  func(connection.Step) // is told of each step before it is taken

	sent     []string // the fields of each update of the last pass
	issuers  []string // that were sent by now
	relisted int      // how often a list was asked for that the pass began itself
	report   connection.Report
	said     connection.Finding
}

func newScene() *scene {
	o := &v1alpha1.OIDCConnection{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "entra", UID: "uid", Generation: 1}}
	o.Spec.Organization, o.Spec.Issuer, o.Spec.ClientID = "acme", issuerA, "client"
	o.Status.ConnectionID = "oidc-connection-live-1"
	return &scene{
		o: o, from: origins{}, far: map[string]string{"display_name": "entra", "client_secret": "known"},
		documents: map[string]map[string]string{issuerA: documentOf(issuerA), issuerB: documentOf(issuerB)},
	}
}

// shows is the connection as Stytch shows it.
func (s *scene) shows() stytch.OIDCConnection {
	r := stytch.OIDCConnection{
		Connection:       stytch.Connection{ConnectionID: s.o.Status.ConnectionID, DisplayName: s.far["display_name"], Status: "active"},
		IdentityProvider: s.far["identity_provider"], ClientID: s.far["client_id"], ClientSecretMasked: true, Issuer: s.far["issuer"],
		AuthorizationURL: s.far["authorization_url"], TokenURL: s.far["token_url"], UserinfoURL: s.far["userinfo_url"], JWKSURL: s.far["jwks_url"],
	}
	if len(oidc.Kind().MissingToActivate(r)) > 0 && !s.active {
		r.Status = "pending"
	}
	return r
}

// update is an update that Stytch accepts.
func (s *scene) update(step connection.Step) (warning string) {
	body := step.Fields()
	if issuer, sent := body["issuer"]; sent {
		s.issuers = append(s.issuers, issuer.(string))
		if !s.read(issuer.(string)) {
			warning = "The metadata document could not be read."
		}
	}
	for field, value := range body {
		if s.far[field] != value {
			s.from[field] = "the manifest"
		}
		s.far[field] = value.(string)
	}
	for _, u := range urls {
		if url := s.found(u); url != "" && url == body[u.field] {
			s.from[u.field] = s.o.Spec.Issuer // it was recorded, and is put back
		}
	}
	return warning
}

// read has Stytch read the document of another issuer than the one it has.
func (s *scene) read(issuer string) bool {
	document, found := s.documents[issuer]
	if issuer == s.far["issuer"] {
		return true
	}
	s.far["issuer"] = issuer
	for field, url := range document {
		s.far[field], s.from[field] = url, issuer
	}
	return found
}

// pass makes the moves of a pass, as the engine does, and returns whether it came to its end.
func (s *scene) pass(t *testing.T) bool {
	t.Helper()
	own := s.o.DeepCopy()
	identity := connection.Identity{Verdict: connection.Ours, ID: own.Status.ConnectionID}
	c := connection.Converge(oidc.Kind(), own, identity, func(string) string { return "" }, noon)
	s.sent, s.said = nil, connection.Finding{}
	listed := noon.Add(-time.Minute)
	var move connection.Move
	for move.End == nil {
		if move.Fresh {
			listed = noon
			s.relisted++
		}
		if move.Step == nil {
			move = c.Next(s.shows(), listed, connection.Inputs{ID: identity.ID, Now: noon}, noon)
			continue
		}
		if move.WriteAhead {
			s.o = own.DeepCopy()
		}
		warning, err := s.take(*move.Step)
		if errors.Is(err, errLost) {
			return false
		}
		if err != nil {
			move = c.Failed(err, listed)
			continue
		}
		move = c.Took(warning)
	}
	own.Status.NotConverging = c.Report(connection.Report{}).NotConverging
	s.o = own
	if errors.Is(move.End, errRefused) {
		return true
	}
	found, is := errors.AsType[connection.Finding](move.End)
	if !is {
		t.Fatalf("the pass ended with %v", move.End)
	}
	s.said, s.report = found, c.Report(connection.Report{})
	return true
}

func (s *scene) take(step connection.Step) (string, error) {
	if s.watch != nil {
		s.watch(step)
	}
	fate := ""
	if s.lose != nil {
		fate = s.lose(step)
	}
	switch fate {
	case "before":
		return "", errLost
	case "refused":
		return "", errRefused
	}
	s.sent = append(s.sent, strings.Join(slices.Sorted(maps.Keys(step.Fields())), " "))
	warning := s.update(step)
	if fate == "after" {
		return "", errLost
	}
	return warning, nil
}

// settle takes passes until one sends nothing, and fails where that does not come soon or where another one would change status.
func (s *scene) settle(t *testing.T) (sent []string) {
	t.Helper()
	for range 4 {
		s.pass(t)
		if len(s.sent) == 0 {
			before := s.o.DeepCopy()
			s.pass(t)
			same(t, "what a quiet pass sends", strings.Join(s.sent, " "), "")
			same(t, "what a quiet pass remembers", inWords(s.o), inWords(before))
			return sent
		}
		sent = append(sent, s.sent...)
	}
	t.Fatalf("still at work: %q", sent)
	return nil
}

// crash has the process be lost at each update that the next pass would make.
func (s *scene) crash(t *testing.T, fate string) {
	t.Helper()
	s.lose = func(connection.Step) string { return fate }
	if s.pass(t) {
		t.Fatal("nothing was sent")
	}
	s.lose = nil
}

// inSync fails the test where the last pass did not end in sync, and returns the rest of what it said.
func (s *scene) inSync(t *testing.T) string {
	t.Helper()
	same(t, "the reason", s.said.Reason, v1alpha1.ReasonInSync)
	return strings.TrimSpace(strings.TrimPrefix(s.said.Message, "Stytch matches the manifest."))
}

// found is what status records of an endpoint.
func (s *scene) found(u urlOf) string {
	if d := s.o.Status.Discovered; d != nil && d.Issuer == s.o.Spec.Issuer {
		return *u.found(d)
	}
	return ""
}

func inWords(o *v1alpha1.OIDCConnection) string {
	words := []string{"handled " + o.Status.LastHandledRetryDiscovery}
	if d := o.Status.Discovered; d != nil {
		words = append(words, d.Issuer, d.AuthorizationURL, d.TokenURL, d.UserinfoURL, d.JWKSURL, d.Warning)
	}
	if d := o.Status.Discovering; d != nil {
		words = append(words, "on its way", d.Issuer, d.AuthorizationURL, d.TokenURL, d.UserinfoURL, d.JWKSURL, d.Retry)
	}
	return strings.Join(words, "|")
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

// What becomes of an endpoint when the manifest or its issuer changes. It is looked at where the answer came, and where the process
// was lost after the update.
func TestAnEndpointIsDefendedOnlyWhereTheManifestOrTheIssuersDocumentGivesIt(t *testing.T) {
	const mine, evil = "https://mine.example.com/x", "https://evil.example.com/x"
	for _, situation := range []struct {
		name    string
		before  string // what the manifest gives at first
		lacksA  bool   // the first issuer's document lacks it
		edit    func(s *scene, u urlOf)
		stays   string // what Stytch has in the end: "" for what the document of issuer B has, a field of that for another
		named   bool   // the message names it
		defends bool
		missing bool
	}{
		{name: "in the other document", edit: moved, stays: "B", defends: true},
		{name: "not in the other document", edit: lacking, stays: "A", named: true},
		{name: "the same in both documents", edit: shared, stays: "A", named: true},
		{name: "in no document", lacksA: true, edit: lacking, missing: true},
		{name: "given, and given on, not in the other document", before: mine, edit: lacking, stays: mine, defends: true},
		{name: "given, and no longer, in the other document", before: mine, edit: both(moved, forgotten), stays: "B", defends: true},
		{name: "given, and no longer, not in the other document", before: mine, edit: both(lacking, forgotten), stays: mine, named: true},
		{name: "given, and no longer, under the same issuer", before: mine, edit: forgotten, stays: mine, named: true},
		{name: "given from now on, not in the other document", edit: both(lacking, given(mine)), stays: mine, defends: true},
		{name: "as it was", edit: func(*scene, urlOf) {}, stays: "A", defends: true},
	} {
		for _, u := range urls {
			for _, lost := range []string{"", "before", "after"} {
				t.Run(strings.Join([]string{situation.name, u.name, lost}, "/"), func(t *testing.T) {
					s := newScene()
					*u.spec(&s.o.Spec) = situation.before
					if situation.lacksA {
						delete(s.documents[issuerA], u.field)
					}
					s.settle(t)
					situation.edit(s, u)
					if lost != "" && s.o.Spec.Issuer == issuerB {
						s.crash(t, lost)
					}
					s.settle(t)

					want := map[string]string{"A": issuerA + "/" + u.name, "B": issuerB + "/" + u.name, mine: mine}[situation.stays]
					same(t, "at Stytch", s.far[u.field], want)
					s.expect(t, u, situation.named, situation.missing)

					s.far[u.field] = evil
					s.settle(t)
					if situation.defends {
						same(t, "after drift", s.far[u.field], want)
					} else {
						same(t, "after drift", s.far[u.field], evil)
					}
					s.expect(t, u, situation.named || situation.missing, false)
				})
			}
		}
	}
}

// expect compares what status records and says of an endpoint with what is due.
func (s *scene) expect(t *testing.T, u urlOf, named, missing bool) {
	t.Helper()
	said := s.inSync(t)
	if strings.Contains(said, u.name) != named {
		t.Errorf("the message is %q", said)
	}
	if slices.Contains(s.report.Remote.Missing, u.name) != missing {
		t.Errorf("what is missing is %q", s.report.Remote.Missing)
	}
	discovered := !named && !missing && *u.spec(&s.o.Spec) == ""
	want := ""
	if discovered {
		want = s.far[u.field]
	}
	same(t, "what is recorded", s.found(u), want)
	if s.o.Status.Discovering != nil {
		t.Errorf("an issuer is still on its way: %s", inWords(s.o))
	}
}

func moved(s *scene, _ urlOf) { s.o.Spec.Issuer = issuerB }

func lacking(s *scene, u urlOf) {
	moved(s, u)
	delete(s.documents[issuerB], u.field)
}

func shared(s *scene, u urlOf) {
	moved(s, u)
	s.documents[issuerB][u.field] = s.documents[issuerA][u.field]
}

func forgotten(s *scene, u urlOf) { *u.spec(&s.o.Spec) = "" }

func given(value string) func(*scene, urlOf) {
	return func(s *scene, u urlOf) { *u.spec(&s.o.Spec) = value }
}

func both(first, second func(*scene, urlOf)) func(*scene, urlOf) {
	return func(s *scene, u urlOf) {
		first(s, u)
		second(s, u)
	}
}

func TestAnEndpointThatWasSentWithAnIssuerWhoseAnswerWasLostIsNotDiscovered(t *testing.T) {
	for _, u := range urls {
		s := newScene()
		s.settle(t)
		both(moved, given("https://mine.example.com/x"))(s, u)
		s.crash(t, "after")
		forgotten(s, u)
		s.settle(t)
		same(t, "what is recorded", s.found(u), "")
		if said := s.inSync(t); !strings.Contains(said, u.name) {
			t.Errorf("the message is %q", said)
		}
	}
}

func TestAnIssuerThatWasNotSentIsForgotten(t *testing.T) {
	for _, test := range []struct {
		name string
		then func(s *scene)
	}{
		{"refused", func(s *scene) {
			s.lose = func(connection.Step) string { return "refused" }
			s.pass(t)
		}},
		{"lost, and another one is wanted", func(s *scene) {
			s.crash(t, "before")
			s.o.Spec.Issuer = issuerA
			s.settle(t)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene()
			s.settle(t)
			s.o.Spec.Issuer = issuerB
			test.then(s)
			if d := s.o.Status.Discovering; d != nil {
				t.Errorf("%s is still on its way", d.Issuer)
			}
			same(t, "whose URLs are recorded", s.o.Status.Discovered.Issuer, issuerA)
		})
	}
}

func TestAnIssuerThatIsPutBackWithAnAnswerThatIsLostIsStillDiscovered(t *testing.T) {
	for _, u := range urls {
		s := newScene()
		s.settle(t)
		lacking(s, u)
		s.settle(t)
		delete(s.documents, issuerA) // somebody points it at an issuer that cannot be read
		s.read(issuerA)
		s.crash(t, "after")
		s.settle(t)
		s.expect(t, u, true, false)
	}
}

// origins says, of each URL at Stytch, where it is from: an issuer's document, the manifest, somebody's hand.
type origins map[string]string

// Whatever happens, only what Stytch read from the document of the manifest's own issuer is recorded, and so wanted; and of an
// endpoint that nobody defends the message says so.
func TestNothingIsRecordedThatTheIssuersDocumentDidNotGive(t *testing.T) {
	t.Parallel()
	for seed := range int64(500) {
		random := rand.New(rand.NewSource(seed))
		s := newScene()
		delete(s.documents[pick(random, issuerA, issuerB)], pick(random, urls...).field)
		for range 6 {
			s.happens(t, random)
			s.settle(t)
			s.holds(t)
			if t.Failed() {
				t.Fatalf("seed %d: %s at %v from %v", seed, inWords(s.o), s.far, s.from)
			}
		}
	}
}

// happens is something that people do, and may be in the middle of it that the process is lost.
func (s *scene) happens(t *testing.T, random *rand.Rand) {
	t.Helper()
	switch random.Intn(4) {
	case 0: // somebody changes an endpoint at Stytch
		u := pick(random, urls...)
		s.far[u.field], s.from[u.field] = pick(random, "", "https://hand.example.com/"+u.name), "a hand"
		return
	case 1: // somebody changes the issuer at Stytch, and the manifest may follow
		s.read(pick(random, issuerA, issuerB))
		if random.Intn(2) == 0 {
			s.o.Spec.Issuer = s.far["issuer"]
		}
	}
	s.o.Spec.Issuer = pick(random, s.o.Spec.Issuer, s.o.Spec.Issuer, issuerA, issuerB, issuerLate)
	s.ask(pick(random, "1", "2", "3"))
	s.documents[issuerLate] = documentOf(issuerLate)
	if random.Intn(2) == 0 {
		delete(s.documents, issuerLate)
	}
	for _, u := range urls {
		*u.spec(&s.o.Spec) = pick(random, *u.spec(&s.o.Spec), "", "https://mine.example.com/"+u.name)
	}
	s.lose = func(connection.Step) string { return pick(random, "", "before", "after") }
	s.pass(t)
	s.lose = nil
}

func (s *scene) holds(t *testing.T) {
	t.Helper()
	same(t, "the issuer", s.far["issuer"], s.o.Spec.Issuer)
	for _, u := range urls {
		found, given, warned := s.found(u), *u.spec(&s.o.Spec), s.said.Reason == v1alpha1.ReasonDiscoveryFailed
		if found != "" && (found != s.far[u.field] || s.from[u.field] != s.o.Spec.Issuer || given != "") {
			t.Errorf("%s is recorded of the %s", found, u.name)
		}
		if named := strings.Contains(s.said.Message, u.name); !warned && named != (given == "" && found == "" && s.far[u.field] != "") {
			t.Errorf("the message is %q", s.said.Message)
		}
		if given != "" && s.far[u.field] != given {
			t.Errorf("the %s is %s", u.name, s.far[u.field])
		}
	}
}

func pick[T any](random *rand.Rand, choices ...T) T { return choices[random.Intn(len(choices))] }

func TestAnIssuerOfEntraThatServesSeveralTenantsIsMentioned(t *testing.T) {
	for _, test := range []struct {
		provider v1alpha1.SSOIdentityProvider
		issuer   string
		said     bool
	}{
		{"microsoft-entra", "https://login.microsoftonline.com/common/v2.0", true},
		{"microsoft-entra", "https://login.microsoftonline.com/common/v2.0/", true},
		{"microsoft-entra", "https://login.microsoftonline.us/organizations/v2.0", true},
		{"microsoft-entra", "https://login.microsoftonline.com/consumers/v2.0", true},
		{"microsoft-entra", "https://login.microsoftonline.com/44444444-4444-4444-8444-444444444444/v2.0", false},
		{"microsoft-entra", "", false},
		{"generic", "https://login.microsoftonline.com/common/v2.0", false},
		{"", "https://login.microsoftonline.com/common/v2.0", false},
	} {
		s := newScene()
		s.o.Spec.IdentityProvider, s.o.Spec.Issuer = test.provider, test.issuer
		s.documents[test.issuer] = documentOf("https://login.microsoftonline.com")
		s.settle(t)
		said := s.inSync(t)
		if strings.Contains(said, "The issuer "+test.issuer+" serves more than one tenant") != test.said || !test.said && said != "" {
			t.Errorf("of %s under %q it says %q", test.issuer, test.provider, said)
		}
	}
}

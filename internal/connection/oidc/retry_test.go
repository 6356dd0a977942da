package oidc_test

import (
	"fmt"
	"maps"
	"math/rand"
	"net/url"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/oidc"
)

// unread is a connection whose issuer's document could not be read when it was sent, and can be by now.
func unread(t *testing.T, issuer string) *scene {
	t.Helper()
	s := newScene()
	s.o.Spec.Issuer = issuer
	s.settle(t)
	same(t, "the reason", s.said.Reason, v1alpha1.ReasonDiscoveryFailed)
	s.documents[issuer] = documentOf(issuerA)
	s.issuers = nil
	return s
}

// ask asks for a retry.
func (s *scene) ask(request string) {
	s.o.Annotations = map[string]string{v1alpha1.AnnotationRetryDiscovery: request}
}

func TestADocumentIsReadAgainByTakingTheLastSlashAwayOrAddingOne(t *testing.T) {
	for issuer, other := range map[string]string{
		issuerLate:                         "https://late.example.com/",
		"https://late.example.com/":        issuerLate,
		"https://late.example.com/tenant":  "https://late.example.com/tenant/",
		"https://late.example.com/tenant/": "https://late.example.com/tenant",
		"https://late.example.com//":       "https://late.example.com/",
	} {
		t.Run(issuer, func(t *testing.T) {
			s := unread(t, issuer)
			if !strings.Contains(s.said.Message, "set a new value for the annotation "+v1alpha1.AnnotationRetryDiscovery) {
				t.Errorf("the message is %q", s.said.Message)
			}
			s.ask("once")
			s.pass(t)
			same(t, "the issuers that are sent", strings.Join(s.issuers, " "), other+" "+issuer)
			same(t, "what is sent later", strings.Join(s.settle(t), " "), "")
			same(t, "what else is said", s.inSync(t), "")
			same(t, "what was handled", s.o.Status.LastHandledRetryDiscovery, "once")
			for _, u := range urls {
				same(t, "the "+u.name+" that is recorded", s.found(u), issuerA+"/"+u.name)
			}
		})
	}
}

func TestARetryIsOfTheSameHost(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for range 200 {
		issuer := issuerLate + pick(random, "", ":8443") + pick(random, "", "/", "?")
		for range random.Intn(4) {
			issuer += pick(random, "/", "/a", "/?x=1", "/#y", "/@z", "//")
		}
		s := unread(t, issuer)
		s.ask("once")
		s.pass(t)
		for _, sent := range s.issuers {
			is, err := url.Parse(sent)
			was, errWas := url.Parse(issuer)
			if err != nil || errWas != nil || is.Host != was.Host {
				t.Fatalf("%q is sent for %q", sent, issuer)
			}
		}
	}
}

func TestADocumentIsNotReadAgain(t *testing.T) {
	for _, test := range []struct {
		name    string
		but     func(s *scene)
		handled string
	}{
		{"without a request", func(s *scene) { s.o.Annotations = nil }, ""},
		{"for an empty request", func(s *scene) { s.ask("") }, ""},
		{"for a request that was handled", func(s *scene) { s.o.Status.LastHandledRetryDiscovery = "once" }, "once"},
		{"under Observe", func(s *scene) { s.o.Spec.Management = v1alpha1.ManagementObserve }, ""},
		{"under Observe, nor handled, on an active connection", func(s *scene) {
			s.o.Spec.Management, s.active = v1alpha1.ManagementObserve, true
		}, ""},
		{"on a connection that Stytch calls active", func(s *scene) { s.active = true }, "once"},
		{"on an active connection", func(s *scene) { maps.Copy(s.far, documentOf("https://hand.example.com")) }, "once"},
		{"where no endpoint is lacking", func(s *scene) {
			maps.Copy(s.far, documentOf("https://hand.example.com"))
			s.far["client_id"], s.o.Spec.ClientID = "", ""
		}, "once"},
		{"where the manifest gives what is lacking", func(s *scene) {
			for _, u := range urls {
				*u.spec(&s.o.Spec) = "https://mine.example.com/" + u.name
			}
		}, "once"},
		{"without an issuer", func(s *scene) { s.o.Spec.Issuer = "" }, "once"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := unread(t, issuerLate)
			s.ask("once")
			test.but(s)
			s.settle(t)
			same(t, "the issuers that are sent", strings.Join(s.issuers, " "), "")
			same(t, "what was handled", s.o.Status.LastHandledRetryDiscovery, test.handled)
			same(t, "what is planned", fmt.Sprint(s.report.Plan), "[]")
		})
	}
}

func TestARetryIsJudgedOnWhatWasReadInTheSamePass(t *testing.T) {
	s := unread(t, issuerLate)
	s.ask("once")
	s.pass(t)
	if s.relisted != 1 {
		t.Errorf("the list was read again %d times", s.relisted)
	}
}

func TestTheTurnsOfARetryAreTakenBeforeItAndItIsWrittenDown(t *testing.T) {
	s := unread(t, issuerLate)
	s.ask("once")
	s.watch = func(step connection.Step) {
		if step.Action != oidc.RetryDiscovery {
			return
		}
		same(t, "how many turns are taken before", fmt.Sprint(step.Calls), "2")
		same(t, "what is written before", s.o.Status.Discovering.Retry, "once")
	}
	s.pass(t)
	same(t, "how much is sent", fmt.Sprint(len(s.sent)), "2")
}

// A retry that a crash, a refusal or a cut line interrupts leaves the issuer as it is in the manifest, and that is the first thing
// that the next process sends.
func TestAnIssuerIsRestoredBeforeAnythingElse(t *testing.T) {
	const issuer = issuerLate
	for _, at := range []int{1, 2} {
		for _, fate := range []string{"before", "after"} {
			for _, found := range []bool{true, false} {
				t.Run(fmt.Sprintf("%d %s %t", at, fate, found), func(t *testing.T) {
					s := unread(t, issuer)
					if !found {
						delete(s.documents, issuer)
					}
					s.ask("once")
					step := 0
					s.lose = func(connection.Step) string {
						if step++; step == at {
							return fate
						}
						return ""
					}
					s.pass(t)
					s.lose = nil
					s.o.Spec.ClientID = "another"
					s.pass(t)
					same(t, "what is sent first", s.sent[0], "issuer")
					s.settle(t)
					same(t, "the issuer", s.far["issuer"], issuer)
					if again := strings.Join(s.issuers, " "); found || at == 1 {
						same(t, "the issuers that are sent", again, map[string]string{
							"1before": issuer + " " + issuer + "/ " + issuer, "1after": issuer + "/ " + issuer,
							"2before": issuer + "/ " + issuer, "2after": issuer + "/ " + issuer + " " + issuer,
						}[fmt.Sprint(at)+fate])
					}
					same(t, "the client", s.far["client_id"], "another")
					same(t, "what was handled", s.o.Status.LastHandledRetryDiscovery, "once")
					if !found {
						same(t, "the reason", s.said.Reason, v1alpha1.ReasonDiscoveryFailed)
						return
					}
					same(t, "what else is said", s.inSync(t), "")
				})
			}
		}
	}
}

func TestAnAnswerToARetryThatIsLostIsNotTakenForADocumentThatWasRead(t *testing.T) {
	s := unread(t, issuerLate)
	delete(s.documents, issuerLate)
	said := s.said.Message
	s.ask("once")
	s.lose = func(step connection.Step) string {
		if step.Action == oidc.RestoreIssuer {
			return "after"
		}
		return ""
	}
	s.pass(t)
	s.lose, s.o.Annotations = nil, nil
	s.settle(t)
	same(t, "what is said", s.said.Message, said)
}

func TestARetryThatIsInterruptedIsOfTheIssuerThatIsWantedThen(t *testing.T) {
	for _, wanted := range []string{issuerB, ""} {
		s := unread(t, issuerLate)
		s.ask("once")
		s.crash(t, "after")
		s.o.Spec.Issuer = wanted
		s.settle(t)
		if wanted == "" {
			wanted = issuerLate
		}
		same(t, "the issuer", s.far["issuer"], wanted)
		if s.o.Status.Discovering != nil {
			t.Errorf("still on its way: %s", inWords(s.o))
		}
	}
}

func TestARetryThatIsRefusedLeavesTheIssuerAsItIs(t *testing.T) {
	s := unread(t, issuerLate)
	s.ask("once")
	s.lose = func(step connection.Step) string {
		if step.Action == oidc.RetryDiscovery {
			return "refused"
		}
		return ""
	}
	s.pass(t)
	same(t, "what was handled", s.o.Status.LastHandledRetryDiscovery, "")
	if s.o.Status.Discovering != nil {
		t.Errorf("still on its way: %s", inWords(s.o))
	}
	same(t, "the issuer", s.far["issuer"], issuerLate)
}

func TestARetryComesAfterEverythingElse(t *testing.T) {
	s := unread(t, issuerLate)
	s.ask("once")
	s.o.Spec.ClientID = "another"
	s.pass(t)
	same(t, "what is sent", strings.Join(s.sent, ", "), "client_id, issuer, issuer")
}

func TestARetryKeepsTheEndpointsThatAreKnown(t *testing.T) {
	for i, u := range urls {
		s := newScene()
		delete(s.documents[issuerA], u.field)
		given("https://mine.example.com/x")(s, urls[(i+1)%len(urls)])
		s.settle(t)
		s.documents[issuerA] = documentOf("https://moved.example.com")
		before := maps.Clone(s.far)
		s.ask("once")
		s.settle(t)
		for _, o := range urls {
			want := before[o.field]
			if o.name == u.name {
				want = "https://moved.example.com/" + o.name
			}
			same(t, "the "+o.name, s.far[o.field], want)
		}
		same(t, "what is recorded of what was lacking", s.found(u), s.far[u.field])
	}
}

func TestALongRequestIsToldFromOneThatEndsInAnotherWay(t *testing.T) {
	s := unread(t, issuerLate)
	delete(s.documents, issuerLate)
	for i := range 2 {
		s.ask(strings.Repeat("ü", 300) + fmt.Sprint(i))
		s.pass(t)
		same(t, "how much is sent", fmt.Sprint(len(s.sent)), "2")
	}
}

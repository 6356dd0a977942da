package stytch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

func TestAHundredPassesOfOneOrganizationMakeOneCall(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	w.secondly() // one call and no more
	w.expect(func() {
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				must(t, persist(func() error { _, err := w.caller(fmt.Sprint("uid-", i)).SSO(ctx(t), w.org, start); return err }))
			})
		}
		all.Wait()
	}, "ListSSOConnections")
}

func TestAListAnswersAllWhoNeedNoFresherOne(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	if !caller.ListedAt().IsZero() {
		t.Errorf("a pass that saw nothing saw it at %s", caller.ListedAt())
	}
	w.expect(func() { w.sso(caller, at(-time.Hour)) }, "ListSSOConnections")
	w.clock.advance(time.Minute)
	w.expect(func() { w.sso(caller, start) })
	w.expect(func() { w.scim(caller, start) }, "GetSCIMConnection")
	if !caller.ListedAt().Equal(at(time.Minute)) {
		t.Errorf("the list was begun at %s", caller.ListedAt())
	}
	w.expect(func() { w.sso(caller, at(time.Nanosecond)) }, "ListSSOConnections")
	if s := w.session(); !s.ListedAt(APISSO, w.org).Equal(at(time.Minute)) || !s.ListedAt(APISCIM, w.org).Equal(at(time.Minute)) {
		t.Errorf("looked at %s and %s", s.ListedAt(APISSO, w.org), s.ListedAt(APISCIM, w.org))
	}
}

func TestAListThatIsForgottenWasBegunAllTheSame(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	w.clock.advance(time.Hour)
	s := w.session()
	if got := s.ListedAt(APISSO, w.org); !got.IsZero() {
		t.Errorf("nothing was listed, at %s", got)
	}
	w.sso(s.Caller("team", "uid", Drift), at(time.Minute))
	s.Forget(APISSO, w.org)
	if got := s.ListedAt(APISSO, w.org); !got.Equal(at(time.Hour)) {
		t.Errorf("looked at %s after the list was forgotten, want when it was begun", got)
	}
	w.expect(func() { w.sso(s.Caller("team", "uid", Drift), start) }, "ListSSOConnections")
}

func TestAnAnswerTakesItsPlaceInTheList(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{DefaultConnection: "by-hand"})
	caller := w.caller("uid")
	before := w.sso(caller, start)
	source := w.saml(caller, "A")
	text, _ := certificate(t, "a")
	second, _ := certificate(t, "b")
	for _, pem := range []string{text, second} {
		_, _, err := caller.UpdateSAML(ctx(t), w.org, source.ConnectionID, Fields{"x509_certificate": pem})
		must(t, err)
	}
	w.clock.advance(time.Minute)
	other := w.organization("other")
	lent, err := w.AddConnection(other, stytchsim.SAML, map[string]any{"status": "active"})
	must(t, err)
	external, _, err := caller.CreateExternal(ctx(t), w.org, Fields{"external_organization_id": other, "external_connection_id": lent.ID})
	must(t, err)
	w.expect(func() {
		list := w.sso(w.caller("another"), start)
		if len(list.SAML) != 1 || len(list.SAML[0].VerificationCertificates) != 2 || len(list.External) != 1 || list.External[0].ConnectionID != external.ConnectionID {
			t.Errorf("held: %+v", list)
		}
	})
	cached, _ := Find(w.sso(caller, start).SAML, source.ConnectionID)
	_, err = caller.DeleteVerificationCertificate(ctx(t), w.org, source.ConnectionID, cached.VerificationCertificates[0].ID)
	must(t, err)
	if c := w.sso(caller, start).SAML[0].VerificationCertificates; len(c) != 1 || c[0] != cached.VerificationCertificates[1] || len(cached.VerificationCertificates) != 2 {
		t.Errorf("one certificate deleted: %+v of %+v", c, cached.VerificationCertificates)
	}
	_, err = caller.DeleteSSO(ctx(t), w.org, external.ConnectionID)
	must(t, err)
	w.expect(func() {
		if list := w.sso(caller, start); len(list.SAML) != 1 || len(list.External) != 0 {
			t.Errorf("held after the deletion: %+v", list)
		}
	})
	if len(before.SAML) != 0 {
		t.Errorf("the list handed out first has changed: %+v", before)
	}
	if !w.session().ListedAt(APISSO, w.org).Equal(start) {
		t.Error("a list with replaced entries is taken for a new one")
	}
	w.expect(func() { w.sso(caller, at(time.Second)) }, "ListSSOConnections")
}

func TestWhatStytchSaysIsGoneIsNotInTheList(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	a, b := w.saml(caller, "A"), w.saml(caller, "B")
	w.sso(caller, start)
	must(t, w.RemoveConnection(a.ConnectionID))
	_, _, err := caller.UpdateSAML(ctx(t), w.org, a.ConnectionID, Fields{"display_name": "x"})
	_ = failedAs(t, err, NotFound)
	_, err = caller.DeleteVerificationCertificate(ctx(t), w.org, b.ConnectionID, "saml-verification-key-test-none")
	_ = failedAs(t, err, NotFound)
	w.expect(func() {
		if list := w.sso(caller, start); len(list.SAML) != 1 || list.SAML[0].ConnectionID != b.ConnectionID {
			t.Errorf("held: %+v", list)
		}
	})
	must(t, w.RemoveConnection(b.ConnectionID))
	_, err = caller.DeleteVerificationCertificate(ctx(t), w.org, b.ConnectionID, "saml-verification-key-test-none")
	_ = failedAs(t, err, NotFound)
	w.expect(func() {
		if list := w.sso(caller, start); len(list.SAML) != 0 {
			t.Errorf("held: %+v", list)
		}
	})
}

func TestOnlyAnUnknownOutcomeForgetsTheList(t *testing.T) {
	for name, c := range map[string]struct {
		fault   stytchsim.Fault
		forgets bool
	}{
		"rejected":              {stytchsim.Fault{Status: 400, ErrorType: "invalid_display_name"}, false},
		"throttled":             {stytchsim.Fault{Status: 429, ErrorType: "too_many_requests", RetryAfter: "1"}, false},
		"credentials":           {stytchsim.Fault{Status: 401, ErrorType: "unauthorized_credentials"}, false},
		"organization gone":     {stytchsim.Fault{Status: 404, ErrorType: "organization_not_found"}, false},
		"internal error":        {stytchsim.Fault{Status: 500}, true},
		"a proxy's page":        {stytchsim.Fault{Effect: stytchsim.FaultHTML, Status: 404}, true},
		"cut before the commit": {stytchsim.Fault{Effect: stytchsim.FaultCutBeforeCommit}, true},
		"cut after the commit":  {stytchsim.Fault{Effect: stytchsim.FaultCutAfterCommit}, true},
		"an empty answer":       {stytchsim.Fault{Effect: stytchsim.FaultEmptyBody, Commit: true}, true},
		"half an answer":        {stytchsim.Fault{Effect: stytchsim.FaultInvalidJSON, Commit: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, stytchsim.Switches{})
			caller := w.caller("uid")
			w.sso(caller, start)
			c.fault.Method, c.fault.Times = "POST", 1
			w.fault(c.fault)
			_, _, err := caller.CreateSAML(ctx(t), w.org, Fields{"display_name": "A"})
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Unknown() != c.forgets {
				t.Fatalf("%v, unknown %t, want %t", err, ok && e.Unknown(), c.forgets)
			}
			w.clock.advance(time.Second)
			w.RemoveFaults()
			got := w.calls(func() { w.sso(w.caller("another"), start) })
			if forgot := len(got) == 1; forgot != c.forgets {
				t.Errorf("%v: the list was forgotten: %t, want %t", e, forgot, c.forgets)
			}
		})
	}
}

func TestAnAnswerWithoutTheConnectionForgetsTheList(t *testing.T) {
	for _, way := range []string{"null", "absent"} {
		w := newWorld(t, stytchsim.Switches{AnswerConnection: way})
		caller := w.caller("uid")
		w.sso(caller, start)
		_, _, err := caller.CreateSAML(ctx(t), w.org, Fields{"display_name": "A"})
		if e := failedAs(t, err, Unavailable); !e.Unknown() || e.ID == "" {
			t.Errorf("%+v", e)
		}
		w.expect(func() {
			if list := w.sso(caller, start); len(list.SAML) != 1 {
				t.Errorf("listed: %+v", list)
			}
		}, "ListSSOConnections")
	}
}

func TestAFailedListIsTheAnswerForAWhile(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	w.fault(stytchsim.Fault{Operation: "ListSSOConnections", Status: 500})
	var first *ReadError
	failed := start
	for i, pause := range []time.Duration{2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		pause *= time.Second
		w.expect(func() {
			_, err := w.caller("uid").SSO(ctx(t), w.org, start)
			e := readError(t, err)
			if i == 0 {
				first = e
			}
			if !e.Since.Equal(start) || !e.Until.Equal(failed.Add(pause)) || failedAs(t, err, Unavailable).StatusCode != 500 {
				t.Errorf("failure %d: since %s until %s, %v; want until %s", i, e.Since, e.Until, e.Err, failed.Add(pause))
			}
		}, "ListSSOConnections")
		w.clock.advance(pause - time.Nanosecond)
		w.expect(func() {
			_, err := w.caller("another").SSO(ctx(t), w.org, w.clock.Now()) // even who wants a newer one
			if e := readError(t, err); e.Error() != first.Error() {
				t.Errorf("the failure is told as %q and %q", e, first)
			}
		})
		w.clock.advance(time.Nanosecond)
		failed = failed.Add(pause)
	}
	w.RemoveFaults()
	w.sso(w.caller("uid"), start)
	w.fault(stytchsim.Fault{Operation: "ListSSOConnections", Status: 500})
	_, err := w.caller("uid").SSO(ctx(t), w.org, failed.Add(time.Nanosecond))
	if err == nil {
		t.Fatal("a list too old is the answer")
	}
	if e := readError(t, err); !e.Since.Equal(failed) || !e.Until.Equal(failed.Add(2*time.Second)) {
		t.Errorf("after a success, the next failure is since %s until %s", e.Since, e.Until)
	}
	w.expect(func() { w.sso(w.caller("uid"), failed) }) // which the list held still answers
}

func TestOtherCredentialsAreAnotherList(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	w.sso(w.caller("uid"), start)
	wrong := w.project
	wrong.Secret = "secret-test-wrong"
	w.expect(func() {
		_, err := w.service.Session(wrong).Caller("team", "other", Drift).SSO(ctx(t), w.org, start)
		_ = failedAs(t, err, CredentialsRejected)
	}, "ListSSOConnections")
	must(t, w.AddProject(stytchsim.Project{ID: wrong.ProjectID, Secret: wrong.Secret.Reveal()}))
	w.expect(func() {
		_, err := w.service.Session(wrong).Caller("team", "other", Drift).SSO(ctx(t), w.org, start)
		_ = readError(t, err)
	})
	again := w.project
	again.Secret = wrong.Secret
	again.BaseURL += "/" // the same host
	w.expect(func() {
		_, err := w.service.Session(again).Caller("team", "other", Drift).SSO(ctx(t), w.org, start)
		_ = readError(t, err)
	})
}

func TestAThrottledListIsTriedAgainWhenTheGateOpens(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	w.fault(stytchsim.Fault{Operation: "ListSSOConnections", Status: 429, ErrorType: "too_many_requests", Times: 1})
	_, err := w.caller("uid").SSO(ctx(t), w.org, start)
	if e := readError(t, err); !e.Until.Equal(at(30*time.Second)) || e.Err.RetryAfter != 30*time.Second {
		t.Errorf("kept until %s, retry after %s", e.Until, e.Err.RetryAfter)
	}
	w.clock.advance(30 * time.Second)
	w.expect(func() { w.sso(w.caller("uid"), start) }, "ListSSOConnections")
}

func TestWhoGoesAwayLeavesNoFailureBehind(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	drop, leave := context.WithCancel(ctx(t))
	w.SetIntercept(func(stytchsim.Stage, stytchsim.Operation) bool { leave(); return true })
	_, err := w.caller("uid").SSO(drop, w.org, start)
	if _, ok := errors.AsType[*ReadError](err); ok {
		t.Errorf("kept: %v", err)
	}
	w.SetIntercept(nil)
	w.expect(func() { w.sso(w.caller("another"), start) }, "ListSSOConnections")
}

func TestWaitingForAnothersListEndsWithItsContext(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	inside, release := make(chan struct{}), make(chan struct{})
	w.SetIntercept(func(stage stytchsim.Stage, _ stytchsim.Operation) bool {
		if stage == stytchsim.BeforeEffect {
			close(inside)
			<-release
		}
		return false
	})
	listed := make(chan error)
	go func() { _, err := w.caller("first").SSO(ctx(t), w.org, start); listed <- err }()
	<-inside
	drop, leave := context.WithCancel(ctx(t))
	leave()
	_, err := w.caller("second").SSO(drop, w.org, start)
	if e := failedAs(t, err, Unavailable); !errors.Is(err, context.Canceled) || e.Unknown() || e.Error() != "ListSSOConnections was not sent: the reconcile was canceled" {
		t.Errorf("a list: %v", err)
	}
	_, _, err = w.caller("third").CreateSAML(drop, w.org, nil)
	if e := failedAs(t, err, Unavailable); !errors.Is(err, context.Canceled) || e.Unknown() {
		t.Errorf("a write: %v", err)
	}
	close(release)
	must(t, <-listed)
}

func TestNoListOverlapsAWrite(t *testing.T) {
	var writing, listing, together atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mine, others := &writing, &listing
		if r.Method == http.MethodGet {
			mine, others = &listing, &writing
		}
		mine.Add(1)
		defer mine.Add(-1)
		if others.Load() > 0 || r.Method == http.MethodGet && listing.Load() > 1 {
			together.Add(1)
		}
		status(200, `{"request_id":"r","status_code":200,"connection":{"connection_id":"c"}}`)(w, r)
	}))
	defer server.Close()
	session := against(server.URL, Options{Now: time.Now}).session
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			caller := session.Caller("team", fmt.Sprint("uid-", i), Drift)
			for range 10 {
				if i%2 == 0 {
					must(t, persist(func() error { _, err := caller.SSO(ctx(t), someone, time.Now()); return err }))
					continue
				}
				must(t, persist(func() error { return update(t, caller) }))
			}
		})
	}
	all.Wait()
	if n := together.Load(); n != 0 {
		t.Errorf("a list overlapped another call %d times", n)
	}
}

func TestTheLockIsSharedOrHeldAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLock()
		for range maxHolders {
			must(t, l.lockShared(ctx(t)))
		}
		drop, leave := context.WithCancel(ctx(t))
		given := make(chan error, 2)
		go func() { given <- l.lockExclusive(drop) }()
		synctest.Wait()
		leave()
		if err := <-given; !errors.Is(err, context.Canceled) {
			t.Fatalf("alone beside %d others: %v", maxHolders, err)
		}
		go func() { given <- l.lockExclusive(ctx(t)) }()
		for range maxHolders {
			synctest.Wait()
			if len(given) > 0 {
				t.Fatal("alone while another is inside")
			}
			l.unlockShared()
		}
		must(t, <-given)
		go func() { given <- l.lockShared(ctx(t)) }()
		synctest.Wait()
		if len(given) > 0 {
			t.Fatal("shared while another is alone")
		}
		l.unlockExclusive()
		must(t, <-given)
	})
}

func TestWhatNobodyAsksForIsThrownAway(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	w.sso(w.caller("uid"), start)
	other := w.organization("other")
	for range 26 {
		w.clock.advance(time.Hour)
		w.session().ListedAt(APISSO, other)
	}
	if n := len(w.service.sso.entries); n != 1 {
		t.Errorf("%d observations are kept, want the one that is asked for", n)
	}
}

func TestAnOrganizationIsResolvedOnceForAll(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	w.secondly()
	w.expect(func() {
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				var id string
				var request Request
				err := persist(func() (err error) {
					id, request, err = w.caller(fmt.Sprint("uid-", i)).Organization(ctx(t), "acme")
					return err
				})
				if err != nil || id != w.org || request != (Request{}) && request.Operation != "GetOrganization" {
					t.Errorf("acme is %q, %+v, %v", id, request, err)
				}
			})
		}
		all.Wait()
	}, "GetOrganization")
	w.clock.advance(10*time.Minute + time.Second)
	w.expect(func() {
		id, request, err := w.caller("uid").Organization(ctx(t), "acme")
		if err != nil || id != w.org || request.ID == "" {
			t.Errorf("acme is %q, %+v, %v", id, request, err)
		}
	}, "GetOrganization")
	w.clock.advance(time.Second)
	_, request, err := w.caller("uid").Organization(ctx(t), "nobody")
	if e := readError(t, err); e.Err.Class != OrganizationNotFound || request != e.Err.Request {
		t.Errorf("nobody is %v, %+v", err, request)
	}
	_, _, err = answering(t, status(200, `{"request_id":"r","organization":null}`)).Organization(ctx(t), "x")
	_ = failedAs(t, err, Unavailable)
}

// crowd answers the list of an organization of 1,000 SAML connections.
func crowd(tb testing.TB) (*Session, func() time.Time) {
	tb.Helper()
	var list strings.Builder
	for i := range 1000 {
		if i > 0 {
			list.WriteString(",")
		}
		fmt.Fprintf(&list, `{"organization_id":%q,"connection_id":"saml-connection-test-%036d","status":"active","display_name":"Connection %d",
			"attribute_mapping":{"email":"NameID","full_name":"name"},"saml_connection_implicit_role_assignments":[{"role_id":"editor"}],
			"verification_certificates":[{"certificate_id":"k","certificate":%q,"expires_at":"2030-01-01T00:00:00Z"}]}`, someone, i, i, strings.Repeat("MIIC", 300))
	}
	body := `{"request_id":"r","status_code":200,"saml_connections":[` + list.String() + `]}`
	now := start
	s := New(Options{Now: func() time.Time { return now }, Transport: direct{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			status(200, body)(w, r)
			return
		}
		status(200, fmt.Sprintf(`{"request_id":"r","status_code":200,"connection":{"connection_id":"saml-connection-test-%036d"}}`, 500))(w, r)
	})}}).Session(Project{Credentials: Credentials{BaseURL: "http://stytch", ProjectID: "p"}, Rate: ample})
	return s, func() time.Time { now = now.Add(time.Second); return now }
}

func BenchmarkReadingAListOfAThousand(b *testing.B) {
	s, later := crowd(b)
	b.ReportAllocs()
	for b.Loop() {
		if list, err := s.Caller("team", "uid", Drift).SSO(b.Context(), someone, later()); err != nil || len(list.SAML) != 1000 {
			b.Fatal(err)
		}
	}
}

func BenchmarkAPassAmongAThousandFromMemory(b *testing.B) {
	s, _ := crowd(b)
	id := fmt.Sprintf("saml-connection-test-%036d", 500)
	b.ReportAllocs()
	for b.Loop() {
		list, err := s.Caller("team", "uid", Drift).SSO(b.Context(), someone, start)
		if _, found := Find(list.SAML, id); err != nil || !found {
			b.Fatal(err)
		}
	}
}

func BenchmarkAWriteAmongAThousand(b *testing.B) {
	s, _ := crowd(b)
	id := fmt.Sprintf("saml-connection-test-%036d", 500)
	caller := s.Caller("team", "uid", Drift)
	_, _ = caller.SSO(b.Context(), someone, start)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := caller.UpdateSAML(b.Context(), someone, id, Fields{"display_name": "x"}); err != nil {
			b.Fatal(err)
		}
	}
}

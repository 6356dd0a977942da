package stytch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// paced returns a session of the given rate in a synctest bubble, and the times
// of the calls that arrive.
func paced(r Rate, answer func(n int) http.HandlerFunc) (*Session, func() []time.Duration) {
	var mu sync.Mutex
	var arrived []time.Duration
	begun := time.Now()
	handler := func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		arrived = append(arrived, time.Since(begun))
		n := len(arrived)
		mu.Unlock()
		answer(n)(w, r)
	}
	s := New(Options{Now: time.Now, Transport: direct{http.HandlerFunc(handler)}})
	return s.Session(Project{Credentials: Credentials{BaseURL: "http://stytch", ProjectID: "p"}, Object: "a/p", Rate: r}), func() []time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return arrived
	}
}

func fine(int) http.HandlerFunc {
	return status(200, `{"request_id":"r","status_code":200,"connection":{"connection_id":"c"}}`)
}

func update(t *testing.T, caller *Caller) error {
	t.Helper()
	_, _, err := caller.UpdateSAML(ctx(t), someone, "c", nil)
	return err
}

func TestTheFirstCallOfAPassDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := paced(Rate{PerSecond: 1, Burst: 1}, fine)
		must(t, update(t, s.Caller("team", "first", Drift)))
		begun := time.Now()
		for _, call := range []func(*Caller) error{
			func(caller *Caller) error { return update(t, caller) },
			func(caller *Caller) error { return caller.Reserve(ctx(t)) },
		} {
			if at := notYet(t, call(s.Caller("team", "second", Drift))); !at.Equal(begun.Add(time.Second)) {
				t.Errorf("second's turn is after %s", at.Sub(begun))
			}
		}
		if at := notYet(t, update(t, s.Caller("team", "third", Drift))); !at.Equal(begun.Add(2 * time.Second)) {
			t.Errorf("third's turn is after %s", at.Sub(begun))
		}
		if waited := time.Since(begun); waited != 0 {
			t.Errorf("a first call waited for %s", waited)
		}
		time.Sleep(time.Second)
		must(t, update(t, s.Caller("team", "second", Drift)))
	})
}

func TestLaterCallsOfAPassWaitTwoSecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, arrived := paced(Rate{PerSecond: 1, Burst: 1}, fine)
		caller := s.Caller("team", "uid", Drift)
		must(t, update(t, caller))
		must(t, update(t, caller))
		must(t, update(t, caller))
		if got := fmt.Sprint(arrived()); got != "[0s 1s 2s]" {
			t.Errorf("calls after %s", got)
		}
		for i := range 2 {
			notYet(t, update(t, s.Caller("team", fmt.Sprint("urgent-", i), Urgent)))
		}
		begun := time.Now()
		if at := notYet(t, update(t, caller)); !at.Equal(begun.Add(3 * time.Second)) {
			t.Errorf("the turn is after %s", at.Sub(begun))
		}
		if waited := time.Since(begun); waited > 2*time.Second {
			t.Errorf("it waited for %s", waited)
		}
		time.Sleep(3 * time.Second)
		must(t, update(t, s.Caller("team", "uid", Drift))) // the next pass finds the urgent turn
	})
}

func TestWaitingForATurnEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := paced(Rate{PerSecond: 1, Burst: 1}, fine)
		caller := s.Caller("team", "uid", Drift)
		must(t, update(t, caller))
		short, cancel := context.WithTimeout(ctx(t), 100*time.Millisecond)
		defer cancel()
		_, _, err := caller.CreateSCIM(short, someone, nil)
		if e := failedAs(t, err, Unavailable); e.Unknown() || !errors.Is(err, context.DeadlineExceeded) || e.Operation != "CreateSCIMConnection" {
			t.Errorf("%v, unknown %t", e, e.Unknown())
		}
	})
}

func TestAReservedTurnIsNotAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, arrived := paced(Rate{PerSecond: 1, Burst: 1}, fine)
		caller := s.Caller("team", "uid", Drift)
		must(t, caller.Reserve(ctx(t)))
		must(t, caller.Reserve(ctx(t)))
		if at := notYet(t, update(t, s.Caller("team", "other", Drift))); !at.Equal(time.Now().Add(time.Second)) {
			t.Errorf("a turn reserved is given to another: %s", at)
		}
		_, _, err := caller.CreateSCIM(ctx(t), someone, nil)
		must(t, err)
		must(t, update(t, caller)) // and is good for one call
		if got := fmt.Sprint(arrived()); got != "[0s 1s]" {
			t.Errorf("calls after %s", got)
		}
	})
}

func TestTurnsThatAreReservedTogetherAreGoodForAsManyCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, arrived := paced(Rate{PerSecond: 1, Burst: 1}, fine)
		caller := s.Caller("team", "uid", Drift)
		must(t, caller.ReserveCalls(ctx(t), 2, false))
		if since := arrived(); len(since) > 0 {
			t.Errorf("calls after %v", since)
		}
		if at := notYet(t, update(t, s.Caller("team", "other", Drift))); !at.Equal(time.Now().Add(time.Second)) {
			t.Errorf("a turn reserved is given to another: %s", at)
		}
		must(t, update(t, caller))
		must(t, update(t, caller))
		if got := fmt.Sprint(arrived()); got != "[1s 1s]" {
			t.Errorf("calls after %s", got)
		}
	})
}

func TestNothingIsSentInAClosedWindow(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	reserved := w.caller("reserved")
	w.sso(reserved, start)
	must(t, reserved.Reserve(ctx(t)))
	must(t, w.AddLimit(stytchsim.Limit{Requests: 0, Window: stytchsim.Duration(time.Minute)}))
	opens := at(30 * time.Second)
	w.expect(func() {
		_, err := w.urgent("deleter").DeleteSSO(ctx(t), w.org, "saml-connection-test-none")
		if e := failedAs(t, err, Throttled); e.Unknown() || e.RetryAfter != 30*time.Second {
			t.Errorf("%v, unknown %t, after %s", e, e.Unknown(), e.RetryAfter)
		}
	}, "DeleteSSOConnection")
	w.expect(func() {
		_, _, created := reserved.CreateSAML(ctx(t), w.org, Fields{"display_name": "A"})
		_, updated := reserved.SCIM(ctx(t), w.org, start)
		_, deleted := w.urgent("another").DeleteSSO(ctx(t), w.org, "saml-connection-test-none")
		_, _, resolved := w.caller("third").Organization(ctx(t), "acme")
		_, _, asked := w.service.Whoami(ctx(t), "team", w.project.Credentials)
		for i, err := range []error{created, updated, deleted, resolved, asked, w.caller("fourth").Reserve(ctx(t))} {
			if at := notYet(t, err); at.Before(opens) {
				t.Errorf("call %d is to come back at %s, before the gate opens at %s", i, at, opens)
			}
		}
		w.sso(w.caller("reader"), start) // memory answers as ever
	})
	w.clock.advance(29*time.Second + 999*time.Millisecond)
	w.expect(func() { notYet(t, w.caller("fifth").Reserve(ctx(t))) })
	w.clock.advance(time.Millisecond)
	w.RemoveLimits()
	w.expect(func() {
		_, _, err := w.service.Whoami(ctx(t), "team", w.project.Credentials)
		must(t, err)
		must(t, w.caller("fifth").Reserve(ctx(t)))
	}, "Whoami")
}

func TestEvery429ClosesTheGateForAllOfTheProject(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{RetryAfter: "yes"})
	w.session()
	w.fault(stytchsim.Fault{Operation: "Whoami", Status: 429, RetryAfter: "90"})
	_, _, err := w.service.Whoami(ctx(t), "team", w.project.Credentials)
	_ = failedAs(t, err, Throttled)
	neighbour := w.project
	neighbour.Object = "other/project"
	if at := notYet(t, w.service.Session(neighbour).Caller("team", "uid", Urgent).Reserve(ctx(t))); !at.Equal(start.Add(90 * time.Second)) {
		t.Errorf("the gate opens at %s", at)
	}
	w.service.Leave(neighbour.Object) // and the gate stays closed for who comes back
	notYet(t, w.service.Session(neighbour).Caller("team", "uid", Urgent).Reserve(ctx(t)))
	stranger := w.project
	stranger.Object, stranger.ProjectID = "x/y", "project-test-other"
	must(t, w.service.Session(stranger).Caller("team", "uid", Drift).Reserve(ctx(t)))
}

func TestCredentialsThatWereNeverAcceptedCloseNoWindowButTheirOwn(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{RetryAfter: "yes"})
	w.session()
	wrong := w.project.Credentials
	wrong.Secret = "secret-test-wrong"
	w.fault(stytchsim.Fault{Operation: "Whoami", Status: 429, RetryAfter: "90", Times: 1})
	_, _, err := w.service.Whoami(ctx(t), "other", wrong)
	_ = failedAs(t, err, Throttled)
	w.expect(func() {
		_, _, err := w.service.Whoami(ctx(t), "other", wrong)
		if at := notYet(t, err); !at.Equal(start.Add(90 * time.Second)) {
			t.Errorf("they are checked again at %s", at)
		}
	})
	w.expect(func() { w.sso(w.caller("uid"), start) }, "ListSSOConnections")
	w.clock.advance(90 * time.Second)
	_, _, err = w.service.Whoami(ctx(t), "other", wrong)
	_ = failedAs(t, err, CredentialsRejected)
}

func TestTheChecksOfANamespaceArePaced(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	check := func(namespace string, i int) error {
		c := w.project.Credentials
		c.Secret = Secret(fmt.Sprint("secret-test-", i))
		_, _, err := w.service.Whoami(ctx(t), namespace, c)
		return err
	}
	w.expect(func() {
		for i := range 60 {
			err := check("many", i)
			if _, waits := errors.AsType[*NotYet](err); waits != (i >= whoamiRate.Burst) {
				t.Errorf("check %d: %v", i, err)
			}
		}
		_ = failedAs(t, check("another", 0), CredentialsRejected)
	}, slices.Repeat([]string{"Whoami"}, whoamiRate.Burst+1)...)
	w.clock.advance(time.Second)
	w.expect(func() { _ = failedAs(t, check("many", whoamiRate.Burst), CredentialsRejected) }, "Whoami")
}

func TestWhoamiAloneMakesNoGate(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	identity, request, err := w.service.Whoami(ctx(t), "team", w.project.Credentials)
	must(t, err)
	if identity.ProjectID != w.project.ProjectID || identity.Name == "" || request.ID == "" || request.Operation != "Whoami" {
		t.Errorf("%+v, %+v", identity, request)
	}
	if n := len(w.service.gates.byAddress); n != 0 {
		t.Errorf("%d gates after whoami", n)
	}
	wrong := w.project.Credentials
	wrong.Secret = "secret-test-wrong"
	_, _, err = w.service.Whoami(ctx(t), "team", wrong)
	_ = failedAs(t, err, CredentialsRejected)
	_, _, err = against("http://stytch", Options{Transport: direct{status(200, `{"request_id":"r"}`)}}).session.account.service.Whoami(ctx(t), "team", Credentials{BaseURL: "http://stytch"})
	_ = failedAs(t, err, Unavailable)
}

func TestAPassThatReadsMemoryTakesNoTurn(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	w.secondly()
	w.sso(w.caller("first"), start)
	w.expect(func() {
		for i := range 50 {
			w.sso(w.caller(fmt.Sprint("uid-", i)), start)
		}
	})
	if n := w.service.gates.waiting(); n != 0 {
		t.Errorf("%d turns are waiting", n)
	}
}

func TestPassesThatNeedOneListShareOneTurn(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	w.secondly()
	must(t, w.caller("first").Reserve(ctx(t)))
	for i := range 50 {
		_, err := w.caller(fmt.Sprint("uid-", i)).SSO(ctx(t), w.org, start)
		if at := notYet(t, err); !at.Equal(start.Add(time.Second)) {
			t.Errorf("pass %d is to come back at %s", i, at)
		}
	}
	if n := w.service.gates.waiting(); n != 1 {
		t.Errorf("%d turns are waiting, want one for the list", n)
	}
	w.clock.advance(time.Second)
	w.expect(func() {
		for i := range 50 {
			w.sso(w.caller(fmt.Sprint("uid-", i)), start)
		}
	}, "ListSSOConnections")
}

// fleet makes connections as an engine does: pass by pass, coming back when told.
type fleet struct {
	t        *testing.T
	session  *Session
	org      string
	begun    time.Time
	recorded sync.Map
	passes   atomic.Int64
}

func (f *fleet) pass(uid string) error {
	f.passes.Add(1)
	caller := f.session.Caller("team", uid, Drift)
	if _, err := caller.SSO(ctx(f.t), f.org, f.begun); err != nil {
		return err
	}
	id, ok := f.recorded.Load(uid)
	if !ok {
		if err := caller.Reserve(ctx(f.t)); err != nil {
			return err
		}
		c, _, err := caller.CreateSAML(ctx(f.t), f.org, Fields{"display_name": uid})
		must(f.t, err)
		id = c.ConnectionID
		f.recorded.Store(uid, id)
	}
	_, _, err := caller.UpdateSAML(ctx(f.t), f.org, fmt.Sprint(id), Fields{"idp_entity_id": uid})
	return err
}

// converge makes n connections with so many workers.
func (f *fleet) converge(n, workers int) {
	work := make(chan string, n)
	defer close(work)
	var left sync.WaitGroup
	left.Add(n)
	for range workers {
		go func() {
			for uid := range work {
				if later, ok := errors.AsType[*NotYet](f.pass(uid)); ok {
					time.AfterFunc(time.Until(later.At), func() { work <- uid })
					continue
				}
				left.Done()
			}
		}()
	}
	for i := range n {
		work <- fmt.Sprint("uid-", i)
	}
	left.Wait()
}

func TestTwoHundredConnectionsUnderALimitMeetNo429(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := stytchsim.New(stytchsim.Options{})
		must(t, sim.AddLimit(stytchsim.Limit{Requests: 10, Window: stytchsim.Duration(time.Second)}))
		org, err := sim.AddOrganization(stytchsim.Organization{Slug: "acme"})
		must(t, err)
		f := &fleet{t: t, org: org.ID, begun: time.Now(), session: New(Options{Now: time.Now, Transport: direct{sim}}).Session(Project{
			Credentials: Credentials{BaseURL: "http://stytch", ProjectID: stytchsim.DefaultProjectID, Secret: stytchsim.DefaultSecret},
			Rate:        Rate{PerSecond: 10, Burst: 1},
		})}
		f.converge(200, 10)
		took := time.Since(f.begun)
		t.Logf("200 connections in %s by %d passes, %d calls", took, f.passes.Load(), len(sim.Calls()))
		if n := len(sim.Connections(org.ID)); n != 200 || len(sim.Calls()) != 401 || took > 42*time.Second {
			t.Errorf("%d connections by %d calls in %s, want 200 by 401 in some 40 s", n, len(sim.Calls()), took)
		}
		for _, c := range sim.Calls() {
			if c.Limited {
				t.Fatalf("call %d was refused", c.Seq)
			}
		}
	})
}

func TestCallsAreCounted(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	statuses := map[string]int{"/ok": 200, "/refused": 400, "/throttled": 429, "/broken": 500, "/moved": 302}
	o := Options{Metrics: registry, Now: func() time.Time { return start }, Transport: transport(func(r *http.Request) (*http.Response, error) {
		for path, code := range statuses {
			if strings.HasSuffix(r.URL.Path, path) {
				return direct{status(code, `{"request_id":"r","status_code":200}`)}.RoundTrip(r)
			}
		}
		return nil, errors.New("no network")
	})}
	service := New(o)
	New(o) // another Service on the same registry counts there too
	for i, id := range []string{"ok", "refused", "throttled", "broken", "moved", "none"} {
		caller := service.Session(Project{Credentials: Credentials{BaseURL: "http://stytch", ProjectID: id}, Object: fmt.Sprint("p/", i)}).Caller("team", "uid", Drift)
		_, _ = caller.DeleteSSO(ctx(t), someone, id)
		_, _ = caller.DeleteSSO(ctx(t), someone, "..")
	}
	families, err := registry.Gather()
	must(t, err)
	counted := map[string]float64{}
	var names []string
	for _, family := range families {
		names = append(names, family.GetName())
		if family.GetName() != "stytch_requests_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			counted[m.GetLabel()[0].GetValue()+" "+m.GetLabel()[1].GetValue()] = m.GetCounter().GetValue()
		}
	}
	want := map[string]float64{}
	for _, class := range []string{"2xx", "3xx", "4xx", "429", "5xx", "none"} {
		want["DeleteSSOConnection "+class] = 1
	}
	if !maps.Equal(counted, want) {
		t.Errorf("counted %v, want %v", counted, want)
	}
	if got := fmt.Sprint(names); got != "[stytch_drift_overdue_seconds stytch_gate_waiting_turns stytch_request_duration_seconds stytch_requests_total]" {
		t.Errorf("metrics: %s", got)
	}
}

func TestAServiceNeedsAClock(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("New without a clock does not panic")
		}
	}()
	New(Options{})
}

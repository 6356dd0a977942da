package stytchsim_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

func (p *pretend) plant(f stytchsim.Fault) {
	p.t.Helper()
	if _, err := p.AddFault(f); err != nil {
		p.t.Fatal(err)
	}
}

// last is the newest line of the journal.
func (p *pretend) last() stytchsim.Call {
	p.t.Helper()
	calls := p.Calls()
	if len(calls) == 0 {
		p.t.Fatal("the journal is empty")
	}
	return calls[len(calls)-1]
}

func TestAFaultAnswersInThePlaceOfACall(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.plant(stytchsim.Fault{Status: 429, ErrorType: "too_many_requests", RetryAfter: "7", Times: 1})
	r := p.post(samlOf+"acme", nil)
	r.refused(429, "too_many_requests")
	same(t, "Retry-After", r.header.Get("Retry-After"), "7")
	same(t, "connections", len(p.Connections("acme")), 0)
	line := p.last()
	if line.Committed || line.Fault == 0 || line.Status != 429 || line.ErrorType != "too_many_requests" {
		t.Errorf("the journal has %+v", line)
	}
	p.post(samlOf+"acme", nil).ok()

	p.plant(stytchsim.Fault{Effect: stytchsim.FaultError})
	r = p.get("/v1/debug/whoami")
	r.refused(500, "internal_server_error")
	if _, there := r.header["Retry-After"]; there {
		t.Error("there is a Retry-After")
	}
}

func TestAFaultStrikesTheCallsItNames(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	for _, f := range []stytchsim.Fault{
		{Method: "post", Path: "/v1/b2b/sso/*/acme", Status: 500},
		{Path: "/v1/debug/**", Status: 500},
		{Operation: "GetSCIMConnection", Status: 500},
		{Method: "POST", Path: "/v1/b2b/sso/acme", Status: 500},
		{Path: "/v1/b2b/sso/acme/connections", Status: 500},
		{Path: "/v1/b2b/sso", Status: 500},
	} {
		p.plant(f)
	}
	p.post(samlOf+"acme", nil).refused(500, "internal_server_error")
	p.post(oidcOfAcme, nil).refused(500, "internal_server_error")
	p.get("/v1/debug/whoami").refused(500, "internal_server_error")
	p.get(scimOfAcme).refused(500, "internal_server_error")
	p.post(scimOfAcme, nil).ok()
	p.get("/v1/b2b/sso/acme").ok()
	p.get("/v1/b2b/organizations/acme").ok()
	same(t, "struck", strikes(p.State().Faults), []int{2, 1, 1, 0, 0, 0})
	p.RemoveFaults()
	p.get("/v1/debug/whoami").ok()
}

func strikes(faults []stytchsim.Fault) []int {
	struck := []int{}
	for _, f := range faults {
		struck = append(struck, f.Struck)
	}
	return struck
}

func TestAFaultStrikesTheCallsWhoseBodyHasAField(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.plant(stytchsim.Fault{Method: "POST", Field: "display_name", Status: 400, ErrorType: "invalid_display_name"})
	p.post(samlOf+"acme", map[string]any{"identity_provider": "okta", "display_name": "Okta"}).refused(400, "invalid_display_name")
	p.post(samlOf+"acme", map[string]any{"identity_provider": "okta"}).ok()
	p.get("/v1/b2b/sso/acme").ok()
	same(t, "struck", strikes(p.State().Faults), []int{1})
}

func TestAFaultSkipsAndThenStrikesSoOften(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.plant(stytchsim.Fault{Skip: 1, Times: 2, Status: 503})
	statuses := []int{}
	for range 5 {
		statuses = append(statuses, p.get("/v1/debug/whoami").status)
	}
	same(t, "statuses", statuses, array{200, 503, 503, 200, 200})
}

func TestAFaultThatCannotBeIsRefused(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	for _, f := range []stytchsim.Fault{
		{Effect: "explode"}, {Status: 99}, {Times: -1}, {Path: "v1"}, {Path: "/v1/[", Status: 500},
	} {
		if _, err := p.AddFault(f); err == nil {
			t.Errorf("%+v is planted", f)
		}
	}
}

func TestACutBeforeCommitLeavesNothingAndOneAfterItLeavesTheEffect(t *testing.T) {
	for effect, want := range map[stytchsim.Effect]int{
		stytchsim.FaultCutBeforeCommit: 0, stytchsim.FaultCutAfterCommit: 1,
	} {
		p := switched(t, stytchsim.Switches{})
		p.get("/v1/debug/whoami").ok() // so that the connection is a kept one
		p.plant(stytchsim.Fault{Effect: effect})
		p.post(samlOf+"acme", nil).cut()
		same(t, "connections after "+string(effect), len(p.Connections("acme")), want)
		line := p.last()
		if line.Outcome != stytchsim.Cut || line.Status != 0 || line.Committed != (want == 1) {
			t.Errorf("the journal has %+v", line)
		}
	}
}

func TestACutIsSeenByTheCallerEvenOfAGETOnAKeptConnection(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.get("/v1/debug/whoami").ok()
	p.plant(stytchsim.Fault{Effect: stytchsim.FaultCutBeforeCommit, Times: 1})
	p.get("/v1/debug/whoami").cut()
	same(t, "calls", len(p.Calls()), 2)
}

func TestACallCanTakeEffectAfterItsCallerGaveUp(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.plant(stytchsim.Fault{Method: "POST", Effect: stytchsim.FaultCommitAfterGivingUp, Delay: stytchsim.Duration(20 * time.Millisecond)})
	ctx, giveUp := context.WithCancel(t.Context())
	ended := make(chan reply)
	go func() {
		ended <- p.send(ctx, "POST", samlOf+"acme", stytchsim.DefaultSecret, object{"display_name": "late"})
	}()
	eventually(t, "the call is on the wire", func() bool { return len(p.Calls()) == 1 && p.Calls()[0].Fault != 0 })
	same(t, "outcome while it is held", p.last().Outcome, "open")
	same(t, "connections before", len(p.Connections("acme")), 0)
	giveUp()
	(<-ended).cut()
	eventually(t, "the call takes effect", func() bool { return len(p.Connections("acme")) == 1 })
	eventually(t, "its line is closed", func() bool { return p.last().Outcome == stytchsim.Cut && p.last().Committed })
	same(t, "fields", p.last().Fields, array{"display_name"})
}

func TestADelayEndsInTheAnswer(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.plant(stytchsim.Fault{Delay: stytchsim.Duration(50 * time.Millisecond)})
	before := time.Now()
	p.get("/v1/debug/whoami").ok()
	if took := time.Since(before); took < 50*time.Millisecond {
		t.Errorf("it took %s", took)
	}
}

func TestACallInADelayTakesEffectThoughItsCallerGaveUp(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.plant(stytchsim.Fault{Delay: stytchsim.Duration(50 * time.Millisecond)})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	p.send(ctx, "POST", samlOf+"acme", stytchsim.DefaultSecret, nil).cut()
	eventually(t, "the call takes effect", func() bool { return len(p.Connections("acme")) == 1 })
	eventually(t, "its line is closed", func() bool { return p.last().Outcome == stytchsim.Cut })
}

func TestAResetCutsHeldCallsWithoutEffect(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.plant(stytchsim.Fault{Delay: stytchsim.Duration(time.Hour)})
	ended := make(chan reply)
	go func() { ended <- p.send(t.Context(), "POST", samlOf+"acme", stytchsim.DefaultSecret, nil) }()
	eventually(t, "the call is held", func() bool { return len(p.Calls()) == 1 && p.Calls()[0].Fault != 0 })
	p.Reset()
	(<-ended).cut()
	p.organization("acme")
	same(t, "connections", len(p.Connections("acme")), 0)
}

func TestACallToAWorldThatIsNoMoreHasNoEffect(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.SetIntercept(func(stytchsim.Stage, stytchsim.Operation) bool {
		p.Reset()
		p.organization("acme")
		return false
	})
	p.post(samlOf+"acme", nil).cut()
	same(t, "connections", len(p.Connections("acme")), 0)
}

func TestAListCanBeEmptyThoughThereIsSomething(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.saml()
	path, id, _ := p.scim()
	if _, err := p.AddGroup(stytchsim.Group{Name: "x", ConnectionID: id}); err != nil {
		t.Fatal(err)
	}
	p.plant(stytchsim.Fault{Effect: stytchsim.FaultEmptyList})
	same(t, "saml_connections", p.get("/v1/b2b/sso/acme").ok()["saml_connections"], array{})
	same(t, "scim_groups", p.get(path).ok()["scim_groups"], array{})
	p.get(scimOfAcme).refused(404, "no_active_scim_connection")
	p.put(path, object{"display_name": "x"}).ok()
	p.RemoveFaults()
	same(t, "saml_connections", len(each(t, p.get("/v1/b2b/sso/acme").ok(), "saml_connections")), 1)
}

func TestAnAnswerCanBeNoJSON(t *testing.T) {
	for effect, want := range map[stytchsim.Effect]struct {
		status int
		body   string
	}{
		stytchsim.FaultEmptyBody: {200, ""}, stytchsim.FaultInvalidJSON: {200, "{"}, stytchsim.FaultHTML: {502, "<html>"},
	} {
		for _, commit := range []bool{false, true} {
			p := switched(t, stytchsim.Switches{})
			p.plant(stytchsim.Fault{Effect: effect, Commit: commit, Times: 1})
			r := p.post(samlOf+"acme", nil)
			if r.err != nil || r.status != want.status || !strings.HasPrefix(string(r.body), want.body) {
				t.Errorf("%s: %d %q %v", effect, r.status, r.body, r.err)
			}
			same(t, "committed", len(p.Connections("acme")) == 1, commit)
			same(t, "in the journal", p.last().Committed, commit)
		}
	}
	p := switched(t, stytchsim.Switches{})
	p.plant(stytchsim.Fault{Effect: stytchsim.FaultHTML, Status: 200, Body: "<p>hello"})
	r := p.get("/v1/debug/whoami")
	same(t, "answer", array{r.status, string(r.body), r.header.Get("Content-Type")}, array{200, "<p>hello", "text/html"})
}

func TestAnErrorCanComeAfterTheEffect(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.plant(stytchsim.Fault{Status: 500, Commit: true, Times: 1})
	p.post(samlOf+"acme", nil).refused(500, "internal_server_error")
	same(t, "connections", len(p.Connections("acme")), 1)
}

func TestALimitIsAWindowOfTheClock(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	if err := p.AddLimit(stytchsim.Limit{Requests: 2, Window: stytchsim.Duration(time.Minute), Path: "/v1/b2b/**"}); err != nil {
		t.Fatal(err)
	}
	p.clock.advance(50 * time.Second)
	p.get("/v1/b2b/sso/acme").ok()
	p.get("/v1/b2b/sso/acme").ok()
	refused := p.post(samlOf+"acme", nil)
	refused.refused(429, "too_many_requests")
	same(t, "Retry-After", refused.header.Get("Retry-After"), "")
	if line := p.last(); !line.Limited || line.Committed {
		t.Errorf("the journal has %+v", line)
	}
	p.get("/v1/debug/whoami").ok()
	p.clock.advance(10 * time.Second)
	p.get("/v1/b2b/sso/acme").ok()
	same(t, "connections", len(p.Connections("acme")), 0)
	limited := 0
	for _, c := range p.Calls() {
		if c.Limited {
			limited++
		}
	}
	same(t, "calls inside the closed window", limited, 1)
	p.RemoveLimits()
	for range 3 {
		p.get("/v1/b2b/sso/acme").ok()
	}
}

func TestRetryAfterIsASwitch(t *testing.T) {
	p := switched(t, stytchsim.Switches{RetryAfter: "yes"})
	if err := p.AddLimit(stytchsim.Limit{Requests: 0, Window: stytchsim.Duration(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	p.clock.advance(1500 * time.Millisecond)
	r := p.get("/v1/debug/whoami")
	same(t, "status", r.status, http.StatusTooManyRequests)
	same(t, "Retry-After", r.header.Get("Retry-After"), "59")
}

func TestALimitCountsEachProjectByItself(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	if err := p.AddProject(stytchsim.Project{ID: "project-test-2", Secret: "s"}); err != nil {
		t.Fatal(err)
	}
	if err := p.AddLimit(stytchsim.Limit{Requests: 1, Window: stytchsim.Duration(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	p.get("/v1/debug/whoami").ok()
	p.get("/v1/debug/whoami").refused(429, "too_many_requests")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/v1/debug/whoami", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("project-test-2", "s")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("the other project is answered with %d, %v", response.StatusCode, err)
	}
}

func TestALimitNeedsAWindow(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	for _, l := range []stytchsim.Limit{{Requests: 1}, {Requests: -1, Window: 1}, {Window: 1, Path: "x"}} {
		if err := p.AddLimit(l); err == nil {
			t.Errorf("%+v is accepted", l)
		}
	}
}

func TestAnInterceptCutsACallBeforeOrAfterItsEffect(t *testing.T) {
	for stage, want := range map[stytchsim.Stage]int{stytchsim.BeforeEffect: 0, stytchsim.AfterEffect: 1} {
		p := switched(t, stytchsim.Switches{})
		var seen []stytchsim.Operation
		p.SetIntercept(func(at stytchsim.Stage, op stytchsim.Operation) bool {
			seen = append(seen, op)
			p.State() // it may call the simulator
			return at == stage
		})
		p.post(samlOf+"acme", nil).cut()
		same(t, "connections", len(p.Connections("acme")), want)
		same(t, "in the journal", p.last().Committed, want == 1)
		asked := seen[len(seen)-1]
		if asked.Name != "CreateSAMLConnection" || asked.Method != "POST" || asked.Seq != 1 || (asked.Status == 200) != (want == 1) {
			t.Errorf("asked about %+v", asked)
		}
		p.SetIntercept(nil)
		p.post(samlOf+"acme", nil).ok()
	}
}

func TestLatencyIsAddedToEachCall(t *testing.T) {
	p := start(t, stytchsim.Options{Latency: 30 * time.Millisecond})
	before := time.Now()
	p.get("/v1/debug/whoami").ok()
	if took := time.Since(before); took < 30*time.Millisecond {
		t.Errorf("it took %s", took)
	}
}

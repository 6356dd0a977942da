package stytch

import (
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// only grants one organization, and sources for it, until it is closed.
type only struct {
	organization, source string
	closed               atomic.Bool
	// after is how many questions are answered with yes before it closes; 0 for all.
	after int32
	asked atomic.Int32
}

func (o *only) open() bool {
	n := o.asked.Add(1)
	return !o.closed.Load() && (o.after == 0 || n <= o.after)
}

func (o *only) Organization(id string) bool { return o.open() && id == o.organization }
func (o *only) Source(organization, source string) bool {
	return o.open() && organization == o.organization && source == o.source
}

// reads are all calls that read something of an organization.
func reads(t *testing.T, org string) map[string]func(*Caller) error {
	t.Helper()
	return map[string]func(*Caller) error{
		"Organization":         func(c *Caller) error { _, _, err := c.Organization(ctx(t), org); return err },
		"DescribeOrganization": func(c *Caller) error { _, err := c.DescribeOrganization(ctx(t), org); return err },
		"CustomRoles":          func(c *Caller) error { _, err := c.CustomRoles(ctx(t), org); return err },
		"SSO":                  func(c *Caller) error { _, err := c.SSO(ctx(t), org, time.Time{}); return err },
		"SourceSSO":            func(c *Caller) error { _, err := c.SourceSSO(ctx(t), org, someone, time.Time{}); return err },
		"SCIM":                 func(c *Caller) error { _, err := c.SCIM(ctx(t), org, time.Time{}); return err },
		"SCIMGroups":           func(c *Caller) error { _, err := c.SCIMGroups(ctx(t), org, "c", time.Time{}); return err },
	}
}

// ofNoOrganization are the methods of a Caller that touch no organization.
var ofNoOrganization = []string{"Close", "Confirm", "ListedAt", "PolicyRoles", "Reserve", "ReserveCalls"}

const stranger = "organization-test-99999999-9999-4999-8999-999999999999"

func isNotGranted(err error) bool {
	_, is := errors.AsType[*NotGranted](err)
	return is
}

// Whatever a Caller can do to an organization, it does not where that is not granted: nothing is sent, and no turn is taken.
func TestNothingIsSentThatIsNotGranted(t *testing.T) {
	var sent atomic.Int32
	count := func(w http.ResponseWriter, _ *http.Request) {
		sent.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
	}
	service := New(Options{Now: func() time.Time { return start }, Transport: direct{http.HandlerFunc(count)}})
	session := service.Session(Project{Credentials: Credentials{BaseURL: "http://stytch", ProjectID: "p"}, Object: "a/p", Rate: Rate{PerSecond: 1, Burst: 1}})
	refused := map[string]bool{}
	all := map[string]func(*Caller) error{"Organizations": func(c *Caller) error { _, err := c.Organizations(ctx(t)); return err }}
	for _, calls := range []map[string]func(*Caller) error{reads(t, stranger), changes(t, stranger), all} {
		for name, call := range calls {
			refused[name] = true
			if err := call(session.Under(&only{organization: someone, source: someone}).Caller("team", name, Drift)); !isNotGranted(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for method := range reflect.TypeFor[*Caller]().Methods() {
		if name := method.Name; !refused[name] && !slices.Contains(ofNoOrganization, name) {
			t.Errorf("nobody knows whether %s asks for grants", name)
		}
	}
	if n, waiting := sent.Load(), service.gates.waiting(); n != 0 || waiting != 0 {
		t.Errorf("%d calls were sent, and %d turns wait", n, waiting)
	}
	if _, err := session.Under(&only{organization: someone}).Caller("team", "first", Drift).SSO(ctx(t), someone, time.Time{}); isNotGranted(err) || sent.Load() != 1 {
		t.Errorf("what is granted: %v, and %d calls were sent", err, sent.Load())
	}
}

// A call of an organization names that organization in its path, so that what is granted is what is called.
func TestACallIsAboutTheOrganizationThatIsAskedFor(t *testing.T) {
	for _, calls := range []map[string]func(*Caller) error{reads(t, someone), changes(t, someone)} {
		for name, call := range calls {
			var path string
			caller := answering(t, func(w http.ResponseWriter, r *http.Request) {
				path = r.URL.Path
				w.WriteHeader(http.StatusInternalServerError)
			})
			caller.session = caller.session.Under(&only{organization: someone, source: someone})
			_ = call(caller)
			if name == "CreateExternal" { // which names no source here
				continue
			}
			if !strings.Contains(path, "/"+someone) {
				t.Errorf("%s calls %s", name, path)
			}
		}
	}
}

// Grants are asked once more when there is a connection to send the call on, which can take seconds.
func TestAGrantThatEndsWhileACallIsDialledKeepsItBack(t *testing.T) {
	for name, call := range map[string]func(*Caller) error{"a read": reads(t, someone)["SSO"], "a change": changes(t, someone)["UpdateSAML"]} {
		t.Run(name, func(t *testing.T) {
			var sent atomic.Int32
			caller := answering(t, func(http.ResponseWriter, *http.Request) { sent.Add(1) })
			g := &only{organization: someone, after: 2} // before anything, and before the connection
			caller.session = caller.session.Under(g)
			if err := call(caller); !isNotGranted(err) || sent.Load() != 0 {
				t.Errorf("%v, and %d calls were sent", err, sent.Load())
			}
			if n := g.asked.Load(); n < 3 {
				t.Errorf("grants were asked %d times", n)
			}
		})
	}
}

// What one namespace has read answers no other one without a grant, whose own reading cannot have failed for it either.
func TestTheCacheAnswersNobodyWithoutAGrant(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	granted := &only{organization: w.org}
	session := w.session().Under(granted)
	for name, read := range reads(t, w.org) {
		if name == "SourceSSO" || name == "SCIMGroups" {
			continue
		}
		must(t, read(session.Caller("team", name, Drift)))
		w.expect(func() {
			if err := read(w.session().Under(&only{organization: stranger}).Caller("other", name, Drift)); !isNotGranted(err) {
				t.Errorf("%s of another namespace: %v", name, err)
			}
			must(t, read(session.Caller("team", name, Drift)))
		})
	}
	granted.closed.Store(true)
	w.expect(func() {
		if _, err := session.Caller("team", "revoked", Drift).SSO(ctx(t), w.org, time.Time{}); !isNotGranted(err) {
			t.Errorf("after the grant is gone: %v", err)
		}
	})
}

func TestAnExternalConnectionNeedsItsSource(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	source := w.organization("source")
	connection := w.saml(w.caller("saml"), "source")
	fields := func(source string) Fields {
		return Fields{"display_name": "a", "external_organization_id": source, "external_connection_id": connection.ConnectionID}
	}
	w.expect(func() {
		caller := w.session().Under(&only{organization: w.org, source: stranger}).Caller("team", "external", Drift)
		if _, _, err := caller.CreateExternal(ctx(t), w.org, fields(source)); !isNotGranted(err) {
			t.Errorf("another source: %v", err)
		}
		if _, err := caller.SourceSSO(ctx(t), w.org, source, time.Time{}); !isNotGranted(err) {
			t.Errorf("the list of another source: %v", err)
		}
		if _, _, err := caller.CreateExternal(ctx(t), w.org, Fields{"display_name": "a"}); !isNotGranted(err) {
			t.Errorf("no source: %v", err)
		}
	})
	w.expect(func() {
		caller := w.session().Under(&only{organization: w.org, source: source}).Caller("team", "external", Drift)
		_, err := caller.SourceSSO(ctx(t), w.org, source, time.Time{})
		must(t, err)
		if !caller.ListedAt().IsZero() {
			t.Error("the list of the source counts as that of the organization")
		}
		if _, err := caller.SSO(ctx(t), source, time.Time{}); !isNotGranted(err) {
			t.Errorf("a source that is not managed: %v", err)
		}
	}, "ListSSOConnections")
}

// Where a project leads, its rate alone counts.
func TestTheRateOfAProjectThatLeadsAloneCounts(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	slow := w.project
	slow.Object, slow.Rate = "other/project", Rate{PerSecond: 1, Burst: 1}
	leading := w.project
	leading.Object, leading.Leads = "/shared", true
	for _, p := range []Project{slow, leading} {
		w.service.Session(p)
	}
	gate := w.service.gates.find(w.project.Credentials).gate
	want, _ := ample.pace()
	if got := gate.interval; got != want {
		t.Errorf("one call each %s, want each %s", got, want)
	}
	w.service.Leave("/shared")
	if gate.interval != time.Second {
		t.Errorf("one call each %s after the leading project has left, want each second", gate.interval)
	}
}

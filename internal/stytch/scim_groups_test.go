package stytch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// pushed returns a SCIM connection and its n groups, which are called "group "
// and a number.
func (w *world) pushed(n int) (connectionID string, groups []SCIMGroup) {
	w.t.Helper()
	c, err := w.AddConnection(w.org, stytchsim.SCIM, nil)
	must(w.t, err)
	for i := range n {
		groups = append(groups, w.push(c.ID, fmt.Sprintf("group %04d", i)))
	}
	return c.ID, groups
}

func (w *world) push(connectionID, name string) SCIMGroup {
	w.t.Helper()
	g, err := w.AddGroup(stytchsim.Group{Name: name, ConnectionID: connectionID})
	must(w.t, err)
	return SCIMGroup{ID: g.ID, Name: g.Name}
}

func (w *world) groups(caller *Caller, connectionID string, since time.Time) []SCIMGroup {
	w.t.Helper()
	list, err := caller.SCIMGroups(ctx(w.t), w.org, connectionID, since)
	must(w.t, err)
	return list
}

// pages answers page after page; the cursor of each is its number.
func pages(answer func(n int) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
		status(200, answer(n))(w, r)
	}
}

func TestGroupsAreReadToTheLastPage(t *testing.T) {
	for _, s := range []stytchsim.Switches{{}, {Cursor: "empty", Order: "reversed"}, {Cursor: "absent", Lists: "absent"}, {Lists: "null"}} {
		w := newWorld(t, s)
		id, want := w.pushed(2001)
		caller := w.caller("uid")
		w.expect(func() {
			if got := w.groups(caller, id, start); !slices.Equal(got, want) {
				t.Errorf("%+v: %d groups, want %d in their order", s, len(got), len(want))
			}
		}, "ListSCIMGroups", "ListSCIMGroups", "ListSCIMGroups")
		none := newWorld(t, s)
		id, _ = none.pushed(0)
		if got := none.groups(none.caller("uid"), id, start); got != nil {
			t.Errorf("%+v: %+v, want none", s, got)
		}
	}
}

func TestGroupsOfOneNameComeInTheOrderOfTheirIDs(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	id, _ := w.pushed(0)
	twins := []SCIMGroup{w.push(id, "twin"), w.push(id, "twin"), w.push(id, "twin")}
	slices.SortFunc(twins, func(a, b SCIMGroup) int { return strings.Compare(a.ID, b.ID) })
	want := append([]SCIMGroup{w.push(id, "Zebra"), w.push(id, "ape")}, twins...)
	if got := w.groups(w.caller("uid"), id, start); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestGroupsAnswerAllWhoNeedNoFresherOnes(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	id, groups := w.pushed(1)
	w.secondly() // one call and no more
	w.expect(func() {
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				var got []SCIMGroup
				err := persist(func() (err error) {
					got, err = w.caller(fmt.Sprint("uid-", i)).SCIMGroups(ctx(t), w.org, id, start)
					return err
				})
				if err != nil || !slices.Equal(got, groups) {
					t.Errorf("pass %d: %+v, %v", i, got, err)
				}
			})
		}
		all.Wait()
	}, "ListSCIMGroups")
	w.clock.advance(time.Minute)
	later := w.push(id, "zoo")
	w.expect(func() {
		if got := w.groups(w.caller("uid"), id, start); !slices.Equal(got, groups) {
			t.Errorf("from memory: %+v", got)
		}
	})
	w.expect(func() {
		if got := w.groups(w.caller("uid"), id, at(time.Nanosecond)); !slices.Equal(got, append(groups, later)) {
			t.Errorf("listed anew: %+v", got)
		}
	}, "ListSCIMGroups")
}

func TestReadingGroupsIsNoLookAtTheConnection(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	id, _ := w.pushed(1)
	caller := w.caller("uid")
	w.scim(caller, start)
	w.clock.advance(time.Minute)
	w.expect(func() { w.groups(caller, id, at(time.Second)) }, "ListSCIMGroups")
	if s := w.session(); !caller.ListedAt().Equal(start) || !s.ListedAt(APISCIM, w.org).Equal(start) {
		t.Errorf("begun at %s, looked at %s", caller.ListedAt(), s.ListedAt(APISCIM, w.org))
	}
	w.expect(func() { w.scim(caller, start) })
}

func TestGroupsOfEachConnectionAreKeptApart(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	id, groups := w.pushed(1)
	caller := w.caller("uid")
	w.groups(caller, id, start)
	w.expect(func() {
		_, err := caller.SCIMGroups(ctx(t), w.organization("other"), id, start)
		_ = failedAs(t, err, NotFound)
		e := readError(t, err)
		_, err = caller.SCIMGroups(ctx(t), w.org, "scim-connection-test-none", start)
		if failedAs(t, err, NotFound).ErrorType == "" || e.Err.Operation != "ListSCIMGroups" || !e.Until.Equal(at(2*time.Second)) {
			t.Errorf("%v, until %s", e, e.Until)
		}
	}, "ListSCIMGroups", "ListSCIMGroups")
	if got := w.groups(caller, id, start); !slices.Equal(got, groups) {
		t.Errorf("held: %+v", got)
	}
}

func TestAPageOfGroupsIsAskedForByItsCursor(t *testing.T) {
	const cursor = "a+b/c=&limit=1 %"
	var asked []url.Values
	caller := answering(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query())
		if len(asked) == 1 {
			status(200, `{"scim_groups":[{"group_id":"2","group_name":"b"}],"status_code":200,"next_cursor":"`+cursor+`"}`)(w, r)
			return
		}
		status(200, `{"scim_groups":[{"group_id":"1","group_name":"a"},{"group_id":"2","group_name":"b"}],"status_code":200,"next_cursor":null}`)(w, r)
	})
	got, err := caller.SCIMGroups(ctx(t), someone, "c", start)
	if want := []SCIMGroup{{"1", "a"}, {"2", "b"}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v; want %+v, each once, without a request_id", got, err, want)
	}
	if got, want := fmt.Sprint(asked), "[map[limit:[1000]] map[cursor:["+cursor+"] limit:[1000]]]"; got != want {
		t.Errorf("asked %s\nwant %s", got, want)
	}
}

func TestGroupsWithoutEndAreNotReadForever(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(n int) string
		calls  int
	}{
		"the same page again": {func(int) string { return `{"request_id":"r","next_cursor":"7"}` }, 2},
		"ever more pages":     {func(n int) string { return fmt.Sprintf(`{"request_id":"r","next_cursor":"%d"}`, n+1) }, 100},
	} {
		calls := 0
		answer := pages(c.answer)
		caller := against("http://stytch", Options{Transport: direct{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls++
			answer(w, r)
		})}})
		_, err := caller.SCIMGroups(ctx(t), someone, "c", start)
		e := readError(t, err)
		if e := e.Err; e.Class != Unavailable || e.ID != "r" || e.Error() != "ListSCIMGroups returned 200: the list has too many pages, or a page refers to itself" || calls != c.calls {
			t.Errorf("%s: %v after %d calls, want %d", name, e, calls, c.calls)
		}
	}
	last := against("http://stytch", Options{Transport: direct{pages(func(n int) string {
		next := ""
		if n < 99 {
			next = strconv.Itoa(n + 1)
		}
		return fmt.Sprintf(`{"request_id":"r","scim_groups":[{"group_id":"%d"}],"next_cursor":%q}`, n, next)
	})}})
	if got, err := last.SCIMGroups(ctx(t), someone, "c", start); err != nil || len(got) != 100 {
		t.Errorf("%d groups on a hundred pages, %v", len(got), err)
	}
}

func TestHalfAListingOfGroupsIsNone(t *testing.T) {
	for name, c := range map[string]struct {
		second string
		says   string
	}{
		"a refusal":            {`{}`, "ListSCIMGroups returned 200: the response is not from Stytch (application/json)"},
		"a group without name": {`{"request_id":"r","scim_groups":[{"group_name":"b"}]}`, "ListSCIMGroups returned 200: the response lacks a group ID"},
	} {
		caller := against("http://stytch", Options{Transport: direct{pages(func(n int) string {
			if n == 1 {
				return c.second
			}
			return `{"request_id":"r","scim_groups":[{"group_id":"1","group_name":"a"}],"next_cursor":"1"}`
		})}})
		got, err := caller.SCIMGroups(ctx(t), someone, "c", start)
		if e := readError(t, err); got != nil || e.Error() != c.says {
			t.Errorf("%s: %+v, %q", name, got, e)
		}
	}
}

func TestEachPageOfGroupsNeedsATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, arrived := paced(Rate{PerSecond: 1, Burst: 1}, func(n int) http.HandlerFunc {
			next := ""
			if n%3 != 0 {
				next = strconv.Itoa(n)
			}
			return status(200, fmt.Sprintf(`{"request_id":"r","scim_groups":[{"group_id":"g"}],"next_cursor":%q}`, next))
		})
		caller := s.Caller("team", "uid", Drift)
		must(t, caller.Reserve(ctx(t))) // which is for the first page
		_, err := caller.SCIMGroups(ctx(t), someone, "c", start)
		must(t, err)
		if got := fmt.Sprint(arrived()); got != "[0s 1s 2s]" {
			t.Errorf("calls after %s", got)
		}
		begun := time.Now()
		if _, err := s.Caller("team", "second", Drift).SCIMGroups(ctx(t), someone, "d", begun); !notYet(t, err).Equal(begun.Add(time.Second)) {
			t.Errorf("the turn of a first page: %v", err)
		}
	})
}

func TestAListingOfGroupsThatStopsBetweenPagesIsBegunAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := map[string]string{
			"":     `{"request_id":"r","scim_groups":[{"group_id":"1"}],"next_cursor":"next"}`,
			"next": `{"request_id":"r","scim_groups":[{"group_id":"2"}]}`,
		}
		var asked []string
		between := func() {}
		s, _ := paced(Rate{PerSecond: 1, Burst: 1}, func(int) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				cursor := r.URL.Query().Get("cursor")
				asked = append(asked, cursor)
				between()
				status(200, answers[cursor])(w, r)
			}
		})
		list := func(ctx context.Context) ([]SCIMGroup, error) {
			return s.Caller("team", "uid", Drift).SCIMGroups(ctx, someone, "c", start)
		}
		begun := time.Now()
		between = func() {
			for i := range 2 {
				notYet(t, s.Caller("team", fmt.Sprint("urgent-", i), Urgent).Reserve(ctx(t)))
			}
		}
		_, err := list(ctx(t))
		if at := notYet(t, err); !at.Equal(begun.Add(3*time.Second)) || time.Since(begun) > 2*time.Second {
			t.Errorf("the turn of the second page is after %s", at.Sub(begun))
		}
		time.Sleep(2 * time.Minute) // in which the turns of who never came pass
		between = func() {}
		drop, leave := context.WithTimeout(ctx(t), 100*time.Millisecond)
		defer leave()
		_, err = list(drop)
		if e := failedAs(t, err, Unavailable); !errors.Is(err, context.DeadlineExceeded) || e.Error() != "ListSCIMGroups was not sent: the reconcile was canceled" {
			t.Errorf("%v", err)
		}
		time.Sleep(2 * time.Minute)
		got, err := list(ctx(t))
		if want := []SCIMGroup{{ID: "1"}, {ID: "2"}}; err != nil || !slices.Equal(got, want) || fmt.Sprint(asked) != "[   next]" {
			t.Errorf("%+v, %v; asked for %q", got, err, asked)
		}
	})
}

func TestAFailedPageOfGroupsIsTheAnswerForAWhile(t *testing.T) {
	for name, c := range map[string]struct {
		fault stytchsim.Fault
		class Class
		until time.Duration
	}{
		"an internal error": {stytchsim.Fault{Status: 500}, Unavailable, 2 * time.Second},
		"a cut answer":      {stytchsim.Fault{Effect: stytchsim.FaultCutAfterCommit}, Unavailable, 2 * time.Second},
		"a refusal":         {stytchsim.Fault{Status: 403, ErrorType: "unauthorized_action"}, PermissionDenied, 2 * time.Second},
		"a throttle":        {stytchsim.Fault{Status: 429, RetryAfter: "7"}, Throttled, 7 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, stytchsim.Switches{})
			id, want := w.pushed(1001)
			c.fault.Operation, c.fault.Times = "ListSCIMGroups", 1
			planted := false
			w.SetIntercept(func(stage stytchsim.Stage, _ stytchsim.Operation) bool {
				if stage == stytchsim.AfterEffect && !planted { // of the first page
					planted = true
					w.fault(c.fault)
				}
				return false
			})
			w.expect(func() {
				got, err := w.caller("uid").SCIMGroups(ctx(t), w.org, id, start)
				if e := readError(t, err); got != nil || e.Err.Class != c.class || !e.Until.Equal(at(c.until)) {
					t.Errorf("%d groups, %v until %s", len(got), e, e.Until)
				}
			}, "ListSCIMGroups", "ListSCIMGroups")
			w.expect(func() {
				_, err := w.caller("another").SCIMGroups(ctx(t), w.org, id, start)
				_ = readError(t, err)
			})
			w.clock.advance(c.until)
			w.expect(func() {
				if got := w.groups(w.caller("uid"), id, start); !slices.Equal(got, want) {
					t.Errorf("%d groups, want %d", len(got), len(want))
				}
			}, "ListSCIMGroups", "ListSCIMGroups")
		})
	}
}

func TestAGateThatClosesBetweenPagesOfGroupsIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s *Session
		calls := 0
		s, _ = paced(ample, func(n int) http.HandlerFunc {
			if calls = n; n == 1 {
				s.account.gate.close(time.Now().Add(30 * time.Second)) // another's 429
			}
			return status(200, fmt.Sprintf(`{"request_id":"r","scim_groups":[{"group_id":"%d"}],"next_cursor":%q}`, n, map[int]string{1: "a", 2: "a"}[n]))
		})
		begun := time.Now()
		for range 2 { // nothing is kept: the second time not even the first page is asked for
			_, err := s.Caller("team", "uid", Drift).SCIMGroups(ctx(t), someone, "c", begun)
			if at := notYet(t, err); at.Before(begun.Add(30*time.Second)) || calls != 1 {
				t.Errorf("a turn after %s and %d calls", at.Sub(begun), calls)
			}
		}
		time.Sleep(31 * time.Second)
		got, err := s.Caller("team", "uid", Drift).SCIMGroups(ctx(t), someone, "c", begun)
		if want := []SCIMGroup{{ID: "2"}, {ID: "3"}}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	})
}

func TestAPageOfGroupsMayBeLong(t *testing.T) {
	name := strings.Repeat("x", 2<<20)
	caller := answering(t, status(200, `{"request_id":"r","scim_groups":[{"group_id":"1","group_name":"`+name+`"}]}`))
	if got, err := caller.SCIMGroups(ctx(t), someone, "c", start); err != nil || len(got) != 1 || got[0].Name != name {
		t.Errorf("a page of 2 MiB: %d groups, %v", len(got), err)
	}
}

func TestAGroupThatIsRenamedBetweenTwoPagesIsOneGroup(t *testing.T) {
	caller := against("http://stytch", Options{Transport: direct{pages(func(n int) string {
		if n == 1 {
			return `{"request_id":"r","scim_groups":[{"group_id":"1","group_name":"new"}]}`
		}
		return `{"request_id":"r","scim_groups":[{"group_id":"1","group_name":"old"}],"next_cursor":"1"}`
	})}})
	got, err := caller.SCIMGroups(ctx(t), someone, "c", start)
	if err != nil || len(got) != 1 || got[0].Name != "new" {
		t.Errorf("%+v, %v", got, err)
	}
}

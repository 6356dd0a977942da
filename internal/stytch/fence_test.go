package stytch

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// barrier is a fence that opens and closes.
type barrier struct {
	closed atomic.Bool
	asked  atomic.Int32
	// after is how many questions are answered with yes before it closes; 0 for all.
	after int32
}

func (b *barrier) ask() (time.Duration, bool) {
	if n := b.asked.Add(1); b.after > 0 && n > b.after {
		return 3 * time.Second, false
	}
	return 3 * time.Second, !b.closed.Load()
}

// changes are all calls that change something.
func changes(t *testing.T, org string) map[string]func(*Caller) error {
	t.Helper()
	return map[string]func(*Caller) error{
		"CreateSAML":     func(c *Caller) error { _, _, err := c.CreateSAML(ctx(t), org, Fields{}); return err },
		"CreateOIDC":     func(c *Caller) error { _, _, err := c.CreateOIDC(ctx(t), org, Fields{}); return err },
		"CreateExternal": func(c *Caller) error { _, _, err := c.CreateExternal(ctx(t), org, Fields{}); return err },
		"CreateSCIM":     func(c *Caller) error { _, _, err := c.CreateSCIM(ctx(t), org, Fields{}); return err },
		"UpdateSAML":     func(c *Caller) error { _, _, err := c.UpdateSAML(ctx(t), org, "c", Fields{}); return err },
		"UpdateSAMLFromURL": func(c *Caller) error {
			_, _, err := c.UpdateSAMLFromURL(ctx(t), org, "c", "https://idp.example/metadata")
			return err
		},
		"UpdateOIDC":     func(c *Caller) error { _, _, _, err := c.UpdateOIDC(ctx(t), org, "c", Fields{}); return err },
		"UpdateExternal": func(c *Caller) error { _, _, err := c.UpdateExternal(ctx(t), org, "c", Fields{}); return err },
		"UpdateSCIM":     func(c *Caller) error { _, _, err := c.UpdateSCIM(ctx(t), org, "c", Fields{}); return err },
		"StartRotation":  func(c *Caller) error { _, _, err := c.StartRotation(ctx(t), org, "c"); return err },
		"CompleteRotation": func(c *Caller) error {
			_, _, err := c.CompleteRotation(ctx(t), org, "c")
			return err
		},
		"CancelRotation": func(c *Caller) error { _, _, err := c.CancelRotation(ctx(t), org, "c"); return err },
		"DeleteSSO":      func(c *Caller) error { _, err := c.DeleteSSO(ctx(t), org, "c"); return err },
		"DeleteSCIM":     func(c *Caller) error { _, err := c.DeleteSCIM(ctx(t), org, "c"); return err },
		"DeleteVerificationCertificate": func(c *Caller) error {
			_, err := c.DeleteVerificationCertificate(ctx(t), org, "c", "k")
			return err
		},
		"DeleteEncryptionKey": func(c *Caller) error { _, err := c.DeleteEncryptionKey(ctx(t), org, "c", "k"); return err },
	}
}

// counting is a server that counts the requests that reach it.
func counting(t *testing.T) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var n atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		status(200, `{"request_id":"r","status_code":200,"connections":[],"connection":{"connection_id":"c"}}`)(w, r)
	}))
	t.Cleanup(server.Close)
	return server, &n
}

func TestNothingThatChangesSomethingPassesAClosedFence(t *testing.T) {
	for name, call := range changes(t, "organization-test-1") {
		t.Run(name, func(t *testing.T) {
			server, arrived := counting(t)
			b := &barrier{}
			caller := against(server.URL, Options{Fence: b.ask})
			b.closed.Store(true)
			if at := notYet(t, call(caller)); !at.Equal(start.Add(3 * time.Second)) {
				t.Errorf("try again at %v, want when the fence says", at)
			}
			if n := arrived.Load(); n != 0 {
				t.Errorf("%d calls arrived", n)
			}
		})
	}
}

func TestTheFenceIsAskedAgainWhenTheConnectionIsHad(t *testing.T) {
	for name, call := range changes(t, "organization-test-1") {
		for _, reused := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				server, arrived := counting(t)
				b := &barrier{after: 1}
				caller := against(server.URL, Options{Fence: b.ask})
				if reused {
					must(t, readSSO(t, caller))
				}
				before := arrived.Load()
				notYet(t, call(caller))
				if n := arrived.Load() - before; n != 0 {
					t.Errorf("%d calls arrived", n)
				}
				must(t, readSSO(t, caller)) // another connection is had for what comes next
			})
		}
	}
}

func readSSO(t *testing.T, caller *Caller) error {
	t.Helper()
	caller.session.Forget(APISSO, "organization-test-1")
	_, err := caller.SSO(ctx(t), "organization-test-1", start)
	return err
}

// The transport repeats a call of which nothing was written, because the connection that it was to be sent on had broken.
func TestTheFenceIsAskedBeforeTheTransportRepeatsACall(t *testing.T) {
	server, arrived := counting(t)
	transport := newTransport()
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return &breaking{Conn: conn}, err
	}
	b := &barrier{after: 2} // before the call and on its first connection
	caller := against(server.URL, Options{Fence: b.ask, Transport: transport})
	must(t, readSSO(t, caller))
	_, err := caller.DeleteSSO(ctx(t), "organization-test-1", "c")
	notYet(t, err)
	if n := b.asked.Load(); n != 3 {
		t.Errorf("the fence was asked %d times, want before the call and on each connection", n)
	}
	if n := arrived.Load(); n != 1 {
		t.Errorf("%d requests arrived, want the list alone", n)
	}
}

// breaking is a connection that breaks after one request.
type breaking struct {
	net.Conn
	written int
}

func (b *breaking) Write(p []byte) (int, error) {
	if b.written++; b.written > 1 {
		return 0, io.ErrClosedPipe
	}
	return b.Conn.Write(p)
}

func TestAClosedFenceHoldsNoReadBack(t *testing.T) {
	server, arrived := counting(t)
	b := &barrier{}
	b.closed.Store(true)
	must(t, readSSO(t, against(server.URL, Options{Fence: b.ask})))
	if arrived.Load() != 1 {
		t.Error("the list was not read")
	}
}

func TestATurnIsNotReservedBehindAClosedFence(t *testing.T) {
	b := &barrier{}
	b.closed.Store(true)
	notYet(t, against("http://stytch", Options{Fence: b.ask}).Reserve(ctx(t)))
}

func TestWhatWasConfirmedCountsForFiveSeconds(t *testing.T) {
	for _, c := range []struct {
		after time.Duration
		sent  int32
	}{{0, 1}, {confirmedFor - 1, 1}, {confirmedFor, 0}, {time.Hour, 0}} {
		server, arrived := counting(t)
		clock := &clock{now: start}
		caller := against(server.URL, Options{Now: clock.Now})
		caller.Confirm(start)
		clock.advance(c.after)
		_, err := caller.DeleteSSO(ctx(t), "organization-test-1", "c")
		if arrived.Load() != c.sent {
			t.Errorf("%s after it was confirmed %d calls were sent (%v), want %d", c.after, arrived.Load(), err, c.sent)
		}
		if c.sent == 0 {
			if at := notYet(t, err); !at.Equal(clock.Now()) {
				t.Errorf("try again at %s, want at once", at)
			}
		}
		clock.advance(time.Hour)
		_, err = caller.DeleteSSO(ctx(t), "organization-test-1", "c")
		must(t, err) // only the next call is limited
	}
}

func TestTheClockThatSaysMoreCounts(t *testing.T) {
	now := time.Now()
	if got := elapsed(now, now.Add(time.Second)); got != time.Second {
		t.Errorf("elapsed is %s", got)
	}
	if got := elapsed(now, now.Round(0).Add(time.Minute)); got != time.Minute {
		t.Errorf("while the monotonic clock stood still, elapsed is %s", got)
	}
}

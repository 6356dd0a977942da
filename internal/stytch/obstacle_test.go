package stytch

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// proxied is a client whose proxy is at an address, with a password.
func proxied(t *testing.T, target, proxy string) *Caller {
	t.Helper()
	at, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	at.User = url.UserPassword("operator", "proxy-password")
	transport := newTransport()
	transport.Proxy = http.ProxyURL(at)
	t.Cleanup(transport.CloseIdleConnections)
	return against(target, Options{Transport: transport})
}

// A call that a proxy keeps from Stytch, here example.com, was certainly not sent, and its message says that, without the address or the password of the proxy.
func TestWhatAProxyKeepsFromStytchIsToldApartFromStytchBeingDown(t *testing.T) {
	quiet := log.New(io.Discard, "", 0)
	stytch := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") }))
	stytch.Config.ErrorLog = quiet
	stytch.StartTLS()
	defer stytch.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	status := http.StatusOK
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if status != http.StatusOK {
			w.WriteHeader(status)
			return
		}
		tunnel(t, w, stytch.Listener.Addr().String())
	}))
	defer proxy.Close()
	for _, c := range []struct {
		proxy    string
		status   int
		obstacle Obstacle
		message  string
	}{
		{closed.URL, 0, ProxyDown, "the proxy cannot be reached: connection refused"},
		{"http://proxy.invalid:3128", 0, ProxyDown, "the proxy cannot be reached: the host name proxy.invalid cannot be resolved"},
		{proxy.URL, http.StatusProxyAuthRequired, ProxyAuthentication, "the proxy requires authentication (407)"},
		{proxy.URL, http.StatusForbidden, ProxyRefused, "the proxy did not connect to Stytch (403)"},
		{proxy.URL, http.StatusBadGateway, ProxyRefused, "the proxy did not connect to Stytch (502)"},
		{proxy.URL, http.StatusOK, Untrusted, "the server's TLS certificate is not trusted: it was issued by an unknown authority (O=Acme Co)"},
	} {
		status = c.status
		_, _, err := proxied(t, "https://example.com", c.proxy).CreateSCIM(ctx(t), someone, nil)
		e := failedAs(t, err, Unavailable)
		if e.Obstacle() != c.obstacle || e.Unknown() || e.Error() != "CreateSCIMConnection was not sent: "+c.message {
			t.Errorf("%s %d: %q, obstacle %d, unknown %t", c.proxy, c.status, e, e.Obstacle(), e.Unknown())
		}
		if text := e.Error() + e.Err.Error(); strings.Contains(text, "proxy-password") {
			t.Errorf("the password stands in %s", text)
		}
	}
}

// Over plain HTTP, which only loopback addresses may use, the response of the proxy is that of the call.
func TestAProxyThatRequiresAuthenticationIsNotStytch(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) }))
	defer proxy.Close()
	_, _, err := proxied(t, "http://stytch.invalid", proxy.URL).CreateSCIM(ctx(t), someone, nil)
	if e := failedAs(t, err, Unavailable); e.Obstacle() != ProxyAuthentication || e.Message != "the proxy requires authentication (407)" {
		t.Errorf("%q, obstacle %d", e, e.Obstacle())
	}
}

func TestStytchBeingDownIsNoObstacle(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	_, _, err := against(closed.URL, Options{}).CreateSCIM(ctx(t), someone, nil)
	if e := failedAs(t, err, Unavailable); e.Obstacle() != NoObstacle {
		t.Errorf("%q, obstacle %d", e, e.Obstacle())
	}
}

// tunnel answers a CONNECT with a connection to an address.
func tunnel(t *testing.T, w http.ResponseWriter, address string) {
	t.Helper()
	to, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	w.WriteHeader(http.StatusOK)
	from, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	go func() {
		_, _ = io.Copy(to, buffered)
		_ = to.Close()
	}()
	_, _ = io.Copy(from, to)
	_ = from.Close()
}

package stytch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// Obstacle is what kept a call from reaching Stytch, where that was certainly not Stytch.
type Obstacle int

// The obstacles.
const (
	// NoObstacle means that Stytch was reached, or that nobody knows why not.
	NoObstacle Obstacle = iota
	// ProxyDown means that the proxy cannot be reached.
	ProxyDown
	// ProxyAuthentication means that the proxy asks for other credentials, or for some at all (407).
	ProxyAuthentication
	// ProxyRefused means that the proxy does not connect to Stytch.
	ProxyRefused
	// Untrusted means that the server which answered has a TLS certificate that is not trusted.
	Untrusted
)

// Obstacle returns what kept the call from reaching Stytch.
func (e *Error) Obstacle() Obstacle {
	refused, answered := errors.AsType[proxyError](e.Err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](e.Err)
	switch {
	case answered && refused.status == http.StatusProxyAuthRequired, e.StatusCode == http.StatusProxyAuthRequired:
		return ProxyAuthentication
	case answered:
		return ProxyRefused
	case toProxy(e.Err):
		return ProxyDown
	case untrusted:
		return Untrusted
	}
	return NoObstacle
}

// proxyError is the status with which a proxy refused to connect to Stytch.
type proxyError struct{ status int }

func (p proxyError) Error() string {
	if p.status == http.StatusProxyAuthRequired {
		return "the proxy requires authentication (407)"
	}
	return fmt.Sprintf("the proxy did not connect to Stytch (%d)", p.status)
}

// refusedByProxy is why a proxy did not connect. net/http has no type for that.
func refusedByProxy(_ context.Context, _ *url.URL, _ *http.Request, response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	return proxyError{response.StatusCode}
}

// toProxy reports whether the connection to the proxy failed.
func toProxy(err error) bool {
	op, network := errors.AsType[*net.OpError](err)
	return network && op.Op == "proxyconnect"
}

// throughProxy is why the connection to the proxy failed.
func throughProxy(err error) error {
	op, _ := errors.AsType[*net.OpError](err)
	return op.Err
}

// untrustedMessage says why a TLS certificate is not trusted. Who issued it tells which proxy inspects TLS.
func untrustedMessage(cause error) string {
	const message = "the server's TLS certificate is not trusted"
	unknown, byNobody := errors.AsType[x509.UnknownAuthorityError](cause)
	_, elsewhere := errors.AsType[x509.HostnameError](cause)
	invalid, is := errors.AsType[x509.CertificateInvalidError](cause)
	switch {
	case byNobody && unknown.Cert != nil:
		return fmt.Sprintf("%s: it was issued by an unknown authority (%s)", message, printable(unknown.Cert.Issuer.String(), 100))
	case elsewhere:
		return message + ": it is for another host name"
	case is && invalid.Reason == x509.Expired:
		return message + ": it has expired or is not valid yet"
	}
	return message
}

package stytch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// maxRetryAfter limits the Retry-After of a response.
const maxRetryAfter = 5 * time.Minute

// responseError makes an Error of a response that is not 2xx. A response that is
// not from Stytch, such as the page of a proxy, says nothing about connections,
// whatever its status.
func responseError(r Request, header http.Header, body []byte, hidden []string) *Error {
	var e envelope
	fromStytch := decode(body, &e) == nil && (e.RequestID != "" || e.ErrorType != "")
	if fromStytch {
		r.ID, r.ErrorType = named(e.RequestID, identifier, hidden), named(string(e.ErrorType), errorType, hidden)
	}
	err := &Error{Request: r, Class: classify(r, fromStytch), Message: clean(string(e.ErrorMessage), hidden)}
	switch {
	case err.Class == Throttled:
		// Stytch's error_message may contain a number of seconds, which changes.
		err.Message = "rate limit exceeded"
		err.RetryAfter = retryAfter(header.Get("Retry-After"), r.Time)
	case r.StatusCode == http.StatusProxyAuthRequired && !fromStytch:
		err.Message = proxyError{r.StatusCode}.Error()
	case r.StatusCode < 400:
		err.Message = "redirects are not followed"
	case !fromStytch:
		err.Message = foreignAnswer(header)
	}
	return err
}

// answerError makes an Error of a 2xx response that cannot be used; nil if err is.
func answerError(r Request, header http.Header, timeout time.Duration, err error) *Error {
	beyond, isLimit := errors.AsType[limitError](err)
	switch {
	case err == nil:
		return nil
	case isLimit:
		return unusableError(r, beyond.Error())
	case errors.Is(err, errForeign):
		return unusableError(r, foreignAnswer(header))
	}
	return transportError(r, timeout, err)
}

// The error types of parts of a SAML connection that do not exist.
const (
	typeNoCertificate   = "sso_verification_key_not_found"
	typeNoEncryptionKey = "sso_encryption_private_key_not_found"
)

// classify goes by Stytch's error_type first and the status second. The error
// types are those enumerated in Stytch's mobile and browser SDKs; their statuses
// are mostly undocumented.
func classify(r Request, fromStytch bool) Class {
	switch {
	case r.StatusCode == http.StatusTooManyRequests:
		return Throttled
	case r.StatusCode == http.StatusUnauthorized && r.ErrorType != "enterprise_endpoint":
		return CredentialsRejected // enterprise_endpoint: the feature is not enabled for the project
	case !fromStytch || !refusedStatus(r.StatusCode):
		return Unavailable
	case r.StatusCode == http.StatusForbidden:
		return PermissionDenied
	}
	switch r.ErrorType {
	case "organization_not_found":
		return OrganizationNotFound
	case "sso_connection_not_found", "saml_connection_not_found", "oidc_connection_not_found",
		"external_connection_not_found", "no_active_scim_connection", "scim_connection_not_found",
		typeNoCertificate, typeNoEncryptionKey:
		return NotFound
	}
	return Rejected
}

// retryAfter is how long to wait after a 429. Stytch documents no Retry-After.
// Its rate limits count in windows that are aligned to the clock (docs:
// platform/rate-limits), so the default is the start of the next minute.
func retryAfter(header string, now time.Time) time.Duration {
	wait := time.Duration(-1)
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(header); err == nil {
		wait = max(date.Sub(now), 0)
	}
	switch {
	case wait < 0:
		return now.Truncate(time.Minute).Add(time.Minute).Sub(now)
	case wait < time.Second:
		return time.Second
	}
	return min(wait, maxRetryAfter)
}

// transportError makes an Error of a call without a response. The texts of Go's
// network errors are not used, because they contain ports, which differ from call
// to call.
func transportError(r Request, timeout time.Duration, cause error) *Error {
	return &Error{Request: r, Class: Unavailable, Message: transportMessage(timeout, cause), Err: cause}
}

func transportMessage(timeout time.Duration, cause error) string {
	dns, unresolved := errors.AsType[*net.DNSError](cause)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](cause)
	network, ok := errors.AsType[net.Error](cause)
	refused, answered := errors.AsType[proxyError](cause)
	switch {
	case errors.Is(cause, context.Canceled):
		return "the call was canceled"
	case answered:
		return refused.Error()
	case toProxy(cause):
		return "the proxy cannot be reached: " + transportMessage(timeout, throughProxy(cause))
	case unresolved:
		return fmt.Sprintf("the host name %s cannot be resolved", printable(dns.Name, 100))
	case untrusted:
		return untrustedMessage(cause)
	case errors.Is(cause, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(cause, context.DeadlineExceeded):
		return fmt.Sprintf("timed out after %s", timeout)
	case ok && network.Timeout():
		return "network timeout"
	case errors.Is(cause, syscall.ECONNRESET), errors.Is(cause, io.EOF), errors.Is(cause, io.ErrUnexpectedEOF):
		return "the connection was closed"
	}
	return "network error"
}

// notSentError is the Error of a call that was not sent: because of problem or,
// if problem is "", because its context ended with cause.
func notSentError(operation string, now time.Time, problem string, cause error) *Error {
	class, message := Rejected, problem
	if problem == "" {
		class, message = Unavailable, "the reconcile was canceled"
	}
	return &Error{
		Request: Request{Operation: operation, Time: now},
		Class:   class, Message: message, Err: errors.Join(errUnsent, cause),
	}
}

// knownTypes are the media types that are named: another one may quote anything.
var knownTypes = []string{ //nolint:gochecknoglobals // Go has no constants of this type
	"application/json", "application/problem+json", "application/xml", "text/html", "text/plain", "text/xml",
}

// foreignAnswer describes a response that is not from Stytch.
func foreignAnswer(header http.Header) string {
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || !slices.Contains(knownTypes, kind) {
		return "the response is not from Stytch"
	}
	return fmt.Sprintf("the response is not from Stytch (%s)", kind)
}

package stytch

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Request describes one call, for status, events and Stytch's support. Operation
// is the name of the endpoint in this package, such as UpdateSAMLConnection. ID
// is Stytch's request_id and ErrorType its error_type; both are "" if the
// response was not from Stytch. StatusCode is 0 if there was no response. Time is
// when the response arrived or the call failed.
//
// A zero Request means that no call was made.
type Request struct {
	ID         string
	Operation  string
	StatusCode int
	ErrorType  string
	Time       time.Time
}

// Class groups errors by what has to be done about them.
type Class int

// The classes.
const (
	// Rejected is a 4xx that is none of the others: the request is invalid, or
	// conflicts with the state in Stytch. ErrorType says why.
	Rejected Class = iota + 1
	// CredentialsRejected is a 401.
	CredentialsRejected
	// SessionRejected means that the session of the member with which the call was sent has expired, was revoked, is malformed,
	// or belongs to a member of another organization.
	SessionRejected
	// PermissionDenied is a 403. Error.Rights says what the member's roles lack, where it is that.
	PermissionDenied
	// NotFound means that Stytch reports that the connection, certificate or key
	// named in the call does not exist.
	NotFound
	// OrganizationNotFound means that Stytch reports that the organization does
	// not exist.
	OrganizationNotFound
	// Throttled is a 429. Error.RetryAfter says how long to wait.
	Throttled
	// Unavailable means no response (network, timeout), a 5xx, 408 or 499, a
	// redirect, or a response that is not from Stytch: unreadable, too large, or
	// without the object it should hold.
	Unavailable
)

// String returns the name of the class.
func (c Class) String() string {
	switch c {
	case Rejected:
		return "Rejected"
	case CredentialsRejected:
		return "CredentialsRejected"
	case SessionRejected:
		return "SessionRejected"
	case PermissionDenied:
		return "PermissionDenied"
	case NotFound:
		return "NotFound"
	case OrganizationNotFound:
		return "OrganizationNotFound"
	case Throttled:
		return "Throttled"
	case Unavailable:
		return "Unavailable"
	}
	return fmt.Sprintf("Class(%d)", int(c))
}

// Error is a failed call, always returned as *Error. Message is one line of at
// most 200 runes that contains no secrets and does not change from call to call.
type Error struct {
	Request
	Class   Class
	Message string
	// RetryAfter is how long to wait after a 429, counted from Request.Time: the
	// Retry-After of the response, at most 5 minutes, or else until the next
	// full minute. Zero for other classes.
	RetryAfter time.Duration
	// Fetches says that the call makes Stytch fetch a document from somebody else's server.
	Fetches bool
	// Member says that a member's session was sent with the call. Rights are what the member needs for it, the one first that
	// it is about, where its roles do not permit the call; nil otherwise.
	Member bool
	Rights []Right
	// Err is the cause if there was no response. Its text may contain addresses and
	// ports; use it in logs only.
	Err error
}

// Error returns a text that is the same whenever the same call fails in the same
// way: it contains no request ID and no time.
func (e *Error) Error() string {
	what := fmt.Sprintf("returned %d", e.StatusCode)
	switch {
	case e.StatusCode == 0 && unsent(e.Err):
		what = "was not sent"
	case e.StatusCode == 0:
		what = "got no response"
	case e.ErrorType != "":
		what += " " + e.ErrorType
	}
	if e.Message == "" {
		return e.Operation + " " + what
	}
	return e.Operation + " " + what + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Unknown reports whether the call may have taken effect, or still may. It has
// not if Stytch responded with a 4xx other than 408 and 499, or if nothing was
// sent.
func (e *Error) Unknown() bool {
	if unsent(e.Err) {
		return false
	}
	fromStytch := e.ID != "" || e.ErrorType != ""
	return !fromStytch || !refusedStatus(e.StatusCode)
}

// statusClientClosedRequest is the status of Stytch's client_closed_request.
const statusClientClosedRequest = 499

// refusedStatus reports whether the status says that the call had no effect.
func refusedStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, statusClientClosedRequest:
		return false
	}
	return status >= 400 && status < 500
}

// errUnsent is the cause of an Error of a call that was not sent.
var errUnsent = errors.New("not sent")

// unsent reports whether it is certain that nothing was sent: there was no
// connection to send it on.
func unsent(err error) bool {
	if errors.Is(err, errUnsent) {
		return true
	}
	op, network := errors.AsType[*net.OpError](err)
	_, unresolved := errors.AsType[*net.DNSError](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	_, byProxy := errors.AsType[proxyError](err)
	return network && (op.Op == "dial" || op.Op == "proxyconnect") || unresolved || untrusted || byProxy
}

// cause is Err, also of no Error.
func (e *Error) cause() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// NotYet is returned, always as *NotYet, if a call was not sent because its turn
// has not come, because a 429 keeps the gate closed, or because the fence or
// Caller.Confirm does not let it pass. Try again at At.
type NotYet struct{ At time.Time } //nolint:errname // to its reader it is a time and no error

// Error returns a text without the time.
func (n *NotYet) Error() string { return "waiting for this object's turn to call Stytch" }

// ReadError is returned, always as *ReadError, when a list or an organization could
// not be read. The cache keeps it: until Until all reads of the same thing return
// it without a call. Err is the last failure, Since the time of the first one after
// the last successful read.
type ReadError struct {
	Err          *Error
	Since, Until time.Time
}

// Error returns the text of Err.
func (e *ReadError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *ReadError) Unwrap() error { return e.Err }

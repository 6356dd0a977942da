package stytch

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Request is what there is to know of one call, for status, events and Stytch's
// support. Operation is this package's name of the endpoint, such as
// UpdateSAMLConnection. ID is Stytch's request_id and ErrorType its error_type;
// both are "" when the answer was not Stytch's. StatusCode is 0 when there was
// no answer. Time is when the answer came, or the call was given up.
//
// A zero Request means that no call was made.
type Request struct {
	ID         string
	Operation  string
	StatusCode int
	ErrorType  string
	Time       time.Time
}

// Class says what kind of remedy an [Error] needs.
type Class int

// The classes.
const (
	// Rejected is a 4xx that is none of the others: the request is wrong, or
	// something at Stytch stands against it. ErrorType says what.
	Rejected Class = iota + 1
	// CredentialsRejected is a 401.
	CredentialsRejected
	// PermissionDenied is a 403.
	PermissionDenied
	// NotFound means that Stytch said that the connection, certificate or key named
	// in the call is not there.
	NotFound
	// OrganizationNotFound means that Stytch said that there is no such organization.
	OrganizationNotFound
	// Throttled is a 429. Error.RetryAfter says for how long.
	Throttled
	// Unavailable is no answer (network, timeout), a 5xx, 408 or 499, a redirect, or
	// an answer that is not Stytch's: unreadable, too long, or without the object it
	// should hold.
	Unavailable
)

// String returns the name of the class.
func (c Class) String() string {
	switch c {
	case Rejected:
		return "Rejected"
	case CredentialsRejected:
		return "CredentialsRejected"
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

// Error is a call that failed, always as *Error. Message is one line of at most
// 200 runes, with nothing secret-looking and nothing that changes from call to
// call.
type Error struct {
	Request
	Class   Class
	Message string
	// RetryAfter is how long to wait after a 429, measured from Request.Time: what
	// its Retry-After says, at most 5 minutes, else until the clock's next minute.
	// Zero for other classes.
	RetryAfter time.Duration
	// Err is the cause, where it is not the answer. Its text may hold addresses and
	// ports and is for logs only.
	Err error
}

// Error returns a sentence that is the same whenever the same call fails in the
// same way: no request ID and no time is in it.
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

// Unknown reports whether the call may have taken effect, or may yet do so. It
// did not when Stytch itself answered with a 4xx other than 408 and 499, and
// when nothing was ever sent.
func (e *Error) Unknown() bool {
	if unsent(e.Err) {
		return false
	}
	fromStytch := e.ID != "" || e.ErrorType != ""
	return !fromStytch || !refusedStatus(e.StatusCode)
}

// statusClientClosedRequest is the status of Stytch's client_closed_request.
const statusClientClosedRequest = 499

// definite reports whether the status says that the call was refused.
func refusedStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, statusClientClosedRequest:
		return false
	}
	return status >= 400 && status < 500
}

// errUnsent is the cause of an Error about a call that was never begun.
var errUnsent = errors.New("not sent")

// unsent reports whether it is certain that not a byte of the request left:
// there was no connection to send it on.
func unsent(err error) bool {
	if errors.Is(err, errUnsent) {
		return true
	}
	op, network := errors.AsType[*net.OpError](err)
	_, unresolved := errors.AsType[*net.DNSError](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	return network && op.Op == "dial" || unresolved || untrusted
}

// NotYet is returned, always as *NotYet, instead of sending when it is not this
// pass's turn, or when nothing may be sent after a 429. Come back at At.
type NotYet struct{ At time.Time } //nolint:errname // to its reader it is a time and no error

// Error returns a sentence without the time.
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

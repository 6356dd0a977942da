package stytch

import (
	"context"
	"crypto/sha256"
	"net/url"
)

// account is what a call is made with. The credentials stand behind a function:
// fmt prints what stands in an unexported field, and with a wrong verb even
// follows pointers to it.
type account struct {
	service     *Service
	baseURL     string
	credentials func() Credentials
	hash        [sha256.Size]byte
	gate        *sharedGate // nil before the first Session
}

// do makes one call, unless nothing may be sent now, and reads its answer.
func do[R reply](ctx context.Context, a *account, op call) (R, Request, error) {
	var answer R
	if until, shut := a.gate.closedUntil(a.service.now()); shut {
		return answer, Request{}, &NotYet{At: until}
	}
	body, header, request, failed := a.service.send(ctx, a.credentials(), op)
	if failed != nil {
		if failed.Class == Throttled {
			a.gate.close(failed.Time.Add(failed.RetryAfter))
		}
		return answer, failed.Request, failed
	}
	if err := decode(body, &answer); err != nil || !answer.fromStytch() {
		return answer, request, &Error{Request: request, Class: Unavailable, Message: foreignAnswer(header)}
	}
	request.ID = answer.requestID()
	return answer, request, nil
}

// incomplete is the Error of an answer that lacks what it is about.
func incompleteError(r Request, what string) *Error {
	return &Error{Request: r, Class: Unavailable, Message: "the response lacks " + what}
}

// call is a request before it is sent. Path segments are escaped when it is.
type call struct {
	operation string
	method    string
	path      []string
	query     url.Values
	fields    Fields // POST and PUT only
	limit     int64  // bytes of the answer; zero: oneAnswer
	// connection is the ID the answer has to be about; "" when it is a new one.
	connection string
}

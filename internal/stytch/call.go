package stytch

import (
	"context"
	"crypto/sha256"
	"io"
	"net/url"
)

// account is what all calls of a session share. The credentials are behind a
// function because fmt prints unexported fields, and with a wrong verb even
// follows pointers to them.
type account struct {
	service     *Service
	baseURL     string
	credentials func() Credentials
	hash        [sha256.Size]byte
	gate        *sharedGate // nil before the first Session
	grants      Grants      // nil if everything is granted
	// member is in whose name SSO and SCIM calls are made; nil for nobody. Key is for whom what was read is kept, and session which
	// session reads it.
	member  func() Member
	key     [sha256.Size]byte
	session [sha256.Size]byte
}

// as makes the calls of an account in the name of a member.
func (a account) as(m Member) *account {
	a.member, a.key, a.session = nil, a.hash, [sha256.Size]byte{}
	if m != (Member{}) {
		a.member = func() Member { return m }
		a.key, a.session = sha256.Sum256([]byte(string(a.hash[:])+m.Of)), m.session()
	}
	return &a
}

// hidden are the secrets in a call.
func (a *account) hidden(op call) []string {
	hidden := append(op.fields.secrets(), a.credentials().Secret.Reveal())
	if a.member != nil {
		hidden = append(hidden, a.member().Session.Reveal())
	}
	return hidden
}

// sender is in whose name a call is made; false for nobody.
func (a *account) sender(op call) (Member, bool) {
	if a.member == nil || op.rights() == nil {
		return Member{}, false
	}
	return a.member(), true
}

// do sends one call, unless the gate is closed, and decodes its response.
func do[R reply](ctx context.Context, a *account, op call) (R, Request, error) {
	var answer R
	if until, shut := a.gate.closedUntil(a.service.now()); shut {
		return answer, Request{}, &NotYet{At: until}
	}
	if op.permit = a.mayBeSent(op); op.permit != nil {
		if held := op.permit(); held != nil {
			return answer, Request{}, held
		}
	}
	request, failed := a.service.send(ctx, a, op, func(ctx context.Context, body io.Reader) error {
		return decodeAnswer(ctx, body, a.service, op.list, &answer)
	})
	if held := HeldBack(failed.cause()); held != nil {
		return answer, Request{}, held
	}
	if failed != nil {
		failed.Fetches = op.fetches
		if _, sent := a.sender(op); sent {
			failed.asMember(op)
		}
		if failed.Class == Throttled {
			a.gate.close(failed.Time.Add(failed.RetryAfter))
		}
		return answer, failed.Request, failed
	}
	request.ID = answer.requestID(a.hidden(op))
	return answer, request, nil
}

// incompleteError is the Error of a response that lacks the object it should
// hold.
func incompleteError(r Request, what string) *Error {
	return unusableError(r, "the response lacks "+what)
}

func unusableError(r Request, problem string) *Error {
	return &Error{Request: r, Class: Unavailable, Message: problem}
}

// call is a request before it is sent. Path segments are not escaped yet.
type call struct {
	operation string
	method    string
	path      []string
	query     url.Values
	fields    Fields // POST and PUT only
	// list is how much has been read of the list that the call reads; nil if it reads none.
	list *listSize
	// connection is the ID that the response must have; "" for a new connection.
	connection string
	// organization is the ID that the call is about, and that a connection in the response must belong to.
	organization string
	// needs says whether grants let the call pass; nil if it needs that of its organization.
	needs func(Grants) bool
	// fetches says that the call makes Stytch fetch a document from somebody else's server.
	fetches bool
	// permit says why the call may not be sent now; nil for a call that nothing holds back.
	permit func() error
}

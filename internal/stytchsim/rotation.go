package stytchsim

import "time"

// The life of a SCIM bearer token (docs: scim-rotate-token-start, -complete and
// -cancel):
//
//	            start: the next token is shown, once
//	   ┌──────┐ ─────────────────────────────────▶ ┌──────────┐ ─┐ start again:
//	   │ idle │                                    │ rotating │  │ switch
//	   └──────┘ ◀───────────────────────────────── └──────────┘ ◀┘ start-while-rotating
//	            complete: next becomes current
//	            cancel:   next is forgotten
//
// The current token works until it is completed away. The next one works from
// then on, unless the switch next-token says that it works before.

// startRotation makes a next token and shows it.
//
// Source: docs, scim-rotate-token-start; the samples there give the next token a
// year more than the current one. Starting while rotating is unknown: SCIM has
// no error type for it, unlike machine-to-machine clients and connected apps,
// which suggests that the next token is issued again.
func startRotation(c *call) (document, error) {
	have, err := findSCIM(c)
	if err != nil {
		return nil, err
	}
	if have.nextToken != "" && c.switches.StartWhileRotating == posRefuse {
		return nil, refuse("bad_request", "A token rotation is already in progress.")
	}
	have.nextToken = newToken()
	have.nextExpires = have.expires.Add(c.options.NextTokenLifetime)
	return c.answer(have.withNextToken(c.renderer())), nil
}

// completeRotation makes the next token the current one, at once.
//
// Source: docs, scim-rotate-token-complete; scim_connection_not_rotating_token
// is an error type, its status inferred.
func completeRotation(c *call) (document, error) {
	have, err := rotating(c)
	if err != nil {
		return nil, err
	}
	have.token, have.expires = have.nextToken, have.nextExpires
	have.forgetNext()
	return c.answer(have.document(c.renderer())), nil
}

// cancelRotation forgets the next token.
//
// Source: docs, scim-rotate-token-cancel.
func cancelRotation(c *call) (document, error) {
	have, err := rotating(c)
	if err != nil {
		return nil, err
	}
	have.forgetNext()
	return c.answer(have.document(c.renderer())), nil
}

func rotating(c *call) (*scimConnection, error) {
	have, err := findSCIM(c)
	if err == nil && have.nextToken == "" {
		return nil, refuse("scim_connection_not_rotating_token", "The SCIM connection is not rotating its token.")
	}
	return have, err
}

func (s *scimConnection) forgetNext() {
	s.nextToken, s.nextExpires = "", time.Time{}
}

// verify is whether a SCIM endpoint would let the token in.
//
// Source: the current token works during a rotation (docs). The next one "should
// be used as the new bearer token … after token rotation has been completed"
// (openapi, next_bearer_token of SCIMConnectionWithNextToken), and the mobile SDKs
// call it pending until then. The admin portal alone leans the other way, as it
// asks people to use only the new token before they complete: hence the switch
// next-token.
func (s *scimConnection) verify(token string, now time.Time, switches Switches) TokenCheck {
	switch token {
	case "":
		return TokenCheck{}
	case s.token:
		return TokenCheck{Accepted: now.Before(s.expires), Which: "current"}
	case s.nextToken:
		return TokenCheck{Accepted: switches.NextToken == "works" && now.Before(s.nextExpires), Which: "next"}
	default:
		return TokenCheck{}
	}
}

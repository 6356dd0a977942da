// Package stytch talks to the Stytch B2B API about SSO and SCIM connections: it
// sends a call, says what became of it, keeps to a pace, and remembers what it
// was told, so that a thousand connections of one organization cost one list.
//
//	engine:  Session(project) ─▶ Caller(object) ─▶ SSO, SCIM, Organization   Create…, Update…, Delete…
//	                                                     │                       │        ▲
//	                                  ┌──────────────────▼──────────┐            │        │ Reserve
//	           answered from memory ◀─┤ observation   one for each  │◀── lock ───┤        │
//	           ReadError, not retried ◀┤ host, credential,           │            │        │
//	                                  │ organization, sso|scim      │◀─ answer ──┼──┐     │
//	                                  └──────────────────┬──────────┘            │  │     │
//	                                                     │ too old, or none      │  │     │
//	                                             ┌───────▼───────────────────────▼──┴─────┴┐
//	           NotYet: not now, but then ◀───────┤ gate   one for each project ID and host │
//	                                             └───────┬─────────────────────────────────┘
//	                                                     │ a turn, and the window is open
//	                                             ┌───────▼─────┐
//	           Error: with its Class ◀───────────┤ do, send    │──▶ one HTTP request, never two
//	                                             └─────────────┘
//
// It knows HTTP and nothing of Kubernetes. It writes no log, reads no clock but
// the one it is given, and repeats no call: whoever asked is told the class of
// the failure, whether the call may have taken effect, and when to come back.
// It decides nothing about connections; that is internal/connection's part.
//
// It never holds on to a bearer token, private key or client secret; what it was
// given to send is a [Secret], which cannot be printed by accident.
package stytch

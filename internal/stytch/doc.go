// Package stytch is a client of the Stytch B2B API for SSO and SCIM connections. It
// sends calls, classifies their failures, limits their rate, and caches what it
// read, so that a thousand connections of one organization need one list.
//
//	engine:  Session(project) ─▶ Caller(object) ─▶ SSO, SCIM, Organization   Create…, Update…, Delete…
//	                                                      │                       │        ▲
//	                                  ┌───────────────────▼─────────┐             │        │ Reserve
//	               the cached value ◀─┤ observation   one for each  │◀── lock ────┤        │
//	ReadError: failed, no retry yet ◀─┤ host, credential,           │             │        │
//	                                  │ organization, sso|scim      │◀─ response ─┼──┐     │
//	                                  └───────────────────┬─────────┘             │  │     │
//	                                                      │ too old, or none      │  │     │
//	                                              ┌───────▼───────────────────────▼──┴─────┴┐
//	                 NotYet: try again then ◀─────┤ gate   one for each project ID and host │
//	                                              └───────┬─────────────────────────────────┘
//	                                                      │ a turn and a place, and no 429 keeps it closed
//	                                              ┌───────▼─────┐
//	 NotYet: the fence holds a change back ◀──────┤ do, send    │──▶ one HTTP request, never two
//	                 Error: with its Class ◀──────┤             │
//	                                              └─────────────┘
//
// It does not depend on Kubernetes. It writes no logs, takes the time from
// Options.Now only, and never repeats a call: an error says how it can be remedied,
// whether the call may have taken effect, and when to try again. Decisions about
// connections are made in internal/connection.
//
// A list is decoded connection by connection, and neither its JSON nor what nobody reads of it is
// kept. Beyond a limit (answer.go) it counts as unavailable, and the message names the limit.
//
// It never keeps a bearer token, private key or client secret. Secrets that it sends
// have the type [Secret], which cannot be printed by accident.
package stytch

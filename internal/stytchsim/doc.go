// Package stytchsim is a pretend Stytch: the rules of the B2B connection API as
// an [net/http.Handler] that keeps its world in memory.
//
// It is there so that everything which talks to Stytch can be run without an
// account: the tests of this project, its demo, and the trials of somebody who
// is about to point the operator at real organizations. Its program is
// cmd/stytch-sim.
//
// # What it is made of
//
//	         request                                   /__sim/… (loopback only)
//	            │                                                 │
//	┌───────────▼───────────┐                          ┌──────────▼──────────┐
//	│ front    request ID,  │──── one entry ──────────▶│ control             │
//	│          journal      │        journal ◀── read ─│ state, calls, drift,│
//	│ limits   fixed windows│                          │ faults, limits,     │
//	│ faults   cut, delay … │◀──── planted by ─────────│ hand-made things    │
//	│ auth     project,     │                          └──────────┬──────────┘
//	│          secret       │                                     │
//	│ input    known fields │                                     │ by hand,
//	└───────────┬───────────┘                                     │ past the rules
//	            │ call                                            │
//	Intercept(BeforeEffect)                                       │
//	            │                                                 │
//	┌───────────▼─────────────────────────────────────────────────▼──────────┐
//	│ world    projects ─▶ organizations ─▶ SSO connections, one SCIM        │
//	│          rules: scim, saml, oidc, external, roles, default connection  │
//	└───────────┬────────────────────────────────────────────────────────────┘
//	Intercept(AfterEffect)
//	            │ document
//	┌───────────▼───────────┐
//	│ render   switches:    │  null, absent or empty; PEM re-wrapped; order; …
//	└───────────┬───────────┘
//	            ▼
//	         answer
//
// # Where its rules come from
//
// Nothing here was measured against the live API. Each rule says in a comment
// where it was learned:
//
//   - openapi: the official OpenAPI document (stytchauth/stytch-openapi)
//   - docs: a page of stytch.com/docs, named
//   - stytch-go: the official Go SDK's request and response types
//   - admin portal: the source of Stytch's own Admin Portal UI
//     (stytchauth/stytch-browser), which drives these same operations
//   - error types: the enumeration of error_type values in Stytch's mobile and
//     browser SDKs, which names errors but neither their status nor their cause
//   - inferred: nobody says; it is this package's guess
//
// What nobody says, and a caller can see, is a switch in [Switches]: a caller
// has to survive every position of it.
//
// # What it may not do
//
// It imports the standard library only and shares no type with the client it is
// called by: a shared struct would hide a shared mistake. It never opens an
// outbound connection: the metadata documents of identity providers are planted
// with [Sim.AddDocument].
package stytchsim

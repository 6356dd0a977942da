// Package stytchsim simulates the Stytch B2B connection API: its rules as an
// [net/http.Handler] with all state in memory.
//
// With it everything that calls Stytch runs without an account: the tests of this
// project, its demo, and trials of the operator before it manages real
// organizations. Its program is cmd/stytch-sim.
//
// # What it is made of
//
//	         request                                   /__sim/… (loopback only)
//	            │                                                 │
//	┌───────────▼───────────┐                          ┌──────────▼──────────┐
//	│ pipeline request ID,  │──── one entry ──────────▶│ control             │
//	│          journal      │        journal ◀── read ─│ state, calls, drift,│
//	│ limits   fixed windows│                          │ faults, limits,     │
//	│ faults   cut, delay … │◀──── added by ───────────│ out-of-band changes │
//	│ auth     project,     │                          │ members, sessions   │
//	│  secret, member's role│                          └──────────┬──────────┘
//	│ input    known fields │                                     │ past
//	└───────────┬───────────┘                                     │ the rules
//	            │ call                                            │
//	Intercept(BeforeEffect)                                       │
//	            │                                                 │
//	┌───────────▼─────────────────────────────────────────────────▼──────────┐
//	│ world    projects ─▶ organizations ─▶ SSO connections, one SCIM        │
//	│          (RBAC policy)          └───▶ members ─▶ sessions              │
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
// This project measured nothing against the live API. Each rule says in a comment
// where it was learned:
//
//   - live: answers of test.stytch.com that others recorded in April 2026
//     (kweizh/stytch-benchmark)
//   - openapi: the official OpenAPI document (stytchauth/stytch-openapi)
//   - docs: a page of stytch.com/docs, named
//   - stytch-go: the official Go SDK's request and response types
//   - admin portal: the source of Stytch's own Admin Portal UI
//     (stytchauth/stytch-browser), which drives these same operations
//   - error types: the enumeration of error_type values in Stytch's mobile and
//     browser SDKs, which names errors but neither their status nor their cause
//   - inferred: not documented; a guess of this package
//
// Undocumented behavior that a client can observe is a switch in [Switches]: a
// client must work with all of its values. Which operations of the API there are
// is in coverage.md.
//
// # What it may not do
//
// It imports the standard library only and shares no types with the client: a
// shared struct would hide a shared mistake. It never opens outbound connections:
// the metadata documents of identity providers are added with [Sim.AddDocument].
package stytchsim

// Package token decides about the bearer token of a SCIM connection: when it is rotated, when a rotation is completed or canceled,
// and what its Secret has to hold. It never sees a token, only the last four characters.
//
//	spec, annotations, status ─┐
//	Secret (stored) ───────────┼─ Decide ─▶ step · Rotating · problems
//	Stytch (current) ──────────┘
//
//	decide.go     which step is next, as a table of situations
//	steps.go      the steps, and what they change in the Secret
//	status.go     what status keeps of a token, and when it expires
//	messages.go   what Rotating and Synced say about it
//	secret.go     whose the Secret is
package token

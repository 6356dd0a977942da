// Package connection is the thinking: everything that the operator decides about a connection, and nothing that it does.
//
//	manifest ──Want──▶ want ─┐
//	                         ├─Plan──▶ steps ──(controllers perform them)──▶ report ──Judge──▶ status
//	Stytch ────Have──▶ have ─┘
//	   └──Identify──▶ ours | none | doubt | conflict | missing
//
// Wanted and seen are the same type, State, so that comparing stays dumb: values are brought to a canonical form where they
// come in. The plan is a list of paired changes. That one list is the body of the request, the text of the event and the
// plan in status.
//
// Nothing here knows a context, a clock, a logger or a network: time comes in as an argument, and what was read comes in as
// values. A new kind of connection is one file here that fills in a Kind.
package connection

// Package connection is the thinking: everything that the operator decides about a connection, and nothing that it does.
//
//	Stytch ────Identify──▶ ours | none | doubt | conflict | missing
//
//	manifest ──Want──▶ want ─┐
//	                         ├─Plan──▶ steps ──Convergence──▶ Move: read | take a step | end
//	Stytch ────Have──▶ have ─┘                    ▲                        │
//	                                              └── what was read, what became of the step
//
//	end ──▶ Finding, Report ──Judge──▶ status
//
// Wanted and seen are the same type, State, so that comparing stays dumb: values are brought to a canonical form where they
// come in. The plan is a list of paired changes. That one list is the body of the request, the text of the event and the
// plan in status.
//
// The core (kind, state, settings, action, plan, identify, convergence, record, judge and what they use) uses nothing that a kind
// declares: what it has of them are words, the plain data of State and the error types of Stytch. A kind is a value, Kind, whose hooks name it: one table of settings, and the parts that the kind plans and remembers itself, such
// as certificates or a token. Each hook says at Kind when it runs and what it may write.
//
// Nothing here knows a context, a clock, a logger or a network: time comes in as an argument, and what was read comes in as
// values.
package connection

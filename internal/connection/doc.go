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
// This package is the core, and knows no kind of connection. A kind is a value, Kind, whose hooks say when they run and what they may
// write. The packages below make the kinds, and their parts:
//
//	saml · oidc · external · scim   one kind each
//	token                           the life of a bearer token
//	details                         the ConfigMap for the other side
//	pki                             PEM, certificates, RSA keys, fingerprints
//
// Nothing here or below knows a context, a clock, a logger or a network: time comes in as an argument, and what was read comes in as
// values.
package connection

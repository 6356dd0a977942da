// Package connectiontest is what the tests of internal/connection and of the packages below it share. Only tests import it.
//
//	manifests.go      a manifest of each kind, and the connection that it asks for
//	inputs.go         Secrets and ConfigMaps
//	certificates.go   certificates and RSA keys, made when the tests start
//	kind.go           what a pass does with a kind, in one call: compare, plan, remember, publish
//	expect.go         what a test expects
//	random.go         manifests and edits of them that nobody thought of
//	document.go       the settings of a connection, as Stytch's endpoints take and show them
//	remote.go         a pretended connection at Stytch, with certificates, keys and metadata
//	token.go          its bearer token
//	stage.go          a manifest and its pretended connection, and passes over them
//	stages.go         the stage of each kind
//
// Randomness is an argument, and so is time: it is always Noon.
package connectiontest

// Package pki reads secrets, certificates and RSA keys as people give them, and names certificates and keys by fingerprints: SHA-256 in
// lower-case hexadecimal, of a certificate's DER or of a key's SubjectPublicKeyInfo. It knows neither manifests nor Stytch, and its
// errors complete a sentence whose subject is the place that was read, such as "spec.clientSecretRef … is not PEM". No error quotes
// what it read, but the types of PEM blocks that are known and the subjects of certificates.
//
//	text.go          what editors and shells make of a text
//	pem.go           the blocks of a source, within its bounds
//	certificate.go   certificates, and which of them issued another one
//	key.go           RSA keys
package pki

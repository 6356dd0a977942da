// Package pki reads certificates and RSA keys as people give them, and names them by fingerprints: SHA-256 in lower-case
// hexadecimal, of a certificate's DER or of a key's SubjectPublicKeyInfo. It knows neither manifests nor Stytch, and its errors
// complete a sentence whose subject is the place that was read, such as "spec.clientSecretRef … is not PEM". No error quotes what
// it read.
package pki

package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// roots are Mozilla's root certificates as PEM, each under its subject. A root that Mozilla trusts only for certificates of before
// some day is left out: a file of PEM cannot say that.
func roots() []byte {
	var all bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		certificate, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			panic(fmt.Sprintf("a root of the pinned module, whose tests read it: %v", err))
		}
		fmt.Fprintf(&all, "# %s\n", certificate.Subject)
		all.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
	}
	return all.Bytes()
}

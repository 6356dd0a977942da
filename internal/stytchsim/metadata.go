package stytchsim

import (
	"fmt"
	"net/url"
	"strings"
)

// updateSAMLByURL takes an identity provider's values from its metadata
// document, once; the URL is not kept and attribute_mapping is not in it.
//
// Source: openapi, UpdateByURL, and the admin portal, which sends the mapping by
// an update of its own before. Whether certificates are added to those there is
// unknown, hence the switch metadata-certificates.
func updateSAMLByURL(c *call) (document, error) {
	have, err := lookup[*samlConnection](c, "saml_connection_not_found")
	if err != nil {
		return nil, err
	}
	address, _ := c.in.text("metadata_url")
	read, err := c.readMetadata(address)
	if err != nil {
		return nil, err
	}
	next := *have
	next.idpEntityID, next.idpSSOURL = read.IDPEntityID, read.IDPSSOURL
	if err := c.takeCertificates(&next, read.Certificates); err != nil {
		return nil, err
	}
	c.commitSAML(have, next)
	return c.answer(have.document(c.renderer())), nil
}

// readMetadata is the fetch, from the documents planted by AddDocument: nothing
// here opens a connection. The error types are enumerated; which is said when is
// inferred from their names.
func (c *call) readMetadata(address string) (Document, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "https" || parsed.Host == "" {
		return Document{}, refuse("invalid_saml_metadata_url", "metadata_url is not an https URL.")
	}
	found, ok := c.world.documents[address]
	switch {
	case !ok:
		return Document{}, refuse("invalid_saml_metadata_url", "metadata_url could not be fetched.")
	case found.Body != "":
		return Document{}, refuse("invalid_xml_from_saml_metadata_url", "What metadata_url serves is not XML.")
	case found.IDPEntityID == "" || found.IDPSSOURL == "" || len(found.Certificates) == 0:
		return Document{}, refuse("saml_connection_metadata_invalid_format", "The metadata document lacks what a connection needs.")
	}
	return found, checkIDPSSOURL(found.IDPSSOURL)
}

func (c *call) takeCertificates(next *samlConnection, sent []string) error {
	if c.switches.MetadataCertificates == posReplace {
		next.verification = nil
	}
	for _, text := range sent {
		added, err := parseCertificate(text, c.now)
		if err != nil {
			return refuse("saml_connection_metadata_invalid_format", "A certificate of the metadata document cannot be read.")
		}
		if err := c.addVerification(next, added, c.switches.MetadataCertificates == "append-all"); err != nil {
			return err
		}
	}
	return nil
}

// discover reads an OpenID provider's discovery document, likewise planted. The
// second result is the warning of a failure.
//
// Source: docs, update-oidc-connection: the document is looked for at the
// issuer's /.well-known/openid-configuration when the issuer changes; a failure
// leaves the update standing and is told in the answer's warning.
func (c *call) discover(issuer string) (Document, string) {
	address := strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
	found, ok := c.world.documents[address]
	if !ok || found.Body != "" {
		return Document{}, fmt.Sprintf("The metadata document at %s could not be read.", address)
	}
	return found, ""
}

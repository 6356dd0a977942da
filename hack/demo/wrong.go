package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// mistake is something that cannot be meant, what is said of it, and how it is mended.
type mistake struct {
	what       string
	make, mend func(context.Context) error
	of         object
	reason     string
	words      string // of the message: which item, or what to do
}

// wrong: what cannot be meant is said, with the item and the remedy, and is over once it is mended.
func (s *story) wrong(ctx context.Context) error {
	mistakes, err := s.mistakes(ctx)
	if err != nil {
		return err
	}
	for _, m := range mistakes {
		s.terminal.note("%s", m.what)
		if err := m.make(ctx); err != nil {
			return err
		}
		if err := s.awaitReason(ctx, m.of, m.reason, "Stalled", 10*time.Second); err != nil {
			return err
		}
		said, err := s.kubectl.show(ctx, "get", m.of.name(), "-o", `jsonpath={.status.conditions[?(@.type=="Synced")].reason}: {.status.conditions[?(@.type=="Synced")].message}{"\n"}`)
		if err != nil {
			return err
		}
		if !strings.Contains(said, m.words) {
			return fmt.Errorf("%q should stand in: %s", m.words, said)
		}
		if err := m.mend(ctx); err != nil {
			return err
		}
	}
	if err := s.awaitInForce(ctx, "everything to be in force again", 20*time.Second); err != nil {
		return err
	}
	s.terminal.seen("each named the item and what to do; mended, everything is in force again, by itself")
	return nil
}

func (s *story) mistakes(ctx context.Context) ([]mistake, error) {
	oidc, generic, bundled, entra := s.samples.oidc, s.samples.explicit, s.samples.bundled, s.samples.byMetadata
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	data, err := s.dataOf(ctx, "hooli-google-certificates")
	if err != nil {
		return nil, err
	}
	certificate, err := newCertificate("login.microsoftonline.com", twoYears)
	if err != nil {
		return nil, err
	}
	bundle := func(text string) func(context.Context) error {
		return func(ctx context.Context) error {
			return s.replaceIn(ctx, "configmap", "hooli-google-certificates", map[string]string{"certificates.pem": text})
		}
	}
	set := func(o object, field, value string) func(context.Context) error {
		return func(ctx context.Context) error {
			return s.change(ctx, o, fmt.Sprintf(`{"spec":{%q:%q}}`, field, value))
		}
	}
	return []mistake{
		{
			"An issuer whose discovery document nobody can read:",
			set(oidc, "issuer", "https://nobody.example.com"), set(oidc, "issuer", oidc.Spec.Issuer), oidc, "DiscoveryFailed", "does not try again for the same issuer",
		},
		{
			"A private key among the certificates:",
			bundle(data["certificates.pem"] + key.text), bundle(data["certificates.pem"]), bundled, "Invalid", "ConfigMap hooli-google-certificates, key certificates.pem) holds a private key",
		},
		{
			"A metadata URL that answers with a page of HTML:",
			func(ctx context.Context) error {
				err := s.sim.document(ctx, stytchsim.Document{URL: entra.Spec.MetadataURL, Body: "<!doctype html>"})
				return s.refresh(ctx, entra, "html", err)
			},
			func(ctx context.Context) error {
				return s.refresh(ctx, entra, "xml", s.sim.metadata(ctx, entra, certificate))
			},
			entra, "Rejected", "spec.metadataURL",
		},
		{
			"Somebody else's ConfigMap in the place of the details:",
			set(generic, "detailsConfigMapName", "hooli-google-certificates"), set(generic, "detailsConfigMapName", generic.Spec.DetailsConfigMapName),
			generic, "Invalid", "was not made for this manifest",
		},
	}, nil
}

// refresh asks for the metadata to be read again, once it is there.
func (s *story) refresh(ctx context.Context, o object, value string, there error) error {
	if there != nil {
		return there
	}
	_, err := s.kubectl.show(ctx, "annotate", o.name(), "--overwrite", "connections.stytch-operator.dev/refresh-metadata="+value)
	return err
}

package main

import (
	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// wrong: input that is invalid is reported with a reason and a remedy; corrected, everything is applied again.
func (s *story) wrong() {
	var certificates struct{ Data map[string]string }
	s.Read(&certificates, "get", "configmap", bundle)
	good := certificates.Data[bundleKey]
	putBundle := func(text string) { s.Replace("configmap", bundle, map[string]string{bundleKey: text}) }
	putMetadata := func(publish func(), refresh string) {
		publish()
		s.annotate(s.byMetadata, "refresh-metadata="+refresh)
	}
	for _, mistake := range []struct {
		what        string
		of          object
		reason      string
		do, correct func()
	}{
		{
			"An issuer whose discovery document cannot be read:", s.oidc, "DiscoveryFailed",
			func() { s.edit(s.oidc, `{"issuer":"https://nobody.example.com"}`) },
			func() { s.edit(s.oidc, `{"issuer":%q}`, s.oidc.Spec.Issuer) },
		},
		{
			"A private key among the certificates:", s.bundled, "Invalid",
			func() { putBundle(good + newKey().text) },
			func() { putBundle(good) },
		},
		{
			"A metadata URL that answers with a page of HTML:", s.byMetadata, "Rejected",
			func() {
				putMetadata(func() { s.publish(stytchsim.Document{URL: s.byMetadata.Spec.MetadataURL, Body: "<!doctype html>"}) }, "html")
			},
			func() {
				putMetadata(func() { s.publishMetadata(s.byMetadata, lab.NewCertificate("login.microsoftonline.com", twoYears)) }, "xml")
			},
		},
		{
			"A ConfigMap of somebody else in the place of the details:", s.explicit, "Invalid",
			func() { s.edit(s.explicit, `{"detailsConfigMapName":%q}`, bundle) },
			func() { s.edit(s.explicit, `{"detailsConfigMapName":%q}`, s.explicit.Spec.DetailsConfigMapName) },
		},
	} {
		s.Note("%s", mistake.what)
		mistake.do()
		s.awaitReason(mistake.of, mistake.reason, "Stalled")
		s.showConditions(mistake.of, "Synced")
		mistake.correct()
		s.awaitApplied(soon, mistake.of)
	}
	s.Seen("each was reported with its remedy; corrected, everything is applied again automatically")
}

package main

// wrong: input that is invalid is reported with a reason and a remedy; corrected, everything is applied again.
func (s *story) wrong() {
	var certificates struct{ Data map[string]string }
	s.Read(&certificates, "get", "configmap", bundle)
	good := certificates.Data[bundleKey]
	putBundle := func(text string) { s.Replace("configmap", bundle, map[string]string{bundleKey: text}) }
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

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// rollover: a certificate that is about to end is said, and replaced in its ConfigMap; and a metadata document is read again.
func (s *story) rollover(ctx context.Context) error {
	if err := s.endsSoon(ctx); err != nil {
		return err
	}
	if err := s.replaceCertificate(ctx); err != nil {
		return err
	}
	if err := s.fiveSlots(ctx); err != nil {
		return err
	}
	return s.readAgain(ctx)
}

// fiveSlots fills all places that Stytch has for certificates, and then wants another one alone.
func (s *story) fiveSlots(ctx context.Context) error {
	six, err := newCertificates("Google", 6)
	if err != nil {
		return err
	}
	s.terminal.note("Five at once, which is all that Stytch takes, and then a sixth alone:")
	if _, _, err := s.bundle(ctx, six[:5]); err != nil {
		return err
	}
	o, sent, err := s.bundle(ctx, six[5:])
	if err != nil {
		return err
	}
	sent = o.about(sent).changing()
	s.terminal.journal(sent)
	adds := func(c stytchsim.Call) bool { return slices.Equal(c.Fields, []string{"x509_certificate"}) }
	if len(sent) != 6 || !adds(sent[1]) || len(sent.named("DeleteSAMLVerificationCertificate")) != 5 {
		return fmt.Errorf("one removal, the addition and four removals were expected, and the journal has: %s", sent.counts())
	}
	s.terminal.seen("one that nobody wants any more made room, the new one was added beside the other four, and only then did those go")
	return nil
}

// bundle puts certificates into the ConfigMap, and waits until Stytch has them and no other. It returns what was sent.
func (s *story) bundle(ctx context.Context, certificates []string) (object, calls, error) {
	var want []string
	for _, text := range certificates {
		_, sha, err := readCertificate(text)
		if err != nil {
			return object{}, nil, err
		}
		want = append(want, sha)
	}
	entry, err := s.sim.now(ctx)
	if err != nil {
		return object{}, nil, err
	}
	if err := s.replaceIn(ctx, "configmap", "hooli-google-certificates", map[string]string{"certificates.pem": strings.Join(certificates, "")}); err != nil {
		return object{}, nil, err
	}
	o, err := s.awaitCertificates(ctx, s.samples.bundled, want)
	if err != nil {
		return object{}, nil, err
	}
	sent, err := s.sim.since(ctx, entry)
	return o, sent, err
}

// endsSoon: the condition, with Ready as it was, and the metric.
func (s *story) endsSoon(ctx context.Context) error {
	bundled := s.samples.bundled
	o, err := s.kubectl.get(ctx, bundled.Kind, bundled.Metadata.Name)
	if err != nil {
		return err
	}
	soon := o.condition("ExpiringSoon")
	if soon.Status != "True" || soon.Reason != "Expiring" || !o.inForce() {
		return fmt.Errorf("a certificate that ends in %s should be said, and leave Ready alone: %s", tenDays, o.standing())
	}
	s.terminal.note("The certificate in ConfigMap hooli-google-certificates ends in ten days.")
	_, err = s.kubectl.show(ctx, "get", o.name(), "-o", `jsonpath={range .status.conditions[*]}{.type}={.status} {.reason}{"\n"}{end}{.status.conditions[?(@.type=="ExpiringSoon")].message}{"\n"}`)
	if err != nil {
		return err
	}
	data, err := s.dataOf(ctx, "hooli-google-certificates")
	if err != nil {
		return err
	}
	certificate, sha, err := readCertificate(data["certificates.pem"])
	if err != nil {
		return err
	}
	s.terminal.command("curl http://" + s.metrics + "/metrics | grep stytch_connection_expiry_timestamp_seconds | grep " + o.Metadata.Name)
	page, err := fetch(ctx, "http://"+s.metrics+"/metrics")
	if err != nil {
		return err
	}
	for line := range strings.Lines(page) {
		labels, is := strings.CutPrefix(line, "stytch_connection_expiry_timestamp_seconds{")
		if is && label(labels, "name") == o.Metadata.Name && label(labels, "expires") == "verification_certificate" {
			s.terminal.answer(line)
			return s.sameEnd(labels, sha, certificate.NotAfter)
		}
	}
	return errors.New("the metrics do not have it")
}

// sameEnd compares what the metrics have with the certificate that it is about.
func (s *story) sameEnd(labels, sha string, end time.Time) error {
	var value float64
	_, number, _ := strings.Cut(labels, "} ")
	if _, err := fmt.Sscan(number, &value); err != nil || int64(value) != end.Unix() || !strings.HasPrefix(sha, label(labels, "id")) {
		return errors.Join(err, fmt.Errorf("the metric has %s of %s, and the certificate %s ends at %d", number, label(labels, "id"), sha, end.Unix()))
	}
	s.terminal.seen("condition and metric say which certificate ends and when, Ready stays True")
	return nil
}

// replaceCertificate puts another certificate in the place of the one in the ConfigMap: no manifest is edited.
func (s *story) replaceCertificate(ctx context.Context) error {
	next, err := newCertificate("Google", twoYears)
	if err != nil {
		return err
	}
	s.terminal.note("The next one takes its place, outright:")
	o, sent, err := s.bundle(ctx, []string{next})
	if err != nil {
		return err
	}
	sent = o.about(sent).changing()
	s.terminal.journal(sent)
	if err := addedFirst(sent, "UpdateSAMLConnection", "x509_certificate", "DeleteSAMLVerificationCertificate"); err != nil {
		return err
	}
	if soon := o.condition("ExpiringSoon"); soon.Status != "absent" {
		return fmt.Errorf("ExpiringSoon still stands: %s", soon.Message)
	}
	s.terminal.seen("the new one was added before the old one was removed, so there was never a moment without; ExpiringSoon is gone")
	return nil
}

// addedFirst checks that all that was changed was one addition, by a PUT with one field, and then one removal.
func addedFirst(sent calls, add, field, remove string) error {
	if len(sent) != 2 || sent[0].Operation != add || !slices.Equal(sent[0].Fields, []string{field}) || sent[1].Operation != remove {
		return fmt.Errorf("%s with %s and then %s were expected, and the journal has: %s", add, field, remove, sent.counts())
	}
	return nil
}

// awaitCertificates waits until a connection has exactly these certificates and its manifest is in force.
func (s *story) awaitCertificates(ctx context.Context, sample object, want []string) (object, error) {
	var is object
	slices.Sort(want)
	err := s.await(ctx, sample.name()+" to have the certificate", 20*time.Second, func(ctx context.Context) (string, bool, error) {
		var err error
		is, err = s.kubectl.get(ctx, sample.Kind, sample.Metadata.Name)
		var have []string
		for _, c := range is.Status.VerificationCertificates {
			have = append(have, c.SHA256)
		}
		slices.Sort(have)
		return fmt.Sprintf("%s, certificates %v", is.standing(), have), is.inForce() && slices.Equal(have, want), err
	})
	return is, err
}

// readAgain: the identity provider publishes one more certificate; the annotation has Stytch read that.
func (s *story) readAgain(ctx context.Context) error {
	entra := s.samples.byMetadata
	o, err := s.kubectl.get(ctx, entra.Kind, entra.Metadata.Name)
	if err != nil {
		return err
	}
	next, err := newCertificate("login.microsoftonline.com", twoYears)
	if err != nil {
		return err
	}
	_, sha, err := readCertificate(next)
	if err != nil {
		return err
	}
	if err := s.sim.metadata(ctx, o, next); err != nil {
		return err
	}
	entry, err := s.sim.now(ctx)
	if err != nil {
		return err
	}
	s.terminal.note("The metadata of %s now has another certificate. Stytch reads it once, so somebody asks:", o.name())
	if _, err := s.kubectl.show(ctx, "annotate", o.name(), "--overwrite", "connections.stytch-operator.dev/refresh-metadata=rolled-over"); err != nil {
		return err
	}
	is, err := s.awaitCertificates(ctx, entra, append(o.Status.FromMetadata.Certificates, sha))
	if err != nil {
		return err
	}
	sent, err := s.sim.since(ctx, entry)
	if err != nil {
		return err
	}
	sent = is.about(sent).changing()
	s.terminal.journal(sent)
	if len(sent) != 1 || sent[0].Operation != "UpdateSAMLConnectionByURL" || !slices.Contains(is.Status.FromMetadata.Certificates, sha) {
		return fmt.Errorf("one reading was expected, and the journal has: %s; status has %v", sent.counts(), is.Status.FromMetadata.Certificates)
	}
	s.terminal.seen("it was read once, its new certificate is recorded and wanted from now on; the old one stays, because nobody says that it is not used any more")
	return nil
}

// replaceIn replaces values in a Secret or a ConfigMap, which stand in no command line.
func (s *story) replaceIn(ctx context.Context, kind, name string, values map[string]string) error {
	field := "data"
	if kind == "secret" {
		field = "stringData"
	}
	patch, err := json.Marshal(map[string]any{field: values})
	if err != nil {
		return err
	}
	file, err := s.keep(name+".json", string(patch))
	if err != nil {
		return err
	}
	_, err = s.kubectl.show(ctx, "patch", kind, name, "--type=merge", "--patch-file", file)
	return err
}

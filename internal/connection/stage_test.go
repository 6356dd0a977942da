package connection_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/rand"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/details"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// far is one connection at Stytch, of whatever kind, as its endpoints are documented. It is written anew here, from the names of the
// fields on.
type far struct {
	document
	certificates []farCertificate
	signing      []farSigning
	keys         []farKey
	groups       []stytch.SCIMGroup
	details      map[string]string // of the ConfigMap; nil while there is none
	token        farToken
	secret       *corev1.Secret // that the token is kept in; nil while there is none

	metadata  map[string]farMetadata       // documents of identity providers, by URL
	discovery map[string]map[string]string // and of issuers, by issuer
	refuses   []string                     // fingerprints of certificates and keys that Stytch takes for wrong, and fields whose value it refuses
	habits    habits

	made int
}

// habits are what Stytch's documents leave open.
type habits struct {
	metadata      string // append (what is not there), append-all, replace (with new IDs), keep (replace, and keep the IDs)
	duplicates    bool   // a certificate that is there already is added once more
	signingStay   bool   // the certificate of the signing key before stays
	secretIs      string // shown, masked or empty
	refuseExpired bool
	ignores       string                     // a field that an update does not change
	shows         func(sha256 string) string // how a certificate that is added reads back; nil: as it is
}

type farCertificate struct {
	issued
	id    string
	shown string // the fingerprint that it is shown with
}

// String is the certificate in a word, for a failing test.
func (c farCertificate) String() string { return c.shown[:min(len(c.shown), 6)] + ":" + c.id }

type farSigning struct {
	spki, sha256, pem string
	made              time.Time
}

type farKey struct{ id, spki string }

type farMetadata struct {
	entity, sso  string
	certificates []issued
}

// refusal is a 400 with this error type.
type refusal string

func (r refusal) Error() string { return string(r) }

func (f *far) newID(kind string) string {
	f.made++
	return fmt.Sprintf("%s-%03d", kind, f.made)
}

// take does what a step asks for. Stytch's warning comes with it.
func (f *far) take(t *testing.T, step connection.Step) (warning string, err error) {
	t.Helper()
	switch step.Action {
	case connection.Update, saml.AddEncryptionKey:
		return f.update(t, step.Fields())
	case saml.ReadMetadata:
		return "", f.readMetadata(step.Changes[0].Want.Same)
	case saml.DeleteCertificate, saml.FreeCertificate:
		f.removeCertificate(t, step.Target)
		return "", nil
	case saml.DeleteEncryptionKey:
		at := slices.IndexFunc(f.keys, func(k farKey) bool { return k.id == step.Target })
		if at < 0 {
			t.Fatalf("the key %s is removed, which is not there", step.Target)
		}
		f.keys = slices.Delete(slices.Clone(f.keys), at, at+1)
	case details.Publish:
		if f.details == nil {
			f.details = map[string]string{}
		}
		for key, value := range details.Entries(step) {
			f.details[key] = value
			if value == "" {
				delete(f.details, key)
			}
		}
	default:
		f.rotate(t, step)
	}
	return "", nil
}

// update changes everything or nothing.
func (f *far) update(t *testing.T, body stytch.Fields) (warning string, err error) {
	t.Helper()
	plain, next := stytch.Fields{}, *f
	for field, value := range revealed(body) {
		switch field {
		case f.refused(field):
			err = refusal("invalid_" + field)
		case "x509_certificate":
			err = next.addCertificate(t, value.(string))
		case "signing_private_key":
			err = next.sign(t, value.(string))
		case "saml_encryption_private_key":
			err = next.addKey(t, value.(string))
		default:
			plain[field] = value
		}
		if err != nil {
			return "", err
		}
	}
	if issuer, sent := body["issuer"]; sent && issuer != f.Issuer {
		found, read := f.discovery[issuer.(string)]
		if !read {
			warning = "The metadata document could not be read."
		}
		for field, url := range found {
			if _, explicit := plain[field]; !explicit {
				plain[field] = url
			}
		}
	}
	delete(plain, f.habits.ignores)
	next.put(t, plain)
	*f = next
	return warning, nil
}

// refused is the field if its values are refused.
func (f *far) refused(field string) string {
	if slices.Contains(f.refuses, field) {
		return field
	}
	return ""
}

func (f *far) addCertificate(t *testing.T, text string) error {
	t.Helper()
	added := read(t, text)
	if slices.Contains(f.refuses, added.sha256) || f.habits.refuseExpired && !added.ends.After(noon) {
		return refusal("invalid_x509_certificate")
	}
	before := len(f.certificates)
	err := f.place(added, f.habits.duplicates)
	if f.habits.shows != nil && len(f.certificates) > before {
		f.certificates[before].shown = f.habits.shows(added.sha256)
	}
	return err
}

// reads remembers what was read before: the same few certificates and keys are read again and again.
type reads[T any] struct{ known sync.Map }

func (r *reads[T]) read(text string, parse func(text string) T) T {
	if known, is := r.known.Load(text); is {
		return known.(T)
	}
	parsed := parse(text)
	r.known.Store(text, parsed)
	return parsed
}

var (
	certificatesRead reads[issued]
	keysRead         reads[string]
)

// read reads a certificate as Stytch does, which may take one that Go's parser finds fault with.
func read(t *testing.T, text string) issued {
	t.Helper()
	return certificatesRead.read(text, func(text string) issued {
		block, rest := pem.Decode([]byte(text))
		if block == nil || block.Type != "CERTIFICATE" || len(rest) > 0 {
			t.Fatal("what is sent as a certificate is not one")
		}
		c := issued{der: block.Bytes, pem: text, sha256: sumOf(string(block.Bytes))}
		if parsed, err := x509.ParseCertificate(block.Bytes); err == nil {
			c.ends = parsed.NotAfter
		}
		return c
	})
}

func (f *far) place(c issued, duplicates bool) error {
	there := slices.ContainsFunc(f.certificates, func(h farCertificate) bool { return h.sha256 == c.sha256 })
	if there && !duplicates {
		return nil
	}
	if len(f.certificates) >= 5 {
		return refusal("too_many_sso_verification_certificates")
	}
	f.certificates = append(slices.Clone(f.certificates), farCertificate{c, f.newID("cert"), c.sha256})
	return nil
}

func (f *far) removeCertificate(t *testing.T, id string) {
	t.Helper()
	at := slices.IndexFunc(f.certificates, func(c farCertificate) bool { return c.id == id })
	if at < 0 || len(f.certificates) == 1 {
		t.Fatalf("the certificate %q of %d is removed", id, len(f.certificates))
	}
	f.certificates = slices.Delete(slices.Clone(f.certificates), at, at+1)
}

func (f *far) readMetadata(url string) error {
	read, found := f.metadata[url]
	if !found {
		return refusal("invalid_xml_from_saml_metadata_url")
	}
	next := *f
	next.IDPEntityID, next.IDPSSOURL = read.entity, read.sso
	if f.habits.metadata == "replace" {
		next.certificates = nil
	}
	if f.habits.metadata == "keep" {
		next.certificates = slices.DeleteFunc(slices.Clone(f.certificates), func(c farCertificate) bool {
			return !slices.ContainsFunc(read.certificates, func(d issued) bool { return d.sha256 == c.sha256 })
		})
	}
	for _, c := range read.certificates {
		if err := next.place(c, f.habits.metadata == "append-all"); err != nil {
			return err
		}
	}
	*f = next
	return nil
}

// public reads a private key as Stytch does, and says which it is.
func public(t *testing.T, text string) string {
	t.Helper()
	return keysRead.read(text, func(text string) string {
		block, rest := pem.Decode([]byte(text))
		if block == nil || block.Type != "RSA PRIVATE KEY" || len(rest) > 0 {
			t.Fatal("what is sent as a private key is not one PKCS#1 key")
		}
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		return sumOf(string(spki))
	})
}

func (f *far) sign(t *testing.T, text string) error {
	t.Helper()
	spki := public(t, text)
	if slices.Contains(f.refuses, spki) {
		return refusal("saml_signing_private_key_invalid")
	}
	f.made++
	made := farSigning{spki: spki, sha256: sumOf(spki), pem: "certificate of " + spki[:8], made: noon.Add(time.Duration(f.made) * time.Second)}
	if !f.habits.signingStay {
		f.signing = nil
	}
	f.signing = append(slices.Clone(f.signing), made)
	return nil
}

func (f *far) addKey(t *testing.T, text string) error {
	t.Helper()
	spki := public(t, text)
	if slices.Contains(f.refuses, spki) {
		return refusal("private_key_too_long")
	}
	if len(f.keys) >= 5 {
		return refusal("too_many_encryption_certificates")
	}
	f.keys = append(slices.Clone(f.keys), farKey{f.newID("key"), spki})
	return nil
}

// asSAML is what Stytch shows of a SAML connection, in one of the spellings that it may choose.
func (f *far) asSAML(random *rand.Rand) stytch.SAMLConnection {
	r := f.noisy(random).saml()
	r.ACSURL, r.AudienceURI = "https://api.stytch.com/acs/"+samlID, "https://api.stytch.com/audience/"+samlID
	for _, c := range f.certificates {
		shown := stytch.Certificate{ID: c.id, SHA256: c.shown, ExpiresAt: c.ends, Subject: "CN=okta"}
		if len(f.certificates) >= 5 {
			shown.PEM = c.pem
		}
		r.VerificationCertificates = append(r.VerificationCertificates, shown)
	}
	random.Shuffle(len(r.VerificationCertificates), func(i, j int) {
		list := r.VerificationCertificates
		list[i], list[j] = list[j], list[i]
	})
	for _, s := range slices.Backward(f.signing) {
		r.SigningCertificates = append(r.SigningCertificates, stytch.SigningCertificate{SHA256: s.sha256, SPKISHA256: s.spki, PEM: s.pem, CreatedAt: s.made, ExpiresAt: yearsOn(3)})
	}
	for _, k := range f.keys {
		r.EncryptionKeyIDs = append(r.EncryptionKeyIDs, k.id)
	}
	return r
}

// asOIDC is what Stytch shows of an OIDC connection.
func (f *far) asOIDC(random *rand.Rand) stytch.OIDCConnection {
	r := f.noisy(random).oidc()
	if f.habits.secretIs == "masked" {
		r.ClientSecretMasked = r.ClientSecretSHA256 != ""
	}
	if f.habits.secretIs != "shown" {
		r.ClientSecretSHA256 = ""
	}
	return r
}

// errLost says that the process was lost.
var errLost = errors.New("lost")

// stage is a manifest and its connection, and what makes the moves of their convergence, as a pass of the operator does.
type stage[O v1alpha1.Connection, R any] struct {
	kind   connection.Kind[O, R]
	held   O // the manifest as the API server holds it
	own    O // the pass's copy of it
	far    *far
	shows  func() R
	inputs func() connection.Inputs
	// lose says, before a request is made, what becomes of it: "" it is answered, "unsent" or "unanswered": the process is lost
	// before or after it takes effect, "unkept": it is lost after that and before it writes into the Secret what was answered,
	// "late": the process is lost and the request takes effect later.
	lose func(connection.Step) string
	late []connection.Step
	// vague says that Stytch does not say why it refuses something.
	vague bool
	// watch is called after each request.
	watch func(connection.Step)
	log   []connection.Step // of the last pass
	// told is what happened so far, for a failing test.
	told []string
}

// outcome is how a pass ended, and what was left to do and to say then.
type outcome struct {
	plan     []connection.Step
	stuck    []v1alpha1.NotConverging
	problems []connection.Problem
	err      error
}

func copyOf[O v1alpha1.Connection](o O) O { return o.DeepCopyObject().(O) }

// nobody holds a connection.
func nobody(string) string { return "" }

// pass takes a pass, and compares what it left with what was to be.
func (s *stage[O, R]) pass(t *testing.T) outcome {
	t.Helper()
	return s.outcome(s.converge(t))
}

// passed is how a pass ended, what it reports, and what it read of the connection last.
type passed[R any] struct {
	end    error
	report connection.Report
	shown  R
}

// converge makes the moves of a pass.
func (s *stage[O, R]) converge(t *testing.T) passed[R] {
	t.Helper()
	var p passed[R]
	o := copyOf(s.held)
	s.own, s.log = o, nil
	id := connection.Identity{Verdict: connection.Ours, ID: o.CommonStatus().ConnectionID}
	c := connection.Converge(s.kind, o, id, nobody, noon)
	listed := noon.Add(-time.Minute) // by an earlier pass
	var move connection.Move
	for move.End == nil {
		if move.Fresh {
			listed = noon
		}
		if move.Step == nil {
			in := s.inputs()
			in.ID = id.ID
			p.shown = s.shows()
			move = c.Next(p.shown, listed, in, noon)
			continue
		}
		if move.WriteAhead {
			s.held = copyOf(o)
		}
		warning, err := s.request(t, *move.Step)
		switch {
		case errors.Is(err, errLost):
			p.end = err
			return p
		case err != nil:
			move = c.Failed(s.refusal(err), listed)
		default:
			move = c.Took(warning)
		}
	}
	p.end, p.report = move.End, c.Report(p.report)
	o.CommonStatus().NotConverging = p.report.NotConverging
	s.held = copyOf(o)
	return p
}

// refusal is the answer of Stytch that says no.
func (s *stage[O, R]) refusal(err error) error {
	if s.vague {
		return refused("of_a_passing_kind")
	}
	return refused(err.Error())
}

func refused(errorType string) *stytch.Error {
	return &stytch.Error{Request: stytch.Request{Operation: "Update", StatusCode: 400, ErrorType: errorType}, Class: stytch.Rejected}
}

func (s *stage[O, R]) outcome(p passed[R]) outcome {
	if refused, is := errors.AsType[*stytch.Error](p.end); is {
		return outcome{stuck: p.report.NotConverging, err: refusal(refused.ErrorType)}
	}
	found, is := errors.AsType[connection.Finding](p.end)
	switch {
	case !is:
		return outcome{err: p.end}
	case found.Request.ErrorType != "": // of what was set aside
		return outcome{stuck: p.report.NotConverging, err: refusal(found.Request.ErrorType)}
	}
	plan, problems := planFor(s.kind, copyOf(s.held), p.shown, s.inputs())
	return outcome{plan: plan, stuck: p.report.NotConverging, problems: problems}
}

func (s *stage[O, R]) request(t *testing.T, step connection.Step) (warning string, err error) {
	t.Helper()
	fate := ""
	if s.lose != nil {
		fate = s.lose(step)
	}
	s.told = append(s.told, fmt.Sprintf("at %v: %s %s", s.far.certificates, story([]connection.Step{step}), fate))
	switch fate {
	case "late":
		s.late = append(s.late, step)
		return "", errLost
	case "unsent":
		return "", errLost
	}
	s.log = append(s.log, step)
	defer func() {
		if t.Failed() {
			t.Log(strings.Join(s.told, "\n"))
		}
	}()
	secret := s.far.secret
	warning, err = s.far.take(t, step)
	if fate == "unkept" {
		s.far.secret = secret
	}
	if s.watch != nil && err == nil {
		s.watch(step)
	}
	if fate != "" {
		return "", errLost
	}
	return warning, err
}

// settle runs passes until one takes no step, and fails the test where that does not come soon, or where a further pass
// changes the manifest's status.
func (s *stage[O, R]) settle(t *testing.T) outcome {
	t.Helper()
	for range 4 {
		last := s.converge(t)
		if len(s.log) > 0 {
			continue
		}
		out := s.outcome(last)
		before := s.held
		for range 2 {
			s.converge(t)
			if len(s.log) > 0 || !reflect.DeepEqual(s.held, before) && !equality.Semantic.DeepEqual(s.held, before) { // the first is faster
				t.Fatalf("a quiet pass took %q and turned %s into %s", story(s.log), inJSON(t, before), inJSON(t, s.held))
			}
		}
		return out
	}
	out := s.pass(t)
	if out.err == nil {
		t.Fatalf("still at work after four passes: %s: %s", story(s.log), inJSON(t, s.held))
	}
	return out
}

// words of a list of problems, for a failing test.
func problemWords(problems []connection.Problem) string {
	var said []string
	for _, p := range problems {
		said = append(said, p.Reason+": "+p.Message)
	}
	return strings.Join(said, " | ")
}

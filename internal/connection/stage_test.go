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

// Remote is one connection at Stytch, of whatever kind, as its endpoints are documented. It is written anew here, from the names of the
// fields on.
type Remote struct {
	Document
	Certificates []RemoteCertificate
	Signing      []RemoteSigningKey
	Keys         []RemoteKey
	Groups       []stytch.SCIMGroup
	Details      map[string]string // of the ConfigMap; nil while there is none
	Token        RemoteToken
	Secret       *corev1.Secret // that the token is kept in; nil while there is none

	Metadata  map[string]RemoteMetadata    // documents of identity providers, by URL
	Discovery map[string]map[string]string // and of issuers, by issuer
	Refuses   []string                     // fingerprints of certificates and keys that Stytch takes for wrong
	Habits    Habits

	Made int
}

// Habits are what Stytch's documents leave open.
type Habits struct {
	Metadata      string // append (what is not there), append-all, replace (with new IDs), keep (replace, and keep the IDs)
	duplicates    bool   // a certificate that is there already is added once more
	signingStay   bool   // the certificate of the signing key before stays
	SecretIs      string // shown, masked or empty
	refuseExpired bool
	Ignores       string                     // a field that an update does not change
	Shows         func(sha256 string) string // how a certificate that is added reads back; nil: as it is
}

type RemoteCertificate struct {
	IssuedCertificate
	ID    string
	Shown string // the fingerprint that it is shown with
}

// String is the certificate in a word, for a failing test.
func (c RemoteCertificate) String() string { return c.Shown[:min(len(c.Shown), 6)] + ":" + c.ID }

type RemoteSigningKey struct {
	SPKISHA256, SHA256, PEM string
	made                    time.Time
}

type RemoteKey struct{ ID, SPKISHA256 string }

type RemoteMetadata struct {
	EntityID, SSOURL string
	Certificates     []IssuedCertificate
}

// RefusalError is a 400 with this error type.
type RefusalError string

func (r RefusalError) Error() string { return string(r) }

func (remote *Remote) newID(kind string) string {
	remote.Made++
	return fmt.Sprintf("%s-%03d", kind, remote.Made)
}

// Take does what a step asks for. Stytch's warning comes with it.
func (remote *Remote) Take(t *testing.T, step connection.Step) (warning string, err error) {
	t.Helper()
	switch step.Action {
	case connection.Update, saml.AddEncryptionKey:
		return remote.update(t, step.Fields())
	case saml.ReadMetadata:
		return "", remote.readMetadata(step.Changes[0].Want.Same)
	case saml.DeleteCertificate, saml.FreeCertificate:
		remote.removeCertificate(t, step.Target)
		return "", nil
	case saml.DeleteEncryptionKey:
		at := slices.IndexFunc(remote.Keys, func(k RemoteKey) bool { return k.ID == step.Target })
		if at < 0 {
			t.Fatalf("the key %s is removed, which is not there", step.Target)
		}
		remote.Keys = slices.Delete(slices.Clone(remote.Keys), at, at+1)
	case details.Publish:
		if remote.Details == nil {
			remote.Details = map[string]string{}
		}
		for key, value := range details.Entries(step) {
			remote.Details[key] = value
			if value == "" {
				delete(remote.Details, key)
			}
		}
	default:
		remote.rotate(t, step)
	}
	return "", nil
}

// update changes everything or nothing.
func (remote *Remote) update(t *testing.T, body stytch.Fields) (warning string, err error) {
	t.Helper()
	plain, next := stytch.Fields{}, *remote
	for field, value := range Revealed(body) {
		switch field {
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
	if issuer, sent := body["issuer"]; sent && issuer != remote.Issuer {
		found, read := remote.Discovery[issuer.(string)]
		if !read {
			warning = "The metadata document could not be read."
		}
		for field, url := range found {
			if _, explicit := plain[field]; !explicit {
				plain[field] = url
			}
		}
	}
	delete(plain, remote.Habits.Ignores)
	next.Put(t, plain)
	*remote = next
	return warning, nil
}

func (remote *Remote) addCertificate(t *testing.T, text string) error {
	t.Helper()
	added := read(t, text)
	if slices.Contains(remote.Refuses, added.SHA256) || remote.Habits.refuseExpired && !added.Ends.After(Noon) {
		return RefusalError("invalid_x509_certificate")
	}
	before := len(remote.Certificates)
	err := remote.Place(added, remote.Habits.duplicates)
	if remote.Habits.Shows != nil && len(remote.Certificates) > before {
		remote.Certificates[before].Shown = remote.Habits.Shows(added.SHA256)
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
	certificatesRead reads[IssuedCertificate]
	keysRead         reads[string]
)

// read reads a certificate as Stytch does, which may take one that Go's parser finds fault with.
func read(t *testing.T, text string) IssuedCertificate {
	t.Helper()
	return certificatesRead.read(text, func(text string) IssuedCertificate {
		block, rest := pem.Decode([]byte(text))
		if block == nil || block.Type != "CERTIFICATE" || len(rest) > 0 {
			t.Fatal("what is sent as a certificate is not one")
		}
		c := IssuedCertificate{DER: block.Bytes, PEM: text, SHA256: SHA256Of(string(block.Bytes))}
		if parsed, err := x509.ParseCertificate(block.Bytes); err == nil {
			c.Ends = parsed.NotAfter
		}
		return c
	})
}

func (remote *Remote) Place(c IssuedCertificate, duplicates bool) error {
	there := slices.ContainsFunc(remote.Certificates, func(h RemoteCertificate) bool { return h.SHA256 == c.SHA256 })
	if there && !duplicates {
		return nil
	}
	if len(remote.Certificates) >= 5 {
		return RefusalError("too_many_sso_verification_certificates")
	}
	remote.Certificates = append(slices.Clone(remote.Certificates), RemoteCertificate{c, remote.newID("cert"), c.SHA256})
	return nil
}

func (remote *Remote) removeCertificate(t *testing.T, id string) {
	t.Helper()
	at := slices.IndexFunc(remote.Certificates, func(c RemoteCertificate) bool { return c.ID == id })
	if at < 0 || len(remote.Certificates) == 1 {
		t.Fatalf("the certificate %q of %d is removed", id, len(remote.Certificates))
	}
	remote.Certificates = slices.Delete(slices.Clone(remote.Certificates), at, at+1)
}

func (remote *Remote) readMetadata(url string) error {
	read, found := remote.Metadata[url]
	if !found {
		return RefusalError("invalid_xml_from_saml_metadata_url")
	}
	next := *remote
	next.IDPEntityID, next.IDPSSOURL = read.EntityID, read.SSOURL
	if remote.Habits.Metadata == "replace" {
		next.Certificates = nil
	}
	if remote.Habits.Metadata == "keep" {
		next.Certificates = slices.DeleteFunc(slices.Clone(remote.Certificates), func(c RemoteCertificate) bool {
			return !slices.ContainsFunc(read.Certificates, func(d IssuedCertificate) bool { return d.SHA256 == c.SHA256 })
		})
	}
	for _, c := range read.Certificates {
		if err := next.Place(c, remote.Habits.Metadata == "append-all"); err != nil {
			return err
		}
	}
	*remote = next
	return nil
}

// SPKIOf reads a private key as Stytch does, and says which it is.
func SPKIOf(t *testing.T, text string) string {
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
		return SHA256Of(string(spki))
	})
}

func (remote *Remote) sign(t *testing.T, text string) error {
	t.Helper()
	spki := SPKIOf(t, text)
	if slices.Contains(remote.Refuses, spki) {
		return RefusalError("saml_signing_private_key_invalid")
	}
	remote.Made++
	made := RemoteSigningKey{SPKISHA256: spki, SHA256: SHA256Of(spki), PEM: "certificate of " + spki[:8], made: Noon.Add(time.Duration(remote.Made) * time.Second)}
	if !remote.Habits.signingStay {
		remote.Signing = nil
	}
	remote.Signing = append(slices.Clone(remote.Signing), made)
	return nil
}

func (remote *Remote) addKey(t *testing.T, text string) error {
	t.Helper()
	spki := SPKIOf(t, text)
	if slices.Contains(remote.Refuses, spki) {
		return RefusalError("private_key_too_long")
	}
	if len(remote.Keys) >= 5 {
		return RefusalError("too_many_encryption_certificates")
	}
	remote.Keys = append(slices.Clone(remote.Keys), RemoteKey{remote.newID("key"), spki})
	return nil
}

// asSAML is what Stytch shows of a SAML connection, in one of the spellings that it may choose.
func (remote *Remote) asSAML(random *rand.Rand) stytch.SAMLConnection {
	r := remote.Noisy(random).SAML()
	r.ACSURL, r.AudienceURI = "https://api.stytch.com/acs/"+SAMLID, "https://api.stytch.com/audience/"+SAMLID
	for _, c := range remote.Certificates {
		shown := stytch.Certificate{ID: c.ID, SHA256: c.Shown, ExpiresAt: c.Ends, Subject: "CN=okta"}
		if len(remote.Certificates) >= 5 {
			shown.PEM = c.PEM
		}
		r.VerificationCertificates = append(r.VerificationCertificates, shown)
	}
	random.Shuffle(len(r.VerificationCertificates), func(i, j int) {
		list := r.VerificationCertificates
		list[i], list[j] = list[j], list[i]
	})
	for _, s := range slices.Backward(remote.Signing) {
		r.SigningCertificates = append(r.SigningCertificates, stytch.SigningCertificate{SHA256: s.SHA256, SPKISHA256: s.SPKISHA256, PEM: s.PEM, CreatedAt: s.made, ExpiresAt: YearsOn(3)})
	}
	for _, k := range remote.Keys {
		r.EncryptionKeyIDs = append(r.EncryptionKeyIDs, k.ID)
	}
	return r
}

// AsOIDC is what Stytch shows of an OIDC connection.
func (remote *Remote) AsOIDC(random *rand.Rand) stytch.OIDCConnection {
	r := remote.Noisy(random).OIDC()
	if remote.Habits.SecretIs == "masked" {
		r.ClientSecretMasked = r.ClientSecretSHA256 != ""
	}
	if remote.Habits.SecretIs != "shown" {
		r.ClientSecretSHA256 = ""
	}
	return r
}

// ErrLost says that the process was lost.
var ErrLost = errors.New("lost")

// Stage is a manifest and its connection, and what makes the moves of their convergence, as a pass of the operator does.
type Stage[O v1alpha1.Connection, R any] struct {
	Kind   connection.Kind[O, R]
	Held   O // the manifest as the API server holds it
	Own    O // the pass's copy of it
	Remote *Remote
	Shows  func() R
	Inputs func() connection.Inputs
	// lose says, before a request is made, what becomes of it: "" it is answered, "unsent" or "unanswered": the process is lost
	// before or after it takes effect, "unkept": it is lost after that and before it writes into the Secret what was answered,
	// "late": the process is lost and the request takes effect later.
	Lose func(connection.Step) string
	Late []connection.Step
	// vague says that Stytch does not say why it refuses something.
	Vague bool
	// watch is called after each request.
	Watch func(connection.Step)
	Log   []connection.Step // of the last pass
	// told is what happened so far, for a failing test.
	Told []string
}

// Outcome is how a pass ended, and what was left to do and to say then.
type Outcome struct {
	Plan     []connection.Step
	Stuck    []v1alpha1.NotConverging
	Problems []connection.Problem
	Err      error
}

func CopyOf[O v1alpha1.Connection](o O) O { return o.DeepCopyObject().(O) }

// nobody holds a connection.
func nobody(string) string { return "" }

// Pass takes a pass, and compares what it left with what was to be.
func (s *Stage[O, R]) Pass(t *testing.T) Outcome {
	t.Helper()
	return s.outcome(s.Converge(t))
}

// Passed is how a pass ended, what it reports, and what it read of the connection last.
type Passed[R any] struct {
	end    error
	report connection.Report
	shown  R
}

// Converge makes the moves of a pass.
func (s *Stage[O, R]) Converge(t *testing.T) Passed[R] {
	t.Helper()
	var p Passed[R]
	o := CopyOf(s.Held)
	s.Own, s.Log = o, nil
	id := connection.Identity{Verdict: connection.Ours, ID: o.CommonStatus().ConnectionID}
	c := connection.Converge(s.Kind, o, id, nobody, Noon)
	listed := Noon.Add(-time.Minute) // by an earlier pass
	var move connection.Move
	for move.End == nil {
		if move.Fresh {
			listed = Noon
		}
		if move.Step == nil {
			in := s.Inputs()
			in.ID = id.ID
			p.shown = s.Shows()
			move = c.Next(p.shown, listed, in, Noon)
			continue
		}
		if move.WriteAhead {
			s.Held = CopyOf(o)
		}
		warning, err := s.request(t, *move.Step)
		switch {
		case errors.Is(err, ErrLost):
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
	s.Held = CopyOf(o)
	return p
}

// refusal is the answer of Stytch that says no.
func (s *Stage[O, R]) refusal(err error) error {
	if s.Vague {
		return Rejection("of_a_passing_kind")
	}
	return Rejection(err.Error())
}

func Rejection(errorType string) *stytch.Error {
	return &stytch.Error{Request: stytch.Request{Operation: "Update", StatusCode: 400, ErrorType: errorType}, Class: stytch.Rejected}
}

func (s *Stage[O, R]) outcome(p Passed[R]) Outcome {
	if refused, is := errors.AsType[*stytch.Error](p.end); is {
		return Outcome{Stuck: p.report.NotConverging, Err: RefusalError(refused.ErrorType)}
	}
	if _, found := errors.AsType[connection.Finding](p.end); !found {
		return Outcome{Err: p.end}
	}
	plan, problems := PlanFor(s.Kind, CopyOf(s.Held), p.shown, s.Inputs())
	return Outcome{Plan: plan, Stuck: p.report.NotConverging, Problems: problems}
}

func (s *Stage[O, R]) request(t *testing.T, step connection.Step) (warning string, err error) {
	t.Helper()
	fate := ""
	if s.Lose != nil {
		fate = s.Lose(step)
	}
	s.Told = append(s.Told, fmt.Sprintf("at %v: %s %s", s.Remote.Certificates, Story([]connection.Step{step}), fate))
	switch fate {
	case "late":
		s.Late = append(s.Late, step)
		return "", ErrLost
	case "unsent":
		return "", ErrLost
	}
	s.Log = append(s.Log, step)
	defer func() {
		if t.Failed() {
			t.Log(strings.Join(s.Told, "\n"))
		}
	}()
	secret := s.Remote.Secret
	warning, err = s.Remote.Take(t, step)
	if fate == "unkept" {
		s.Remote.Secret = secret
	}
	if s.Watch != nil && err == nil {
		s.Watch(step)
	}
	if fate != "" {
		return "", ErrLost
	}
	return warning, err
}

// Settle runs passes until one takes no step, and fails the test where that does not come soon, or where a further pass
// changes the manifest's status.
func (s *Stage[O, R]) Settle(t *testing.T) Outcome {
	t.Helper()
	for range 4 {
		last := s.Converge(t)
		if len(s.Log) > 0 {
			continue
		}
		out := s.outcome(last)
		before := s.Held
		for range 2 {
			s.Converge(t)
			if len(s.Log) > 0 || !reflect.DeepEqual(s.Held, before) && !equality.Semantic.DeepEqual(s.Held, before) { // the first is faster
				t.Fatalf("a quiet pass took %q and turned %s into %s", Story(s.Log), InJSON(t, before), InJSON(t, s.Held))
			}
		}
		return out
	}
	out := s.Pass(t)
	if out.Err == nil {
		t.Fatalf("still at work after four passes: %s: %s", Story(s.Log), InJSON(t, s.Held))
	}
	return out
}

// words of a list of problems, for a failing test.
func ProblemWords(problems []connection.Problem) string {
	var said []string
	for _, p := range problems {
		said = append(said, p.Reason+": "+p.Message)
	}
	return strings.Join(said, " | ")
}

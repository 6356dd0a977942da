package saml_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	mathrand "math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/details"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// wantKey reads a signing key from a Secret.
func wantKey(text string) (connection.State, []connection.Problem) {
	o := SAMLManifest()
	o.Spec.SigningPrivateKeyRef = &v1alpha1.SecretKeyRef{Name: "signing", Key: "tls.key"}
	return WantOf(saml.Kind(), o, SAMLID, Holding(SecretOf("signing", map[string]string{"tls.key": text})))
}

func TestAnRSAKeyIsReadHoweverItIsWrittenAndSentAsPKCS1(t *testing.T) {
	p := KeyPairs()[0]
	for name, text := range map[string]string{
		"PKCS#1": p.PKCS1, "PKCS#8": p.PKCS8, "PKCS#8 with CRLF": strings.ReplaceAll(p.PKCS8, "\n", "\r\n"),
		"PKCS#1 with white space around": "\n \t" + p.PKCS1 + "\n\n", "PKCS#8 without the last line break": strings.TrimSpace(p.PKCS8),
	} {
		t.Run(name, func(t *testing.T) {
			want, problems := wantKey(text)
			Same(t, "problems", problems, []connection.Problem(nil))
			Same(t, "the key", want.Signing, []connection.Key{{SPKISHA256: p.SPKISHA256, Private: stytch.Secret(p.PKCS1), Where: "spec.signingPrivateKeyRef"}})
			Same(t, "what is sent", Revealed(PlanOf(want, connection.State{})[0].Fields())["signing_private_key"], any(p.PKCS1))
		})
	}
}

func TestAKeyThatStytchDoesNotTakeIsRefusedWithTheReason(t *testing.T) {
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 := func(key any) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return PEMBlock("PRIVATE KEY", der)
	}
	sec1, err := x509.MarshalECPrivateKey(elliptical)
	if err != nil {
		t.Fatal(err)
	}
	p := KeyPairs()[0]
	spki, err := x509.MarshalPKIXPublicKey(&p.Key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	legacy := string(pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,0102"}, Bytes: []byte(strings.Repeat("secret", 20)),
	}))
	for _, test := range []struct{ name, text, says string }{
		{"an EC key", PEMBlock("EC PRIVATE KEY", sec1), "contains a PEM block of type \"EC PRIVATE KEY\". Stytch accepts only RSA private keys"},
		{"an EC key in PKCS#8", pkcs8(elliptical), "contains a key that is not RSA. Stytch accepts only RSA private keys"},
		{"an Ed25519 key", pkcs8(edwards), "contains a key that is not RSA"},
		{"an OpenSSH key", PEMBlock("OPENSSH PRIVATE KEY", sec1), "contains a PEM block of type \"OPENSSH PRIVATE KEY\""},
		{"a key with a passphrase", PEMBlock("ENCRYPTED PRIVATE KEY", sec1), "encrypted with a passphrase"},
		{"a key with a passphrase, as OpenSSL used to write it", legacy, "encrypted with a passphrase"},
		{"a public key", PEMBlock("PUBLIC KEY", spki), "contains a PEM block of type \"PUBLIC KEY\", not a private key"},
		{"a certificate", CertificatePool()[0].PEM, "contains a PEM block of type \"CERTIFICATE\", not a private key"},
		{"two keys", p.PKCS1 + KeyPairs()[1].PKCS1, "contains more than one PEM block"},
		{"a key and its certificate", p.PKCS8 + CertificatePool()[0].PEM, "contains more than one PEM block"},
		{"a broken PKCS#1 key", PEMBlock("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(p.Key)[:200]), "contains an RSA key that cannot be read"},
		{"a broken PKCS#8 key", PEMBlock("PRIVATE KEY", spki), "contains an RSA key that cannot be read"},
		{"nothing between the lines", PEMBlock("PRIVATE KEY", nil), "contains an RSA key that cannot be read"},
		{"base64 alone", strings.Join(KeyMaterial(p.PKCS1), "\n"), "is not PEM"},
		{"text around it", "the key:\n" + p.PKCS1, "contains text outside its PEM"},
		{"text behind it", p.PKCS1 + "that was it", "contains text outside its PEM"},
		{"no end", strings.Split(p.PKCS1, "-----END")[0], "contains an incomplete or damaged PEM block"},
		{"everything on one line", strings.ReplaceAll(p.PKCS1, "\n", ""), "contains an incomplete or damaged PEM block"},
		{"a line that is no base64", strings.Replace(p.PKCS1, "\n", "\n!!!\n", 1), "contains an incomplete or damaged PEM block"},
	} {
		t.Run(test.name, func(t *testing.T) {
			want, problems := wantKey(test.text)
			if len(problems) != 1 || problems[0].Reason != v1alpha1.ReasonInvalid || problems[0].Halts {
				t.Fatalf("the problems are %s, want one that is Invalid", ProblemWords(problems))
			}
			Contains(t, problems[0].Message, "spec.signingPrivateKeyRef (Secret signing, key \"tls.key\") ", test.says)
			Lacks(t, problems[0].Message, KeyMaterial(test.text)...)
			Same(t, "the keys", want.Signing, []connection.Key(nil))
			if !strings.HasSuffix(problems[0].Message, ".") || strings.HasSuffix(problems[0].Message, "..") {
				t.Errorf("%q does not end well", problems[0].Message)
			}
		})
	}
}

func TestAKeyThatIsMissingIsSaid(t *testing.T) {
	o := SAMLManifest()
	o.Spec.SigningPrivateKeyRef = &v1alpha1.SecretKeyRef{Name: "signing", Key: "tls.key"}
	o.Spec.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{{Name: "enc", Key: "a"}, {Name: "enc", Key: "b"}}
	in := Holding(SecretOf("enc", map[string]string{"a": KeyPairs()[0].PKCS1, "b": "  "}))
	in.Secrets["signing"] = nil
	plan, problems := PlanFor(saml.Kind(), o, SAMLRemote(), in)
	Same(t, "the plan", Story(plan), "+"+KeyPairs()[0].SPKISHA256)
	reason, message := connection.Worst(problems)
	Same(t, "the reason", reason, v1alpha1.ReasonInputMissing)
	Contains(t, message, "Secret signing, referenced by spec.signingPrivateKeyRef, does not exist in this namespace",
		"Secret enc has no value for the key \"b\". Add it, or fix spec.encryptionPrivateKeyRefs[1].key")
}

func TestTheSigningKeyIsComparedWithTheNewestSigningCertificates(t *testing.T) {
	mine := connection.Key{SPKISHA256: "mine", Private: "private"}
	certificate := func(spki string, minutes int) stytch.SigningCertificate {
		return stytch.SigningCertificate{SHA256: "of " + spki, SPKISHA256: spki, PEM: "pem of " + spki, CreatedAt: Noon.Add(time.Duration(minutes) * time.Minute)}
	}
	for _, test := range []struct {
		name string
		want []connection.Key
		have []stytch.SigningCertificate // the newest first
		sent string
		was  string
	}{
		{"nothing where no key is wanted", nil, []stytch.SigningCertificate{certificate("theirs", 0)}, "", ""},
		{"nothing where it signs with it", []connection.Key{mine}, []stytch.SigningCertificate{certificate("mine", 0)}, "", ""},
		{"nothing where it is the newest", []connection.Key{mine}, []stytch.SigningCertificate{certificate("mine", 5), certificate("theirs", 0)}, "", ""},
		{"the key where it is not the newest", []connection.Key{mine}, []stytch.SigningCertificate{certificate("theirs", 5), certificate("mine", 0)}, "mine", "theirs"},
		{"the key where it is not there", []connection.Key{mine}, []stytch.SigningCertificate{certificate("theirs", 0)}, "mine", "theirs"},
		{"the key where there is none", []connection.Key{mine}, nil, "mine", ""},
		{"nothing where several are as new and it is among them", []connection.Key{mine}, []stytch.SigningCertificate{certificate("theirs", 5), certificate("mine", 5), certificate("old", 0)}, "", ""},
		{"the key where several are as new and it is not among them", []connection.Key{mine}, []stytch.SigningCertificate{certificate("a", 5), certificate("b", 5), certificate("mine", 0)}, "mine", "a b"},
		{"the key where the newest cannot be read", []connection.Key{mine}, []stytch.SigningCertificate{certificate("", 5), certificate("mine", 0)}, "mine", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := SAMLRemote()
			r.SigningCertificates = test.have
			want, have, _ := StatesOf(saml.Kind(), SAMLManifest(), r, connection.Inputs{})
			want.Signing = test.want
			plan := PlanOf(want, have)
			if test.sent == "" {
				NoSteps(t, plan)
				return
			}
			Same(t, "what is shown", connection.Show(plan), []v1alpha1.Change{{Field: "signing_private_key", Have: test.was, Want: test.sent}})
			Same(t, "the action", plan[0].Action, connection.Update)
		})
	}
}

func TestASigningKeyGoesOutWithTheSettingsAndTheDetailsFollowIt(t *testing.T) {
	want := connection.State{
		Settings: connection.Settings{"idp_entity_id": connection.Text("urn:x")}, Signing: []connection.Key{{SPKISHA256: "mine", Private: "private"}},
		Details: map[string]string{"acs-url": "https://old"}, Certificates: WantedCertificates("a", "b"), Now: Noon,
	}
	have := connection.State{Details: map[string]string{"acs-url": "https://new"}, Certificates: CertificatesAtStytch("x:1:1")}
	Same(t, "the plan", Story(PlanOf(want, have)), "idp_entity_id&signing_private_key&+a +b -1 PublishDetails")
	want.Signing = nil
	Same(t, "the plan without a key", Story(PlanOf(want, have)), "PublishDetails idp_entity_id&+a +b -1")
}

func TestASigningKeyThatStytchDoesNotShowIsSentOnce(t *testing.T) {
	r := newRollover(mathrand.New(mathrand.NewSource(1)))
	r.Held.Spec.SigningPrivateKeyRef = new(r.beside.Key(r.random, KeyPairs()[0]))
	shows := r.Shows
	r.Shows = func() stytch.SAMLConnection {
		c := shows()
		c.SigningCertificates = nil
		return c
	}
	sent, out := r.Sends(t)
	Same(t, "how often it is sent", strings.Count(sent, "signing_private_key"), 1)
	Same(t, "what is stuck", out.Stuck[0].Field, "signing_private_key")
}

func TestASigningKeyIsNotSentWhileOneMayBeOnItsWay(t *testing.T) {
	for _, test := range []struct {
		name, story string
		sent        time.Duration // before now
		have        []connection.Key
	}{
		{"that was sent just now", "", 0, nil},
		{"whose doubt is almost over", "", 90*time.Second - 1, nil},
		{"whose doubt is over", "signing_private_key", 90 * time.Second, nil},
		{"while Stytch signs with another", "", time.Second, []connection.Key{{SPKISHA256: "other"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := connection.State{Signing: []connection.Key{{SPKISHA256: "mine", Private: "private"}}, SigningSentAt: Noon.Add(-test.sent), Now: Noon, Settle: connection.SettleTime}
			Same(t, "the plan", Story(PlanOf(want, connection.State{Signing: test.have})), test.story)
		})
	}
}

func TestTheDoubtAboutASigningKeyEndsWithAnAnswerTheKeyOrTime(t *testing.T) {
	kind := saml.Kind()
	kind.Settle = 3 * time.Second
	o, step := SAMLManifest(), connection.Step{Action: connection.Update, Changes: []connection.Change{{Field: "signing_private_key", Want: connection.Value{Same: "mine"}}}}
	want := connection.State{Signing: []connection.Key{{SPKISHA256: "mine"}}, SigningSentAt: Noon, Now: Noon.Add(32 * time.Second), Settle: kind.Settle}
	over := want
	over.Now = Noon.Add(33 * time.Second)
	for _, test := range []struct {
		name  string
		event connection.Event[stytch.SAMLConnection]
		due   time.Time
	}{
		{"as long as nobody knows", connection.Event[stytch.SAMLConnection]{Type: connection.Compared, Want: want, Remote: SAMLRemote()}, Noon.Add(33 * time.Second)},
		{"when it was accepted", connection.Event[stytch.SAMLConnection]{Type: connection.StepDone, Step: &step}, time.Time{}},
		{"when it was refused", connection.Event[stytch.SAMLConnection]{Type: connection.StepFailed, Step: &step}, time.Time{}},
		{"when it is too late", connection.Event[stytch.SAMLConnection]{Type: connection.Compared, Want: over, Remote: SAMLRemote()}, time.Time{}},
		{"when Stytch signs with it", connection.Event[stytch.SAMLConnection]{Type: connection.Compared, Want: want, Remote: stytch.SAMLConnection{
			SigningCertificates: []stytch.SigningCertificate{{SPKISHA256: "mine"}},
		}}, time.Time{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			Begins(kind, o, SAMLRemote(), step, Noon)
			Same(t, "until when it is in doubt", kind.DueAt(o), Noon.Add(33*time.Second))
			kind.Note(o, test.event)
			Same(t, "until when it is in doubt then", kind.DueAt(o), test.due)
		})
	}
}

// held are keys at Stytch, and which of them were added through the manifest.
func keysAt(ids string, ours map[string]string) (*connection.Encryption, *connection.Encryption) {
	return &connection.Encryption{Ours: ours}, &connection.Encryption{IDs: strings.Fields(ids)}
}

func keysNamed(names string) []connection.Key {
	var keys []connection.Key
	for name := range strings.FieldsSeq(names) {
		keys = append(keys, connection.Key{SPKISHA256: name, Private: stytch.Secret("private " + name)})
	}
	return keys
}

func TestEncryptionKeysAreAddedBeforeOursAreRemovedAndForeignOnesStay(t *testing.T) {
	for _, test := range []struct {
		name       string
		want       string // fingerprints
		ours       map[string]string
		have       string // IDs
		incomplete bool
		story      string
	}{
		{"nothing where all are there", "a b", map[string]string{"1": "a", "2": "b"}, "1 2", false, ""},
		{"the first", "a b", nil, "", false, "+a +b"},
		{"beside foreign ones, which stay", "a", nil, "x y", false, "+a"},
		{"a new one before the old one goes", "b", map[string]string{"1": "a"}, "1", false, "+b -1"},
		{"ours where none is wanted, and foreign ones stay", "", map[string]string{"1": "a", "2": "b"}, "1 2 x", false, "-1 -2"},
		{"one that is gone once more", "a", map[string]string{"1": "a"}, "x", false, "+a"},
		{"one that is gone and unwanted is gone", "", map[string]string{"1": "a"}, "x", false, ""},
		{"a second copy goes", "a", map[string]string{"1": "a", "2": "a"}, "1 2", false, "-2"},
		{"the copy that is left counts", "a", map[string]string{"1": "a", "2": "a"}, "2", false, ""},
		{"five slots taken free one of ours first", "c d", map[string]string{"1": "a", "2": "b"}, "1 2 x y z", false, "-1 +c +d -2"},
		{"five slots taken by others leave no place for one", "a", nil, "v w x y z", false, ""},
		{"five slots taken and nothing new free none early", "a", map[string]string{"1": "a", "2": "b"}, "1 2 x y z", false, "-2"},
		{"where one could not be read none goes", "b", map[string]string{"1": "a"}, "1", true, "+b"},
		{"where one could not be read no slot is freed", "b", map[string]string{"1": "a"}, "1 w x y z", true, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			want, have := keysAt(test.have, test.ours)
			want.Keys, want.Incomplete = keysNamed(test.want), test.incomplete
			before := InJSON(t, []any{want, have})
			plan := PlanOf(connection.State{Encryption: want}, connection.State{Encryption: have})
			Same(t, "the plan", Story(plan), test.story)
			Same(t, "the states after it", InJSON(t, []any{want, have}), before)
			for _, s := range plan {
				if s.Action == saml.AddEncryptionKey {
					Same(t, "the body", s.Fields(), stytch.Fields{"saml_encryption_private_key": stytch.Secret("private " + s.Changes[0].Want.Same)})
				}
			}
		})
	}
	_, have := keysAt("1", nil)
	NoSteps(t, PlanOf(connection.State{}, connection.State{Encryption: have}))
	want, _ := keysAt("", nil)
	want.Keys = keysNamed("a")
	Same(t, "the plan where there is no connection yet", Story(PlanOf(connection.State{Encryption: want}, connection.State{New: true})), "+a")
}

func TestThatThereIsNoPlaceForAnEncryptionKeyIsSaid(t *testing.T) {
	r := encrypting(KeyPairs()[0])
	for i := range 5 {
		r.Remote.Keys = append(r.Remote.Keys, RemoteKey{ID: fmt.Sprintf("foreign-%d", i), SPKISHA256: "x"})
	}
	sent, out := r.Sends(t)
	Same(t, "what is sent", sent, "")
	if len(out.Problems) != 1 || out.Problems[0].Reason != v1alpha1.ReasonRejected || out.Problems[0].Halts {
		t.Fatalf("the problems are %s", ProblemWords(out.Problems))
	}
	Contains(t, out.Problems[0].Message, "allows 5 encryption keys", "In Stytch, delete an unused key")
}

func TestNoEncryptionKeyIsRemovedWhileAWantedOneIsWithheld(t *testing.T) {
	want, have := keysAt("1", map[string]string{"1": "a"})
	want.Keys = keysNamed("b")
	plan := PlanOf(connection.State{Encryption: want}, connection.State{Encryption: have})
	stuck := connection.Repeated(plan[0], plan)
	Same(t, "what is stuck", len(stuck), 1)
	left, _ := connection.Withhold(plan, stuck)
	Same(t, "what is left", Story(left), "")
}

func TestAPlanShowsKeysByTheirPublicHalf(t *testing.T) {
	o := SAMLManifest()
	p := KeyPairs()[0]
	o.Spec.SigningPrivateKeyRef = &v1alpha1.SecretKeyRef{Name: "keys", Key: "a"}
	o.Spec.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{{Name: "keys", Key: "b"}}
	o.Status.EncryptionKeys = []v1alpha1.EncryptionKeyStatus{{PrivateKeyID: "old", SPKISHA256: "oldspki"}}
	r := SAMLRemote()
	r.EncryptionKeyIDs = []string{"old"}
	plan, _ := PlanFor(saml.Kind(), o, r, Holding(SecretOf("keys", map[string]string{"a": p.PKCS8, "b": KeyPairs()[1].PKCS1})))
	said := InJSON(t, plan) + InJSON(t, connection.Show(plan)) + connection.Names(plan)
	var sentences []string
	for _, s := range plan {
		sentences = append(sentences, s.Sentence())
	}
	Same(t, "the sentences", sentences, []string{
		`signing_private_key: "" → "` + p.SPKISHA256 + `"`, "saml_encryption_private_key: added " + KeyPairs()[1].SPKISHA256, "encryption_private_keys: removed oldspki",
	})
	Lacks(t, said+strings.Join(sentences, ""), append(KeyMaterial(p.PKCS1), append(KeyMaterial(p.PKCS8), append(KeyMaterial(KeyPairs()[1].PKCS1), "PRIVATE KEY-")...)...)...)
}

// encrypting is a rollover whose manifest names encryption keys.
func encrypting(keys ...KeyPair) *rollover {
	r := newRollover(mathrand.New(mathrand.NewSource(1)))
	r.Remote.Certificates, r.Remote.Keys = nil, nil
	r.Held.Spec.DisplayName = ""
	r.Remote.DisplayName = "by hand"
	r.asks(keys...)
	return r
}

func (r *rollover) asks(keys ...KeyPair) {
	r.Held.Spec.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{}
	for _, p := range keys {
		r.Held.Spec.EncryptionPrivateKeyRefs = append(r.Held.Spec.EncryptionPrivateKeyRefs, r.beside.Key(r.random, p))
	}
}

func TestAnEncryptionKeyIsRememberedByTheIDThatAppeared(t *testing.T) {
	a, b := KeyPairs()[0], KeyPairs()[1]
	r := encrypting(a, b)
	r.Remote.Keys = []RemoteKey{{ID: "foreign", SPKISHA256: "x"}}
	sent, out := r.Sends(t)
	Same(t, "what is sent", sent, "+"+a.SPKISHA256+" +"+b.SPKISHA256)
	r.Equal(t, 0, out)
	Same(t, "what is remembered", r.Held.Status.EncryptionKeys, []v1alpha1.EncryptionKeyStatus{
		{PrivateKeyID: r.Remote.Keys[1].ID, SPKISHA256: a.SPKISHA256}, {PrivateKeyID: r.Remote.Keys[2].ID, SPKISHA256: b.SPKISHA256},
	})
	Same(t, "what is being added", r.Held.Status.AddingEncryptionKey, (*v1alpha1.AddingEncryptionKeyStatus)(nil))

	first := r.Remote.Keys[1].ID
	r.asks(b)
	sent, _ = r.Sends(t)
	Same(t, "what an unwanted one costs", sent, "-"+first)
	r.asks()
	r.Sends(t)
	Same(t, "the keys at the end", r.Remote.Keys, []RemoteKey{{ID: "foreign", SPKISHA256: "x"}})
	Same(t, "what is remembered at the end", len(r.Held.Status.EncryptionKeys), 0)

	r.Held.Spec.EncryptionPrivateKeyRefs = nil
	sent, _ = r.Sends(t)
	Same(t, "what is sent where they are not managed", sent, "")
}

func TestBeforeAnEncryptionKeyIsAddedThoseThatAreThereAreNoted(t *testing.T) {
	o := SAMLManifest()
	kind := saml.Kind()
	add := func(spki string) connection.Step {
		return connection.Step{Action: saml.AddEncryptionKey, Changes: []connection.Change{{Field: "saml_encryption_private_key", Want: connection.Value{Same: spki}}}}
	}
	r := SAMLRemote()
	r.EncryptionKeyIDs = []string{"x"}
	Same(t, "whether it is written down", Begins(kind, o, r, add("a"), Noon), true)
	Same(t, "what is", o.Status.AddingEncryptionKey, &v1alpha1.AddingEncryptionKeyStatus{SPKISHA256: "a", PresentKeyIDs: []string{"x"}, SentAt: at(Noon)})
	r.EncryptionKeyIDs = []string{"x", "y"}
	later := Noon.Add(time.Hour)
	Same(t, "whether it is again, of the same key", Begins(kind, o, r, add("a"), later), true)
	Same(t, "what stands of the attempt before, beside the time", o.Status.AddingEncryptionKey, &v1alpha1.AddingEncryptionKeyStatus{SPKISHA256: "a", PresentKeyIDs: []string{"x"}, SentAt: at(later)})
	Same(t, "whether it is, of another key", Begins(kind, o, r, add("b"), Noon), true)
	Same(t, "what is then", o.Status.AddingEncryptionKey, &v1alpha1.AddingEncryptionKeyStatus{SPKISHA256: "b", PresentKeyIDs: []string{"x", "y"}, SentAt: at(Noon)})
	for _, action := range []connection.Action{connection.Update, saml.ReadMetadata, saml.DeleteEncryptionKey, details.Publish} {
		step := add("c")
		step.Action = action
		Same(t, "whether anything is, of "+action.Name, Begins(kind, o, r, step, Noon), false)
	}
}

func TestAnEncryptionKeyIsAddedOnceThoughTheProcessIsLost(t *testing.T) {
	for _, test := range []struct {
		fate         string
		doubt        bool
		sent, settle string // what is sent while it may yet take effect, and after
	}{
		{"unsent", true, "", "+a"}, {"unanswered", false, "", ""}, {"late", true, "", ""},
	} {
		t.Run(test.fate, func(t *testing.T) {
			a := KeyPairs()[0]
			r := encrypting(a)
			r.Lose = func(connection.Step) string { return test.fate }
			r.Pass(t)
			r.Lose = nil
			sent, out := r.Sends(t)
			Same(t, "what is sent at once", strings.ReplaceAll(sent, a.SPKISHA256, "a"), test.sent)
			reason, _ := connection.Worst(out.Problems)
			Same(t, "whether that is said", reason == v1alpha1.ReasonUnavailable, test.doubt)
			r.arrive(t)
			r.doubtPasses()
			sent, out = r.Sends(t)
			Same(t, "what is sent after the doubt", strings.ReplaceAll(sent, a.SPKISHA256, "a"), test.settle)
			r.Equal(t, 0, out)
			Same(t, "the keys", len(r.Remote.Keys), 1)
			Same(t, "what is remembered", r.Held.Status.EncryptionKeys, []v1alpha1.EncryptionKeyStatus{{PrivateKeyID: r.Remote.Keys[0].ID, SPKISHA256: a.SPKISHA256}})
		})
	}
}

// doubtPasses lets the time pass in which a request that adds a key may yet take effect.
func (r *rollover) doubtPasses() {
	if adding := r.Held.Status.AddingEncryptionKey; adding != nil && adding.SentAt != nil {
		adding.SentAt = at(Noon.Add(-90 * time.Second))
	}
	if r.Held.Status.SigningKeySentAt != nil {
		r.Held.Status.SigningKeySentAt = at(Noon.Add(-90 * time.Second))
	}
}

func TestAnotherEncryptionKeyIsNotAddedWhileOneMayAppear(t *testing.T) {
	a, b := KeyPairs()[0], KeyPairs()[1]
	r := encrypting(a)
	r.Lose = func(connection.Step) string { return "late" }
	r.Pass(t)
	r.Lose = nil
	r.asks(b)
	sent, _ := r.Sends(t)
	Same(t, "what is sent while the first may appear", sent, "")
	r.arrive(t)
	sent, out := r.Sends(t)
	Contains(t, sent, "+"+b.SPKISHA256)
	r.Equal(t, 0, out)
	Same(t, "the keys", len(r.Remote.Keys), 1)
}

func TestARequestThatCertainlyDidNotHappenLeavesNoDoubt(t *testing.T) {
	o := SAMLManifest()
	step := connection.Step{Action: saml.AddEncryptionKey, Changes: []connection.Change{{Field: "saml_encryption_private_key", Want: connection.Value{Same: "a"}}}}
	Begins(saml.Kind(), o, SAMLRemote(), step, Noon)
	Same(t, "until when it is in doubt", saml.Kind().DueAt(o), Noon.Add(90*time.Second))
	saml.Kind().Note(o, connection.Event[stytch.SAMLConnection]{Type: connection.StepFailed, Step: &step, Now: Noon})
	Same(t, "until when it is in doubt then", saml.Kind().DueAt(o), time.Time{})
	Same(t, "what is noted", o.Status.AddingEncryptionKey, &v1alpha1.AddingEncryptionKeyStatus{SPKISHA256: "a"})
}

func TestTwoEncryptionKeysThatAppearTogetherAreAConflictAndLeftAlone(t *testing.T) {
	a, b := KeyPairs()[0], KeyPairs()[1]
	r := encrypting(a)
	r.Lose = func(connection.Step) string { return "late" }
	r.Pass(t)
	r.Lose = nil
	r.Remote.Keys = append(r.Remote.Keys, RemoteKey{ID: "by-hand", SPKISHA256: "x"})
	r.arrive(t)
	r.asks(a, b)
	sent, out := r.Sends(t)
	Same(t, "what is sent", sent, "")
	if len(out.Problems) != 1 || out.Problems[0].Reason != v1alpha1.ReasonConflict {
		t.Fatalf("the problems are %s", ProblemWords(out.Problems))
	}
	Contains(t, out.Problems[0].Message, "by-hand, "+r.Remote.Keys[1].ID, "Delete the keys that you do not need in Stytch")

	r.Remote.Keys = slices.DeleteFunc(r.Remote.Keys, func(k RemoteKey) bool { return k.ID == "by-hand" })
	sent, out = r.Sends(t)
	Same(t, "what is sent once one is left", sent, "+"+b.SPKISHA256)
	r.Equal(t, 0, out)
}

func TestAnEncryptionKeyThatWasRefusedOrIsNotWantedAnyMoreIsNotTakenForAnothers(t *testing.T) {
	a := KeyPairs()[0]
	t.Run("refused", func(t *testing.T) {
		r := encrypting(a)
		r.Remote.Refuses = []string{a.SPKISHA256}
		Same(t, "the refusal", r.Pass(t).Err, error(RefusalError("private_key_too_long")))
		r.Remote.Keys = append(r.Remote.Keys, RemoteKey{ID: "by-hand", SPKISHA256: "x"})
		r.asks()
		sent, _ := r.Sends(t)
		Same(t, "what is sent", sent, "")
		Same(t, "what is remembered", len(r.Held.Status.EncryptionKeys), 0)
	})
	t.Run("not wanted any more", func(t *testing.T) {
		r := encrypting(a)
		r.Lose = func(connection.Step) string { return "unsent" }
		r.Pass(t)
		r.Lose = nil
		r.asks()
		r.doubtPasses()
		r.Sends(t)
		r.Remote.Keys = append(r.Remote.Keys, RemoteKey{ID: "by-hand", SPKISHA256: "x"})
		sent, _ := r.Sends(t)
		Same(t, "what is sent", sent, "")
		Same(t, "what is remembered", len(r.Held.Status.EncryptionKeys), 0)
	})
	t.Run("not managed any more", func(t *testing.T) {
		r := encrypting(a)
		r.Lose = func(connection.Step) string { return "unsent" }
		r.Pass(t)
		r.Lose = nil
		r.Held.Spec.EncryptionPrivateKeyRefs = nil
		r.doubtPasses()
		r.Sends(t)
		Same(t, "what is being added", r.Held.Status.AddingEncryptionKey, (*v1alpha1.AddingEncryptionKeyStatus)(nil))
	})
	t.Run("not readable just now", func(t *testing.T) {
		r := encrypting(a)
		r.Lose = func(connection.Step) string { return "late" }
		r.Pass(t)
		r.Lose = nil
		kept := r.beside.Secrets
		r.beside.Secrets = map[string]*corev1.Secret{}
		r.Sends(t)
		r.beside.Secrets = kept
		r.arrive(t)
		sent, out := r.Sends(t)
		Same(t, "what is sent", sent, "")
		r.Equal(t, 0, out)
		Same(t, "the keys", len(r.Remote.Keys), 1)
	})
}

func TestEncryptionKeysEndAsWantedThoughRequestsAreRefusedAndProcessesAreLost(t *testing.T) {
	t.Parallel()
	for seed := range int64(250) {
		random := mathrand.New(mathrand.NewSource(seed))
		r := newRollover(random)
		foreign := Among(random, []RemoteKey{{ID: "foreign-1", SPKISHA256: "x"}, {ID: "foreign-2", SPKISHA256: "y"}}, 0, 2)
		r.Remote.Keys = slices.Clone(foreign)
		r.Watch = func(step connection.Step) {
			if strings.HasPrefix(step.Target, "foreign") {
				t.Fatalf("seed %d: the key %s of somebody else is removed", seed, step.Target)
			}
		}
		for range 4 {
			r.asks(Among(random, KeyPairs(), 0, 3)...)
			r.Lose = r.fates()
			for range random.Intn(6) {
				r.Converge(t)
			}
			r.Lose = nil
			r.arrive(t)
			r.doubtPasses()
			out := r.Settle(t)
			if reason, _ := connection.Worst(out.Problems); reason == v1alpha1.ReasonConflict {
				r.tidies()
				out = r.Settle(t)
			}
			if reason, _ := connection.Worst(out.Problems); reason == v1alpha1.ReasonRejected && len(r.Remote.Keys) == 5 {
				r.Remote.Keys = slices.Clone(foreign) // copies that came late, and that nobody knows any more, took the slots
				out = r.Settle(t)
			}
			r.Equal(t, seed, out)
			r.checkKeys(t, seed, foreign)
		}
	}
}

// tidies deletes, as the message asks for, all but one of the keys that appeared together.
func (r *rollover) tidies() {
	present := r.Held.Status.AddingEncryptionKey.PresentKeyIDs
	spki := r.Held.Status.AddingEncryptionKey.SPKISHA256
	found := false
	r.Remote.Keys = slices.DeleteFunc(slices.Clone(r.Remote.Keys), func(k RemoteKey) bool {
		if slices.Contains(present, k.ID) {
			return false
		}
		keep := k.SPKISHA256 == spki && !found
		found = found || keep
		return !keep
	})
}

// checkKeys compares the keys with the manifest: each wanted one is there, and what is remembered is true.
func (r *rollover) checkKeys(t *testing.T, seed int64, foreign []RemoteKey) {
	t.Helper()
	desired, _ := WantOf(r.Kind, CopyOf(r.Held), SAMLID, r.Inputs())
	for _, k := range desired.Encryption.Keys {
		if !slices.ContainsFunc(r.Remote.Keys, func(h RemoteKey) bool { return h.SPKISHA256 == k.SPKISHA256 }) {
			t.Fatalf("seed %d: the key %s is not there: %v", seed, k.SPKISHA256, r.Remote.Keys)
		}
	}
	for _, known := range r.Held.Status.EncryptionKeys {
		if !slices.Contains(r.Remote.Keys, RemoteKey{ID: known.PrivateKeyID, SPKISHA256: known.SPKISHA256}) {
			t.Fatalf("seed %d: status says %v and there are %v", seed, known, r.Remote.Keys)
		}
	}
	for _, k := range foreign {
		if !slices.Contains(r.Remote.Keys, k) {
			t.Fatalf("seed %d: the foreign key %s is gone", seed, k.ID)
		}
	}
}

// at is a time as status has it.
func at(t time.Time) *metav1.Time { return new(metav1.NewTime(t)) }

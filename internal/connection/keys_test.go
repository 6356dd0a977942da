package connection_test

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

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/details"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// wantKey reads a signing key from a Secret.
func wantKey(text string) (connection.State, []connection.Problem) {
	o := samlManifest()
	o.Spec.SigningPrivateKeyRef = &v1alpha1.SecretKeyRef{Name: "signing", Key: "tls.key"}
	return wantOf(saml.Kind(), o, samlID, holding(secretOf("signing", map[string]string{"tls.key": text})))
}

func TestAnRSAKeyIsReadHoweverItIsWrittenAndSentAsPKCS1(t *testing.T) {
	p := pairs()[0]
	for name, text := range map[string]string{
		"PKCS#1": p.pkcs1, "PKCS#8": p.pkcs8, "PKCS#8 with CRLF": strings.ReplaceAll(p.pkcs8, "\n", "\r\n"),
		"PKCS#1 with white space around": "\n \t" + p.pkcs1 + "\n\n", "PKCS#8 without the last line break": strings.TrimSpace(p.pkcs8),
	} {
		t.Run(name, func(t *testing.T) {
			want, problems := wantKey(text)
			same(t, "problems", problems, []connection.Problem(nil))
			same(t, "the key", want.Signing, []connection.Key{{SPKISHA256: p.spki, Private: stytch.Secret(p.pkcs1)}})
			same(t, "what is sent", revealed(planOf(want, connection.State{})[0].Fields())["signing_private_key"], any(p.pkcs1))
		})
	}
}

// keyMaterial is what no message may hold of a text: any longer run of its base64.
func keyMaterial(text string) []string {
	var parts []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); len(line) >= 24 && !strings.Contains(line, "-----") {
			parts = append(parts, line[:24], line[len(line)-20:])
		}
	}
	return parts
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
		return block("PRIVATE KEY", der)
	}
	sec1, err := x509.MarshalECPrivateKey(elliptical)
	if err != nil {
		t.Fatal(err)
	}
	p := pairs()[0]
	spki, err := x509.MarshalPKIXPublicKey(&p.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	legacy := string(pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,0102"}, Bytes: []byte(strings.Repeat("secret", 20)),
	}))
	for _, test := range []struct{ name, text, says string }{
		{"an EC key", block("EC PRIVATE KEY", sec1), "contains a PEM block of type \"EC PRIVATE KEY\". Stytch accepts only RSA private keys"},
		{"an EC key in PKCS#8", pkcs8(elliptical), "contains a key that is not RSA. Stytch accepts only RSA private keys"},
		{"an Ed25519 key", pkcs8(edwards), "contains a key that is not RSA"},
		{"an OpenSSH key", block("OPENSSH PRIVATE KEY", sec1), "contains a PEM block of type \"OPENSSH PRIVATE KEY\""},
		{"a key with a passphrase", block("ENCRYPTED PRIVATE KEY", sec1), "encrypted with a passphrase"},
		{"a key with a passphrase, as OpenSSL used to write it", legacy, "encrypted with a passphrase"},
		{"a public key", block("PUBLIC KEY", spki), "contains a PEM block of type \"PUBLIC KEY\", not a private key"},
		{"a certificate", pool()[0].pem, "contains a PEM block of type \"CERTIFICATE\", not a private key"},
		{"two keys", p.pkcs1 + pairs()[1].pkcs1, "contains more than one PEM block"},
		{"a key and its certificate", p.pkcs8 + pool()[0].pem, "contains more than one PEM block"},
		{"a broken PKCS#1 key", block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(p.key)[:200]), "contains an RSA key that cannot be read"},
		{"a broken PKCS#8 key", block("PRIVATE KEY", spki), "contains an RSA key that cannot be read"},
		{"nothing between the lines", block("PRIVATE KEY", nil), "contains an RSA key that cannot be read"},
		{"base64 alone", strings.Join(keyMaterial(p.pkcs1), "\n"), "is not PEM"},
		{"text around it", "the key:\n" + p.pkcs1, "contains text outside its PEM"},
		{"text behind it", p.pkcs1 + "that was it", "contains text outside its PEM"},
		{"no end", strings.Split(p.pkcs1, "-----END")[0], "contains an incomplete or damaged PEM block"},
		{"everything on one line", strings.ReplaceAll(p.pkcs1, "\n", ""), "contains an incomplete or damaged PEM block"},
		{"a line that is no base64", strings.Replace(p.pkcs1, "\n", "\n!!!\n", 1), "contains an incomplete or damaged PEM block"},
	} {
		t.Run(test.name, func(t *testing.T) {
			want, problems := wantKey(test.text)
			if len(problems) != 1 || problems[0].Reason != v1alpha1.ReasonInvalid || problems[0].Halts {
				t.Fatalf("the problems are %s, want one that is Invalid", problemWords(problems))
			}
			contains(t, problems[0].Message, "spec.signingPrivateKeyRef (Secret signing, key \"tls.key\") ", test.says)
			lacks(t, problems[0].Message, keyMaterial(test.text)...)
			same(t, "the keys", want.Signing, []connection.Key(nil))
			if !strings.HasSuffix(problems[0].Message, ".") || strings.HasSuffix(problems[0].Message, "..") {
				t.Errorf("%q does not end well", problems[0].Message)
			}
		})
	}
}

func TestAKeyThatIsMissingIsSaid(t *testing.T) {
	o := samlManifest()
	o.Spec.SigningPrivateKeyRef = &v1alpha1.SecretKeyRef{Name: "signing", Key: "tls.key"}
	o.Spec.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{{Name: "enc", Key: "a"}, {Name: "enc", Key: "b"}}
	in := holding(secretOf("enc", map[string]string{"a": pairs()[0].pkcs1, "b": "  "}))
	in.Secrets["signing"] = nil
	plan, problems := planFor(saml.Kind(), o, samlRemote(), in)
	same(t, "the plan", story(plan), "+"+pairs()[0].spki)
	reason, message := connection.Worst(problems)
	same(t, "the reason", reason, v1alpha1.ReasonInputMissing)
	contains(t, message, "Secret signing, referenced by spec.signingPrivateKeyRef, does not exist in this namespace",
		"Secret enc has no value for the key \"b\". Add it, or fix spec.encryptionPrivateKeyRefs[1].key")
}

func TestTheSigningKeyIsComparedWithTheNewestSigningCertificates(t *testing.T) {
	mine := connection.Key{SPKISHA256: "mine", Private: "private"}
	certificate := func(spki string, minutes int) stytch.SigningCertificate {
		return stytch.SigningCertificate{SHA256: "of " + spki, SPKISHA256: spki, PEM: "pem of " + spki, CreatedAt: noon.Add(time.Duration(minutes) * time.Minute)}
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
			r := samlRemote()
			r.SigningCertificates = test.have
			want, have, _ := statesOf(saml.Kind(), samlManifest(), r, connection.Inputs{})
			want.Signing = test.want
			plan := planOf(want, have)
			if test.sent == "" {
				noSteps(t, plan)
				return
			}
			same(t, "what is shown", connection.Show(plan), []v1alpha1.Change{{Field: "signing_private_key", Have: test.was, Want: test.sent}})
			same(t, "the action", plan[0].Action, connection.Update)
		})
	}
}

func TestASigningKeyGoesOutWithTheSettingsAndTheDetailsFollowIt(t *testing.T) {
	want := connection.State{
		Settings: connection.Settings{"idp_entity_id": connection.Text("urn:x")}, Signing: []connection.Key{{SPKISHA256: "mine", Private: "private"}},
		Details: map[string]string{"acs-url": "https://old"}, Certificates: wanted("a", "b"), Now: noon,
	}
	have := connection.State{Details: map[string]string{"acs-url": "https://new"}, Certificates: certificates("x:1:1")}
	same(t, "the plan", story(planOf(want, have)), "idp_entity_id&signing_private_key&+a +b -1 PublishDetails")
	want.Signing = nil
	same(t, "the plan without a key", story(planOf(want, have)), "PublishDetails idp_entity_id&+a +b -1")
}

func TestASigningKeyThatStytchDoesNotShowIsSentOnce(t *testing.T) {
	r := newRollover(mathrand.New(mathrand.NewSource(1)))
	r.held.Spec.SigningPrivateKeyRef = new(r.beside.key(r.random, pairs()[0]))
	shows := r.shows
	r.shows = func() stytch.SAMLConnection {
		c := shows()
		c.SigningCertificates = nil
		return c
	}
	sent, out := r.sends(t)
	same(t, "how often it is sent", strings.Count(sent, "signing_private_key"), 1)
	same(t, "what is stuck", out.stuck[0].Field, "signing_private_key")
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
			before := inJSON(t, []any{want, have})
			plan := planOf(connection.State{Encryption: want}, connection.State{Encryption: have})
			same(t, "the plan", story(plan), test.story)
			same(t, "the states after it", inJSON(t, []any{want, have}), before)
			for _, s := range plan {
				if s.Action == saml.AddEncryptionKey {
					same(t, "the body", s.Fields(), stytch.Fields{"saml_encryption_private_key": stytch.Secret("private " + s.Changes[0].Want.Same)})
				}
			}
		})
	}
	_, have := keysAt("1", nil)
	noSteps(t, planOf(connection.State{}, connection.State{Encryption: have}))
	want, _ := keysAt("", nil)
	want.Keys = keysNamed("a")
	same(t, "the plan where there is no connection yet", story(planOf(connection.State{Encryption: want}, connection.State{New: true})), "+a")
}

func TestThatThereIsNoPlaceForAnEncryptionKeyIsSaid(t *testing.T) {
	r := encrypting(pairs()[0])
	for i := range 5 {
		r.far.keys = append(r.far.keys, farKey{fmt.Sprintf("foreign-%d", i), "x"})
	}
	sent, out := r.sends(t)
	same(t, "what is sent", sent, "")
	if len(out.problems) != 1 || out.problems[0].Reason != v1alpha1.ReasonRejected || out.problems[0].Halts {
		t.Fatalf("the problems are %s", problemWords(out.problems))
	}
	contains(t, out.problems[0].Message, "allows 5 encryption keys", "In Stytch, delete an unused key")
}

func TestNoEncryptionKeyIsRemovedWhileAWantedOneIsWithheld(t *testing.T) {
	want, have := keysAt("1", map[string]string{"1": "a"})
	want.Keys = keysNamed("b")
	plan := planOf(connection.State{Encryption: want}, connection.State{Encryption: have})
	stuck := connection.Repeated(plan[0], plan)
	same(t, "what is stuck", len(stuck), 1)
	left, _ := connection.Withhold(plan, stuck)
	same(t, "what is left", story(left), "")
}

func TestAPlanShowsKeysByTheirPublicHalf(t *testing.T) {
	o := samlManifest()
	p := pairs()[0]
	o.Spec.SigningPrivateKeyRef = &v1alpha1.SecretKeyRef{Name: "keys", Key: "a"}
	o.Spec.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{{Name: "keys", Key: "b"}}
	o.Status.EncryptionKeys = []v1alpha1.EncryptionKeyStatus{{PrivateKeyID: "old", SPKISHA256: "oldspki"}}
	r := samlRemote()
	r.EncryptionKeyIDs = []string{"old"}
	plan, _ := planFor(saml.Kind(), o, r, holding(secretOf("keys", map[string]string{"a": p.pkcs8, "b": pairs()[1].pkcs1})))
	said := inJSON(t, plan) + inJSON(t, connection.Show(plan)) + connection.Names(plan)
	var sentences []string
	for _, s := range plan {
		sentences = append(sentences, s.Sentence())
	}
	same(t, "the sentences", sentences, []string{
		`signing_private_key: "" → "` + p.spki + `"`, "saml_encryption_private_key: added " + pairs()[1].spki, "encryption_private_keys: removed oldspki",
	})
	lacks(t, said+strings.Join(sentences, ""), append(keyMaterial(p.pkcs1), append(keyMaterial(p.pkcs8), append(keyMaterial(pairs()[1].pkcs1), "PRIVATE KEY-")...)...)...)
}

// encrypting is a rollover whose manifest names encryption keys.
func encrypting(keys ...pair) *rollover {
	r := newRollover(mathrand.New(mathrand.NewSource(1)))
	r.far.certificates, r.far.keys = nil, nil
	r.held.Spec.DisplayName = ""
	r.far.DisplayName = "by hand"
	r.asks(keys...)
	return r
}

func (r *rollover) asks(keys ...pair) {
	r.held.Spec.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{}
	for _, p := range keys {
		r.held.Spec.EncryptionPrivateKeyRefs = append(r.held.Spec.EncryptionPrivateKeyRefs, r.beside.key(r.random, p))
	}
}

func TestAnEncryptionKeyIsRememberedByTheIDThatAppeared(t *testing.T) {
	a, b := pairs()[0], pairs()[1]
	r := encrypting(a, b)
	r.far.keys = []farKey{{"foreign", "x"}}
	sent, out := r.sends(t)
	same(t, "what is sent", sent, "+"+a.spki+" +"+b.spki)
	r.equal(t, 0, out)
	same(t, "what is remembered", r.held.Status.EncryptionKeys, []v1alpha1.EncryptionKeyStatus{
		{PrivateKeyID: r.far.keys[1].id, SPKISHA256: a.spki}, {PrivateKeyID: r.far.keys[2].id, SPKISHA256: b.spki},
	})
	same(t, "what is being added", r.held.Status.AddingEncryptionKey, (*v1alpha1.AddingEncryptionKeyStatus)(nil))

	first := r.far.keys[1].id
	r.asks(b)
	sent, _ = r.sends(t)
	same(t, "what an unwanted one costs", sent, "-"+first)
	r.asks()
	r.sends(t)
	same(t, "the keys at the end", r.far.keys, []farKey{{"foreign", "x"}})
	same(t, "what is remembered at the end", len(r.held.Status.EncryptionKeys), 0)

	r.held.Spec.EncryptionPrivateKeyRefs = nil
	sent, _ = r.sends(t)
	same(t, "what is sent where they are not managed", sent, "")
}

func TestBeforeAnEncryptionKeyIsAddedThoseThatAreThereAreNoted(t *testing.T) {
	o := samlManifest()
	kind := saml.Kind()
	add := func(spki string) connection.Step {
		return connection.Step{Action: saml.AddEncryptionKey, Changes: []connection.Change{{Field: "saml_encryption_private_key", Want: connection.Value{Same: spki}}}}
	}
	r := samlRemote()
	r.EncryptionKeyIDs = []string{"x"}
	same(t, "whether it is written down", begins(kind, o, r, add("a"), noon), true)
	same(t, "what is", o.Status.AddingEncryptionKey, &v1alpha1.AddingEncryptionKeyStatus{SPKISHA256: "a", PresentKeyIDs: []string{"x"}, SentAt: at(noon)})
	r.EncryptionKeyIDs = []string{"x", "y"}
	later := noon.Add(time.Hour)
	same(t, "whether it is again, of the same key", begins(kind, o, r, add("a"), later), true)
	same(t, "what stands of the attempt before, beside the time", o.Status.AddingEncryptionKey, &v1alpha1.AddingEncryptionKeyStatus{SPKISHA256: "a", PresentKeyIDs: []string{"x"}, SentAt: at(later)})
	same(t, "whether it is, of another key", begins(kind, o, r, add("b"), noon), true)
	same(t, "what is then", o.Status.AddingEncryptionKey, &v1alpha1.AddingEncryptionKeyStatus{SPKISHA256: "b", PresentKeyIDs: []string{"x", "y"}, SentAt: at(noon)})
	for _, action := range []connection.Action{connection.Update, saml.ReadMetadata, saml.DeleteEncryptionKey, details.Publish} {
		step := add("c")
		step.Action = action
		same(t, "whether anything is, of "+action.Name, begins(kind, o, r, step, noon), false)
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
			a := pairs()[0]
			r := encrypting(a)
			r.lose = func(connection.Step) string { return test.fate }
			r.pass(t)
			r.lose = nil
			sent, out := r.sends(t)
			same(t, "what is sent at once", strings.ReplaceAll(sent, a.spki, "a"), test.sent)
			reason, _ := connection.Worst(out.problems)
			same(t, "whether that is said", reason == v1alpha1.ReasonUnavailable, test.doubt)
			r.arrive(t)
			r.doubtPasses()
			sent, out = r.sends(t)
			same(t, "what is sent after the doubt", strings.ReplaceAll(sent, a.spki, "a"), test.settle)
			r.equal(t, 0, out)
			same(t, "the keys", len(r.far.keys), 1)
			same(t, "what is remembered", r.held.Status.EncryptionKeys, []v1alpha1.EncryptionKeyStatus{{PrivateKeyID: r.far.keys[0].id, SPKISHA256: a.spki}})
		})
	}
}

// doubtPasses lets the time pass in which a request that adds a key may yet take effect.
func (r *rollover) doubtPasses() {
	if adding := r.held.Status.AddingEncryptionKey; adding != nil && adding.SentAt != nil {
		adding.SentAt = at(noon.Add(-90 * time.Second))
	}
}

func TestAnotherEncryptionKeyIsNotAddedWhileOneMayAppear(t *testing.T) {
	a, b := pairs()[0], pairs()[1]
	r := encrypting(a)
	r.lose = func(connection.Step) string { return "late" }
	r.pass(t)
	r.lose = nil
	r.asks(b)
	sent, _ := r.sends(t)
	same(t, "what is sent while the first may appear", sent, "")
	r.arrive(t)
	sent, out := r.sends(t)
	contains(t, sent, "+"+b.spki)
	r.equal(t, 0, out)
	same(t, "the keys", len(r.far.keys), 1)
}

func TestARequestThatCertainlyDidNotHappenLeavesNoDoubt(t *testing.T) {
	o := samlManifest()
	step := connection.Step{Action: saml.AddEncryptionKey, Changes: []connection.Change{{Field: "saml_encryption_private_key", Want: connection.Value{Same: "a"}}}}
	begins(saml.Kind(), o, samlRemote(), step, noon)
	same(t, "until when it is in doubt", saml.Kind().DueAt(o), noon.Add(90*time.Second))
	saml.Kind().Note(o, connection.Event[stytch.SAMLConnection]{Type: connection.StepFailed, Step: &step, Now: noon})
	same(t, "until when it is in doubt then", saml.Kind().DueAt(o), time.Time{})
	same(t, "what is noted", o.Status.AddingEncryptionKey, &v1alpha1.AddingEncryptionKeyStatus{SPKISHA256: "a"})
}

func TestTwoEncryptionKeysThatAppearTogetherAreAConflictAndLeftAlone(t *testing.T) {
	a, b := pairs()[0], pairs()[1]
	r := encrypting(a)
	r.lose = func(connection.Step) string { return "late" }
	r.pass(t)
	r.lose = nil
	r.far.keys = append(r.far.keys, farKey{"by-hand", "x"})
	r.arrive(t)
	r.asks(a, b)
	sent, out := r.sends(t)
	same(t, "what is sent", sent, "")
	if len(out.problems) != 1 || out.problems[0].Reason != v1alpha1.ReasonConflict {
		t.Fatalf("the problems are %s", problemWords(out.problems))
	}
	contains(t, out.problems[0].Message, "by-hand, "+r.far.keys[1].id, "Delete the keys that you do not need in Stytch")

	r.far.keys = slices.DeleteFunc(r.far.keys, func(k farKey) bool { return k.id == "by-hand" })
	sent, out = r.sends(t)
	same(t, "what is sent once one is left", sent, "+"+b.spki)
	r.equal(t, 0, out)
}

func TestAnEncryptionKeyThatWasRefusedOrIsNotWantedAnyMoreIsNotTakenForAnothers(t *testing.T) {
	a := pairs()[0]
	t.Run("refused", func(t *testing.T) {
		r := encrypting(a)
		r.far.refuses = []string{a.spki}
		same(t, "the refusal", r.pass(t).err, error(refusal("private_key_too_long")))
		r.far.keys = append(r.far.keys, farKey{"by-hand", "x"})
		r.asks()
		sent, _ := r.sends(t)
		same(t, "what is sent", sent, "")
		same(t, "what is remembered", len(r.held.Status.EncryptionKeys), 0)
	})
	t.Run("not wanted any more", func(t *testing.T) {
		r := encrypting(a)
		r.lose = func(connection.Step) string { return "unsent" }
		r.pass(t)
		r.lose = nil
		r.asks()
		r.doubtPasses()
		r.sends(t)
		r.far.keys = append(r.far.keys, farKey{"by-hand", "x"})
		sent, _ := r.sends(t)
		same(t, "what is sent", sent, "")
		same(t, "what is remembered", len(r.held.Status.EncryptionKeys), 0)
	})
	t.Run("not managed any more", func(t *testing.T) {
		r := encrypting(a)
		r.lose = func(connection.Step) string { return "unsent" }
		r.pass(t)
		r.lose = nil
		r.held.Spec.EncryptionPrivateKeyRefs = nil
		r.doubtPasses()
		r.sends(t)
		same(t, "what is being added", r.held.Status.AddingEncryptionKey, (*v1alpha1.AddingEncryptionKeyStatus)(nil))
	})
	t.Run("not readable just now", func(t *testing.T) {
		r := encrypting(a)
		r.lose = func(connection.Step) string { return "late" }
		r.pass(t)
		r.lose = nil
		kept := r.beside.secrets
		r.beside.secrets = map[string]*corev1.Secret{}
		r.sends(t)
		r.beside.secrets = kept
		r.arrive(t)
		sent, out := r.sends(t)
		same(t, "what is sent", sent, "")
		r.equal(t, 0, out)
		same(t, "the keys", len(r.far.keys), 1)
	})
}

func TestEncryptionKeysEndAsWantedThoughRequestsAreRefusedAndProcessesAreLost(t *testing.T) {
	t.Parallel()
	for seed := range int64(250) {
		random := mathrand.New(mathrand.NewSource(seed))
		r := newRollover(random)
		foreign := among(random, []farKey{{"foreign-1", "x"}, {"foreign-2", "y"}}, 0, 2)
		r.far.keys = slices.Clone(foreign)
		r.watch = func(step connection.Step) {
			if strings.HasPrefix(step.Target, "foreign") {
				t.Fatalf("seed %d: the key %s of somebody else is removed", seed, step.Target)
			}
		}
		for range 4 {
			r.asks(among(random, pairs(), 0, 3)...)
			r.lose = r.fates()
			for range random.Intn(6) {
				r.converge(t)
			}
			r.lose = nil
			r.arrive(t)
			r.doubtPasses()
			out := r.settle(t)
			if reason, _ := connection.Worst(out.problems); reason == v1alpha1.ReasonConflict {
				r.tidies()
				out = r.settle(t)
			}
			if reason, _ := connection.Worst(out.problems); reason == v1alpha1.ReasonRejected && len(r.far.keys) == 5 {
				r.far.keys = slices.Clone(foreign) // copies that came late, and that nobody knows any more, took the slots
				out = r.settle(t)
			}
			r.equal(t, seed, out)
			r.checkKeys(t, seed, foreign)
		}
	}
}

// tidies deletes, as the message asks for, all but one of the keys that appeared together.
func (r *rollover) tidies() {
	present := r.held.Status.AddingEncryptionKey.PresentKeyIDs
	spki := r.held.Status.AddingEncryptionKey.SPKISHA256
	found := false
	r.far.keys = slices.DeleteFunc(slices.Clone(r.far.keys), func(k farKey) bool {
		if slices.Contains(present, k.id) {
			return false
		}
		keep := k.spki == spki && !found
		found = found || keep
		return !keep
	})
}

// checkKeys compares the keys with the manifest: each wanted one is there, and what is remembered is true.
func (r *rollover) checkKeys(t *testing.T, seed int64, foreign []farKey) {
	t.Helper()
	desired, _ := wantOf(r.kind, copyOf(r.held), samlID, r.inputs())
	for _, k := range desired.Encryption.Keys {
		if !slices.ContainsFunc(r.far.keys, func(h farKey) bool { return h.spki == k.SPKISHA256 }) {
			t.Fatalf("seed %d: the key %s is not there: %v", seed, k.SPKISHA256, r.far.keys)
		}
	}
	for _, known := range r.held.Status.EncryptionKeys {
		if !slices.Contains(r.far.keys, farKey{known.PrivateKeyID, known.SPKISHA256}) {
			t.Fatalf("seed %d: status says %v and there are %v", seed, known, r.far.keys)
		}
	}
	for _, k := range foreign {
		if !slices.Contains(r.far.keys, k) {
			t.Fatalf("seed %d: the foreign key %s is gone", seed, k.id)
		}
	}
}

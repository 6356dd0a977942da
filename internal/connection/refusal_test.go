package connection_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// facet is one topic of a kind, as somebody edits it, as somebody changes it at Stytch, and as Stytch refuses it.
type facet struct {
	name   string
	edit   func()        // the manifest gives another value
	drift  func()        // somebody changes it at Stytch
	refuse func() string // Stytch refuses the value that the manifest gives; what the refusal has to name
	met    func() bool   // Stytch has what the manifest gives
}

// refusable is a connection in sync, and the topics of its kind.
type refusable struct {
	facets []facet
	pass   func() error // takes a pass, and returns how it ended
	edited func()       // begins another generation
	apply  func()       // this generation was applied
	split  func()       // the last pass of this generation ended Rejected
	sent   func() []connection.Step
	first  func() *connection.Remote // reads the connection, and reports what a pass would that cannot send anything
	denies func(func(connection.Step) []stytch.Right)
}

// settle takes passes until nothing is sent any more.
func (r refusable) settle() {
	for _ = r.pass(); len(r.sent()) > 0; {
		_ = r.pass()
	}
}

// refusableOf is a stage with its facets.
func refusableOf[O v1alpha1.Connection, R any](t *testing.T, s *Stage[O, R], facets ...facet) refusable {
	t.Helper()
	return refusable{
		facets: facets,
		pass:   func() error { return s.Converge(t).End() },
		edited: func() { s.Held.SetGeneration(s.Held.GetGeneration() + 1) },
		apply:  func() { s.Held.CommonStatus().AppliedGeneration = s.Held.GetGeneration() },
		split: func() {
			s.Held.CommonStatus().Conditions = []metav1.Condition{{
				Type: v1alpha1.ConditionSynced, Reason: v1alpha1.ReasonRejected, ObservedGeneration: s.Held.GetGeneration(),
			}}
		},
		sent:   func() []connection.Step { return s.Log },
		denies: func(lacks func(connection.Step) []stytch.Right) { s.Denies = lacks },
		first: func() *connection.Remote {
			o := CopyOf(s.Held)
			c := connection.Converge(s.Kind, o, connection.Identity{ID: o.CommonStatus().ConnectionID}, nobodyElse, Noon)
			c.Next(s.Shows(), Noon, s.Inputs(), Noon)
			return c.Report(connection.Report{}).Remote
		},
	}
}

// setting is the facet of one field.
func setting(f *Remote, field string, edit, drift func(), met func() bool) facet {
	return facet{field, edit, drift, func() string { f.Refuses = append(f.Refuses, field); return field }, met}
}

func refusableSAML(t *testing.T) refusable {
	t.Helper()
	random := rand.New(rand.NewSource(1))
	certificates, keys := CertificatePool()[:3], KeyPairs()
	f := AnyRemote(random)
	f.Habits = Habits{SecretIs: "shown"}
	f.Refuses = nil
	r, beside := NewSAML(random, f)
	spec := &r.Held.Spec
	inline := func(list ...IssuedCertificate) (entries []v1alpha1.VerificationCertificate) {
		for _, c := range list {
			entries = append(entries, v1alpha1.VerificationCertificate{PEM: c.PEM})
		}
		return entries
	}
	key := func(p KeyPair) v1alpha1.SecretKeyRef {
		name := "key-" + p.SPKISHA256[:8]
		return v1alpha1.SecretKeyRef{Name: name, Key: beside.Put(connection.KindSecret, name, p.PKCS1)}
	}
	entity := "urn:first"
	spec.IDPEntityID, spec.IDPSSOURL, spec.AttributeMapping = entity, "https://first", map[string]v1alpha1.Attribute{"email": "mail", "full_name": "name"}
	spec.VerificationCertificates = inline(certificates[0])
	spec.NameIDFormat = new("urn:format")
	spec.SigningPrivateKeyRef = new(key(keys[0]))
	spec.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{key(keys[1])}
	holds := func(c IssuedCertificate) bool {
		return slices.ContainsFunc(f.Certificates, func(h RemoteCertificate) bool { return h.SHA256 == c.SHA256 })
	}
	wanted, signing, encryption := certificates[0], keys[0], keys[1]
	return refusableOf(t, r,
		facet{
			"certificate",
			func() {
				wanted = certificates[1]
				r.Held.Spec.VerificationCertificates = inline(certificates[0], wanted)
			},
			func() {
				f.Certificates = []RemoteCertificate{{IssuedCertificate: certificates[2], ID: "theirs", Shown: certificates[2].SHA256}}
			},
			func() string { f.Refuses = append(f.Refuses, wanted.SHA256); return "spec.verificationCertificates[1]" },
			func() bool { return holds(wanted) },
		},
		facet{
			"signing key",
			func() { signing = keys[2]; r.Held.Spec.SigningPrivateKeyRef = new(key(signing)) },
			func() { f.Signing = []RemoteSigningKey{{SPKISHA256: keys[5].SPKISHA256}} },
			func() string { f.Refuses = append(f.Refuses, signing.SPKISHA256); return "spec.signingPrivateKeyRef" },
			func() bool { return f.Signing[len(f.Signing)-1].SPKISHA256 == signing.SPKISHA256 },
		},
		facet{
			"encryption key",
			func() {
				encryption = keys[3]
				r.Held.Spec.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{key(encryption)}
			},
			func() { f.Keys = nil },
			func() string {
				f.Refuses = append(f.Refuses, encryption.SPKISHA256)
				return "spec.encryptionPrivateKeyRefs[0]"
			},
			func() bool {
				return slices.ContainsFunc(f.Keys, func(k RemoteKey) bool { return k.SPKISHA256 == encryption.SPKISHA256 })
			},
		},
		setting(f, "idp_sso_url",
			func() { r.Held.Spec.IDPSSOURL = "https://second" }, func() { f.IDPSSOURL = "https://evil" },
			func() bool { return f.IDPSSOURL == r.Held.Spec.IDPSSOURL }),
		setting(f, "attribute_mapping",
			func() {
				r.Held.Spec.AttributeMapping = map[string]v1alpha1.Attribute{"email": "other", "full_name": "name"}
			},
			func() { f.AttributeMapping = map[string]string{"email": "evil"} },
			func() bool { return maps.EqualFunc(f.AttributeMapping, r.Held.Spec.AttributeMapping, isAttribute) }),
		setting(f, "nameid_format",
			func() { r.Held.Spec.NameIDFormat = new("urn:other") }, func() { f.NameIDFormat = "urn:evil" },
			func() bool { return f.NameIDFormat == *r.Held.Spec.NameIDFormat }),
	)
}

func isAttribute(seen string, wanted v1alpha1.Attribute) bool { return seen == string(wanted) }

func refusableOIDC(t *testing.T) refusable {
	t.Helper()
	random := rand.New(rand.NewSource(1))
	s, _ := AnyOIDC(random)
	s.Remote.Habits = Habits{SecretIs: "shown"}
	o := func() *v1alpha1.OIDCConnectionSpec { return &s.Held.Spec }
	o().ClientID, o().CustomScopes, o().AttributeMapping = "first", []string{"openid", "email"}, map[string]v1alpha1.Attribute{"email": "mail"}
	return refusableOf(t, s,
		setting(s.Remote, "client_id", func() { o().ClientID = "second" }, func() { s.Remote.ClientID = "evil" }, func() bool { return s.Remote.ClientID == o().ClientID }),
		setting(s.Remote, "attribute_mapping",
			func() { o().AttributeMapping = map[string]v1alpha1.Attribute{"email": "other"} }, func() { s.Remote.AttributeMapping = nil },
			func() bool { return maps.EqualFunc(s.Remote.AttributeMapping, o().AttributeMapping, isAttribute) }),
		setting(s.Remote, "custom_scopes",
			func() { o().CustomScopes = []string{"openid"} }, func() { s.Remote.Scopes = "openid evil" },
			func() bool { return s.Remote.Scopes == strings.Join(o().CustomScopes, " ") }),
	)
}

func refusableExternal(t *testing.T) refusable {
	t.Helper()
	s := AnyExternal(rand.New(rand.NewSource(1)), true)
	o := func() *v1alpha1.ExternalConnectionSpec { return &s.Held.Spec }
	o().DisplayName, o().ImplicitRoles = "First", []string{"editor"}
	return refusableOf(t, s,
		setting(s.Remote, "external_connection_implicit_role_assignments",
			func() { o().ImplicitRoles = []string{"viewer"} }, func() { s.Remote.ExternalRoles = nil },
			func() bool {
				return len(s.Remote.ExternalRoles) == 1 && s.Remote.ExternalRoles[0].RoleID == o().ImplicitRoles[0]
			}),
		setting(s.Remote, "display_name", func() { o().DisplayName = "Second" }, func() { s.Remote.DisplayName = "Evil" },
			func() bool { return s.Remote.DisplayName == o().DisplayName }),
	)
}

func refusableSCIM(t *testing.T) refusable {
	t.Helper()
	random := rand.New(rand.NewSource(1))
	f := AnyRemote(random)
	f.Token, f.Secret = RemoteToken{LastFour: "wxyz"}, SecretWith(SCIMID, "some-token-wxyz").Secrets["acme-scim"]
	s := NewSCIM(random, f)
	o := func() *v1alpha1.SCIMConnectionSpec { return &s.Held.Spec }
	o().DisplayName, o().GroupImplicitRoles = "First", []v1alpha1.SCIMGroupRole{{GroupID: "g1", Role: "editor"}}
	s.Inputs = func() connection.Inputs {
		return connection.Inputs{Now: Noon, Secrets: map[string]*corev1.Secret{"acme-scim": f.Secret}}
	}
	return refusableOf(t, s,
		setting(f, "scim_group_implicit_role_assignments",
			func() { o().GroupImplicitRoles = []v1alpha1.SCIMGroupRole{{GroupID: "g1", Role: "viewer"}} }, func() { f.SCIMGroups = nil },
			func() bool { return len(f.SCIMGroups) == 1 && f.SCIMGroups[0].RoleID == o().GroupImplicitRoles[0].Role }),
		setting(f, "display_name", func() { o().DisplayName = "Second" }, func() { f.DisplayName = "Evil" },
			func() bool { return f.DisplayName == o().DisplayName }),
	)
}

func TestARefusedValueKeepsNoOtherBack(t *testing.T) {
	t.Parallel()
	for kind, of := range map[string]func(*testing.T) refusable{"SAML": refusableSAML, "OIDC": refusableOIDC, "External": refusableExternal, "SCIM": refusableSCIM} {
		for a := range of(t).facets {
			for b := range of(t).facets {
				for _, how := range []string{"edited", "drifted", "drifted while the refusal stands"} {
					if a == b {
						continue
					}
					r := of(t)
					refused, other := r.facets[a], r.facets[b]
					t.Run(fmt.Sprintf("%s: %s refused, %s %s", kind, refused.name, other.name, how), func(t *testing.T) {
						keepsNothingBack(t, r, refused, other, how)
					})
				}
			}
		}
	}
}

// keepsNothingBack has a value refused, and another one edited in the same manifest or changed at Stytch.
func keepsNothingBack(t *testing.T, r refusable, refused, other facet, how string) {
	t.Helper()
	r.settle()
	r.apply()
	r.edited()
	refused.edit()
	name := refused.refuse()
	switch how {
	case "edited":
		other.edit()
	case "drifted":
		other.drift()
	default:
		_ = r.pass()
		r.split()
		other.drift()
	}
	end, is := errors.AsType[connection.Finding](r.pass())
	if !is || end.Reason != v1alpha1.ReasonRejected || !strings.Contains(end.Message, "Stytch rejected "+name) {
		t.Fatalf("the pass ended with %+v", end)
	}
	waits := refused.name == "certificate" && other.name == "idp_sso_url"
	if refused.met() || other.met() == waits {
		t.Errorf("Stytch has the refused value: %t, and the other: %t; sent: %q", refused.met(), other.met(), Story(r.sent()))
	}
	if waits && !strings.Contains(end.Message, "Not sent until all certificates of the manifest are in Stytch: idp_sso_url.") {
		t.Errorf("the message is %q", end.Message)
	}
	r.split()
	_ = r.pass()
	if sent := r.sent(); len(sent) != 1 || refused.met() {
		t.Errorf("a value that stays refused costs these calls: %q", Story(sent))
	}
}

func TestARefusedCertificateKeepsNoOtherFromBeingAdded(t *testing.T) {
	t.Parallel()
	for at := range 4 {
		t.Run(fmt.Sprintf("the refused one is number %d of 4", at+1), func(t *testing.T) {
			random := rand.New(rand.NewSource(1))
			f := AnyRemote(random)
			f.Habits, f.Certificates = Habits{}, nil
			r, _ := NewSAML(random, f)
			for _, c := range CertificatePool()[:4] {
				r.Held.Spec.VerificationCertificates = append(r.Held.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: c.PEM})
			}
			f.Refuses = []string{CertificatePool()[at].SHA256}
			end, _ := errors.AsType[connection.Finding](r.Converge(t).End())
			Same(t, "how many are there", len(f.Certificates), 3)
			Contains(t, end.Message, fmt.Sprintf("Stytch rejected spec.verificationCertificates[%d] (%s): ", at, CertificatePool()[at].SHA256[:16]))
		})
	}
}

func TestTwoRefusalsInARowThatNameNoFieldEndThePass(t *testing.T) {
	vague := func(errorType string) *stytch.Error { return answerOf(stytch.Rejected, 400, errorType) }
	for _, test := range []struct {
		name          string
		first, second *stytch.Error
		between       bool // a step is accepted between the two
		ends          bool
	}{
		{"the same", vague("bad_request"), vague("bad_request"), false, true},
		{"the same, but not in a row", vague("bad_request"), vague("bad_request"), true, false},
		{"another", vague("bad_request"), vague("conflict"), false, false},
		{"the same, which names the field", vague("invalid_idp_sso_url"), vague("invalid_idp_sso_url"), false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := SAMLManifest()
			o.Generation = 3
			o.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionSynced, Reason: v1alpha1.ReasonRejected, ObservedGeneration: 3}}
			s := &script{}
			c := connection.Converge(s.kind(), o, connection.Identity{ID: foundID}, nobodyElse, Noon)
			s.plan = []connection.Step{{Action: connection.Update, Changes: []connection.Change{
				changeOf("nameid_format", connection.TopicRest, "new"), changeOf("idp_sso_url", connection.TopicEndpoint, "new"),
			}}}
			next := func() connection.Move { return c.Next(glimpse{State: "pending"}, Noon, readInputs, later) }
			Same(t, "the first field", next().Step.Changes[0].Field, "idp_sso_url")
			Same(t, "the move", c.Failed(test.first, Noon), connection.Move{})
			if test.between {
				s.plan = append([]connection.Step{stepOf("Accepted", alone)}, s.plan...)
				Same(t, "the step between", next().Step.Action.Name, "Accepted")
				c.Took("")
				s.plan = s.plan[1:]
			}
			Same(t, "the second field", next().Step.Changes[0].Field, "nameid_format")
			want := connection.Move{}
			if test.ends {
				want.End = test.second
			}
			Same(t, "the move", c.Failed(test.second, Noon), want)
		})
	}
}

func TestReadyIsFalseWhileLoginsGoElsewhereThanTheManifestSays(t *testing.T) {
	waiting := connection.Judge(settled(), 3, connection.Report{Reason: v1alpha1.ReasonThrottled, Message: "Wait.", Remote: active()}, Noon)
	Same(t, "Ready at the first slot that waits", conditionWords(waiting, "Ready"), words("True Active"))
	for _, test := range []struct {
		name   string
		was    v1alpha1.ConnectionStatus
		reason string
		slot   int // minutes after Noon
		want   words
	}{
		{"refused", settled(), v1alpha1.ReasonRejected, 0, "False Rejected"},
		{"not converging", settled(), v1alpha1.ReasonNotConverging, 0, "False NotConverging"},
		{"no permission", settled(), v1alpha1.ReasonPermissionDenied, 0, "False PermissionDenied"},
		{"throttled for the first time", settled(), v1alpha1.ReasonThrottled, 0, "True Active"},
		{"no response for the first time", settled(), v1alpha1.ReasonUnavailable, 0, "True Active"},
		{"throttled again in the same slot", waiting, v1alpha1.ReasonThrottled, 0, "True Active"},
		{"throttled in the next slot", waiting, v1alpha1.ReasonThrottled, 10, "False Throttled"},
		{"no response in the next slot", waiting, v1alpha1.ReasonUnavailable, 10, "False Unavailable"},
		{"repaired", waiting, v1alpha1.ReasonInSync, 10, "True Active"},
		{"observed", settled(), v1alpha1.ReasonPlanPending, 0, "True Active"},
	} {
		t.Run(test.name, func(t *testing.T) {
			slot := Noon.Add(time.Duration(test.slot) * time.Minute)
			status := connection.Judge(test.was, 3, connection.Report{
				Reason: test.reason, Message: "What to do.", Slot: slot, Remote: &connection.Remote{State: "active", Astray: []string{"idp_sso_url"}},
			}, slot.Add(time.Minute))
			Same(t, "Ready", conditionWords(status, "Ready"), test.want)
			if strings.HasPrefix(string(test.want), "False") {
				Contains(t, apimeta.FindStatusCondition(status.Conditions, "Ready").Message, "Stytch differs from the manifest in: idp_sso_url. What to do.")
			}
		})
	}
}

func TestWhatLoginsDependOnIsReportedWhileItDiffers(t *testing.T) {
	for name, want := range map[string]string{
		"certificate": "verification_certificates x509_certificate", "idp_sso_url": "idp_sso_url", "attribute_mapping": "attribute_mapping",
		"nameid_format": "", "signing key": "", "encryption key": "",
	} {
		t.Run(name, func(t *testing.T) {
			r := refusableSAML(t)
			r.settle()
			at := slices.IndexFunc(r.facets, func(f facet) bool { return f.name == name })
			r.facets[at].drift()
			astray := r.first().Astray
			slices.Sort(astray)
			Same(t, "what is reported", strings.Join(astray, " "), want)
		})
	}
}

func TestUnderObserveReadyFollowsStytchWhateverDiffers(t *testing.T) {
	o := SAMLManifest()
	o.Spec.Management, o.Generation = v1alpha1.ManagementObserve, 2
	s := &script{invalid: []connection.Problem{wrong}}
	kind := s.kind()
	kind.Want = func(*v1alpha1.SAMLConnection, connection.Inputs) (connection.State, []connection.Problem) {
		return connection.State{Incomplete: true}, s.invalid
	}
	s.plan = []connection.Step{{Action: connection.Update, Changes: []connection.Change{changeOf("idp_sso_url", connection.TopicEndpoint, "new")}}}
	c := connection.Converge(kind, o, connection.Identity{ID: foundID}, nobodyElse, Noon)
	Same(t, "the end", c.Next(glimpse{State: connection.StateActive}, Noon, readInputs, later), endsWith(v1alpha1.ReasonInvalid, "Wrong."))
	Same(t, "what is reported to be astray", len(c.Report(connection.Report{}).Remote.Astray), 0)
}

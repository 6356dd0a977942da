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
}

// refusableOf is a stage with its facets.
func refusableOf[O v1alpha1.Connection, R any](t *testing.T, s *stage[O, R], facets ...facet) refusable {
	t.Helper()
	return refusable{
		facets: facets,
		pass:   func() error { return s.converge(t).end },
		edited: func() { s.held.SetGeneration(s.held.GetGeneration() + 1) },
		apply:  func() { s.held.CommonStatus().AppliedGeneration = s.held.GetGeneration() },
		split: func() {
			s.held.CommonStatus().Conditions = []metav1.Condition{{
				Type: v1alpha1.ConditionSynced, Reason: v1alpha1.ReasonRejected, ObservedGeneration: s.held.GetGeneration(),
			}}
		},
		sent: func() []connection.Step { return s.log },
		first: func() *connection.Remote {
			o := copyOf(s.held)
			c := connection.Converge(s.kind, o, connection.Identity{ID: o.CommonStatus().ConnectionID}, nobody, noon)
			c.Next(s.shows(), noon, s.inputs(), noon)
			return c.Report(connection.Report{}).Remote
		},
	}
}

// setting is the facet of one field.
func setting(f *far, field string, edit, drift func(), met func() bool) facet {
	return facet{field, edit, drift, func() string { f.refuses = append(f.refuses, field); return field }, met}
}

func refusableSAML(t *testing.T) refusable {
	t.Helper()
	random := rand.New(rand.NewSource(1))
	beside, certificates, keys := newShelf(), pool()[:3], pairs()
	f := wholeFar(random)
	f.habits = habits{secretIs: "shown"}
	f.refuses = nil
	r := rolloverOf(random, f)
	r.inputs = func() connection.Inputs { return beside.inputs(f, r.held) }
	spec := &r.held.Spec
	inline := func(list ...issued) (entries []v1alpha1.VerificationCertificate) {
		for _, c := range list {
			entries = append(entries, v1alpha1.VerificationCertificate{PEM: c.pem})
		}
		return entries
	}
	key := func(p pair) v1alpha1.SecretKeyRef {
		name := "key-" + p.spki[:8]
		return v1alpha1.SecretKeyRef{Name: name, Key: beside.put(connection.KindSecret, name, p.pkcs1)}
	}
	entity := "urn:first"
	spec.IDPEntityID, spec.IDPSSOURL, spec.AttributeMapping = entity, "https://first", map[string]string{"email": "mail", "full_name": "name"}
	spec.VerificationCertificates = inline(certificates[0])
	spec.NameIDFormat = new("urn:format")
	spec.SigningPrivateKeyRef = new(key(keys[0]))
	spec.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{key(keys[1])}
	holds := func(c issued) bool {
		return slices.ContainsFunc(f.certificates, func(h farCertificate) bool { return h.sha256 == c.sha256 })
	}
	wanted, signing, encryption := certificates[0], keys[0], keys[1]
	return refusableOf(t, r.stage,
		facet{
			"certificate",
			func() {
				wanted = certificates[1]
				r.held.Spec.VerificationCertificates = inline(certificates[0], wanted)
			},
			func() { f.certificates = []farCertificate{{certificates[2], "theirs", certificates[2].sha256}} },
			func() string { f.refuses = append(f.refuses, wanted.sha256); return "spec.verificationCertificates[1]" },
			func() bool { return holds(wanted) },
		},
		facet{
			"signing key",
			func() { signing = keys[2]; r.held.Spec.SigningPrivateKeyRef = new(key(signing)) },
			func() { must(t, f.sign(t, keys[5].pkcs1)) },
			func() string { f.refuses = append(f.refuses, signing.spki); return "spec.signingPrivateKeyRef" },
			func() bool { return f.signing[len(f.signing)-1].spki == signing.spki },
		},
		facet{
			"encryption key",
			func() {
				encryption = keys[3]
				r.held.Spec.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{key(encryption)}
			},
			func() { f.keys = nil },
			func() string {
				f.refuses = append(f.refuses, encryption.spki)
				return "spec.encryptionPrivateKeyRefs[0]"
			},
			func() bool {
				return slices.ContainsFunc(f.keys, func(k farKey) bool { return k.spki == encryption.spki })
			},
		},
		setting(f, "idp_sso_url",
			func() { r.held.Spec.IDPSSOURL = "https://second" }, func() { f.IDPSSOURL = "https://evil" },
			func() bool { return f.IDPSSOURL == r.held.Spec.IDPSSOURL }),
		setting(f, "attribute_mapping",
			func() { r.held.Spec.AttributeMapping = map[string]string{"email": "other", "full_name": "name"} },
			func() { f.AttributeMapping = map[string]string{"email": "evil"} },
			func() bool { return maps.Equal(f.AttributeMapping, r.held.Spec.AttributeMapping) }),
		setting(f, "nameid_format",
			func() { r.held.Spec.NameIDFormat = new("urn:other") }, func() { f.NameIDFormat = "urn:evil" },
			func() bool { return f.NameIDFormat == *r.held.Spec.NameIDFormat }),
	)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refusableOIDC(t *testing.T) refusable {
	t.Helper()
	random := rand.New(rand.NewSource(1))
	s, beside := anyOIDC(random)
	s.far.habits = habits{secretIs: "shown"}
	o := func() *v1alpha1.OIDCConnectionSpec { return &s.held.Spec }
	o().ClientID, o().CustomScopes, o().AttributeMapping = "first", []string{"openid", "email"}, map[string]string{"email": "mail"}
	s.inputs = func() connection.Inputs { return beside.inputs(s.far, s.held) }
	return refusableOf(t, s,
		setting(s.far, "client_id", func() { o().ClientID = "second" }, func() { s.far.ClientID = "evil" }, func() bool { return s.far.ClientID == o().ClientID }),
		setting(s.far, "attribute_mapping",
			func() { o().AttributeMapping = map[string]string{"email": "other"} }, func() { s.far.AttributeMapping = nil },
			func() bool { return maps.Equal(s.far.AttributeMapping, o().AttributeMapping) }),
		setting(s.far, "custom_scopes",
			func() { o().CustomScopes = []string{"openid"} }, func() { s.far.Scopes = "openid evil" },
			func() bool { return s.far.Scopes == strings.Join(o().CustomScopes, " ") }),
	)
}

func refusableExternal(t *testing.T) refusable {
	t.Helper()
	s := anyExternal(rand.New(rand.NewSource(1)), true)
	o := func() *v1alpha1.ExternalConnectionSpec { return &s.held.Spec }
	o().DisplayName, o().ImplicitRoles = "First", []string{"editor"}
	return refusableOf(t, s,
		setting(s.far, "external_connection_implicit_role_assignments",
			func() { o().ImplicitRoles = []string{"viewer"} }, func() { s.far.ExternalRoles = nil },
			func() bool {
				return len(s.far.ExternalRoles) == 1 && s.far.ExternalRoles[0].RoleID == o().ImplicitRoles[0]
			}),
		setting(s.far, "display_name", func() { o().DisplayName = "Second" }, func() { s.far.DisplayName = "Evil" },
			func() bool { return s.far.DisplayName == o().DisplayName }),
	)
}

func refusableSCIM(t *testing.T) refusable {
	t.Helper()
	random := rand.New(rand.NewSource(1))
	f := wholeFar(random)
	f.token, f.secret = farToken{lastFour: "wxyz"}, secretWith(scimID, "some-token-wxyz").Secrets["acme-scim"]
	s := newSCIM(random, f)
	o := func() *v1alpha1.SCIMConnectionSpec { return &s.held.Spec }
	o().DisplayName, o().GroupImplicitRoles = "First", []v1alpha1.SCIMGroupRole{{GroupID: "g1", Role: "editor"}}
	s.inputs = func() connection.Inputs {
		return connection.Inputs{Now: noon, Secrets: map[string]*corev1.Secret{"acme-scim": f.secret}}
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
	for r.pass(); len(r.sent()) > 0; {
		r.pass()
	}
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
		r.pass()
		r.split()
		other.drift()
	}
	end, is := errors.AsType[connection.Finding](r.pass())
	if !is || end.Reason != v1alpha1.ReasonRejected || !strings.Contains(end.Message, "Stytch rejected "+name) {
		t.Fatalf("the pass ended with %+v", end)
	}
	waits := refused.name == "certificate" && other.name == "idp_sso_url"
	if refused.met() || other.met() == waits {
		t.Errorf("Stytch has the refused value: %t, and the other: %t; sent: %q", refused.met(), other.met(), story(r.sent()))
	}
	if waits && !strings.Contains(end.Message, "Not sent until all certificates of the manifest are in Stytch: idp_sso_url.") {
		t.Errorf("the message is %q", end.Message)
	}
	r.split()
	r.pass()
	if sent := r.sent(); len(sent) != 1 || refused.met() {
		t.Errorf("a value that stays refused costs these calls: %q", story(sent))
	}
}

func TestARefusedCertificateKeepsNoOtherFromBeingAdded(t *testing.T) {
	t.Parallel()
	for at := range 4 {
		t.Run(fmt.Sprintf("the refused one is number %d of 4", at+1), func(t *testing.T) {
			random := rand.New(rand.NewSource(1))
			f := wholeFar(random)
			f.habits, f.certificates = habits{}, nil
			r := rolloverOf(random, f)
			for _, c := range pool()[:4] {
				r.held.Spec.VerificationCertificates = append(r.held.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: c.pem})
			}
			f.refuses = []string{pool()[at].sha256}
			end, _ := errors.AsType[connection.Finding](r.converge(t).end)
			same(t, "how many are there", len(f.certificates), 3)
			contains(t, end.Message, fmt.Sprintf("Stytch rejected spec.verificationCertificates[%d] (%s): ", at, pool()[at].sha256[:16]))
		})
	}
}

func TestTwoRefusalsInARowThatNameNoFieldEndThePass(t *testing.T) {
	vague := func(errorType string) *stytch.Error { return answerOf(stytch.Rejected, 400, errorType) }
	for _, test := range []struct {
		name          string
		first, second *stytch.Error
		ends          bool
	}{
		{"the same", vague("bad_request"), vague("bad_request"), true},
		{"another", vague("bad_request"), vague("conflict"), false},
		{"the same, which names the field", vague("invalid_idp_sso_url"), vague("invalid_idp_sso_url"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := samlManifest()
			o.Generation = 3
			o.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionSynced, Reason: v1alpha1.ReasonRejected, ObservedGeneration: 3}}
			s := &script{}
			c := connection.Converge(s.kind(), o, connection.Identity{ID: foundID}, nobodyElse, noon)
			s.plan = []connection.Step{{Action: connection.Update, Changes: []connection.Change{
				changeOf("nameid_format", connection.TopicRest, "new"), changeOf("idp_sso_url", connection.TopicEndpoint, "new"),
			}}}
			next := func() connection.Move { return c.Next(glimpse{State: "pending"}, noon, readInputs, later) }
			same(t, "the first field", next().Step.Changes[0].Field, "idp_sso_url")
			same(t, "the move", c.Failed(test.first, noon), connection.Move{})
			same(t, "the second field", next().Step.Changes[0].Field, "nameid_format")
			want := connection.Move{}
			if test.ends {
				want.End = test.second
			}
			same(t, "the move", c.Failed(test.second, noon), want)
		})
	}
}

func TestReadyIsFalseWhileLoginsGoElsewhereThanTheManifestSays(t *testing.T) {
	waiting := connection.Judge(settled(), 3, connection.Report{Reason: v1alpha1.ReasonThrottled, Message: "Wait.", Remote: active()}, noon)
	same(t, "Ready at the first slot that waits", conditionWords(waiting, "Ready"), words("True Active"))
	for _, test := range []struct {
		name   string
		was    v1alpha1.ConnectionStatus
		reason string
		slot   int // minutes after noon
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
			slot := noon.Add(time.Duration(test.slot) * time.Minute)
			status := connection.Judge(test.was, 3, connection.Report{
				Reason: test.reason, Message: "What to do.", Slot: slot, Remote: &connection.Remote{State: "active", Astray: []string{"idp_sso_url"}},
			}, slot.Add(time.Minute))
			same(t, "Ready", conditionWords(status, "Ready"), test.want)
			if strings.HasPrefix(string(test.want), "False") {
				contains(t, apimeta.FindStatusCondition(status.Conditions, "Ready").Message, "Stytch differs from the manifest in: idp_sso_url. What to do.")
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
			for r.pass(); len(r.sent()) > 0; {
				r.pass()
			}
			at := slices.IndexFunc(r.facets, func(f facet) bool { return f.name == name })
			r.facets[at].drift()
			astray := r.first().Astray
			slices.Sort(astray)
			same(t, "what is reported", strings.Join(astray, " "), want)
		})
	}
}

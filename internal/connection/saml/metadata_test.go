package saml_test

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// describing is a manifest that names a metadata document with these certificates, and a connection that has these.
func describing(habit string, document []IssuedCertificate, have ...IssuedCertificate) *rollover {
	r := newRollover(rand.New(rand.NewSource(1)))
	r.Remote.Certificates, r.Remote.Document, r.Remote.Made = nil, document0(), 0
	r.Remote.Habits = Habits{Metadata: habit}
	for _, c := range have {
		_ = r.Remote.Place(c, true)
	}
	r.Held.Spec.MetadataURL = MetadataURLs[0]
	r.reads(document...)
	return r
}

func document0() Document { return Document{DisplayName: "by hand"} }

// reads is what the document says from now on.
func (r *rollover) reads(certificates ...IssuedCertificate) {
	r.Remote.Metadata = map[string]RemoteMetadata{
		MetadataURLs[0]: {EntityID: "urn:a", SSOURL: "https://a", Certificates: certificates},
		MetadataURLs[1]: {EntityID: "urn:b", SSOURL: "https://b", Certificates: MetadataCertificates(1)},
	}
}

// names are certificates by their place in the pool.
func names(list []RemoteCertificate) string {
	var all []string
	for _, c := range list {
		all = append(all, fmt.Sprint(slices.IndexFunc(CertificatePool(), func(p IssuedCertificate) bool { return p.SHA256 == c.SHA256 })))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// taken are the certificates that status records, in the same way.
func (r *rollover) taken() string {
	var list []RemoteCertificate
	for _, sha := range r.Held.Status.FromMetadata.Certificates {
		list = append(list, RemoteCertificate{IssuedCertificate: IssuedCertificate{SHA256: sha}})
	}
	return names(list)
}

func (r *rollover) refreshes(value string) {
	r.Held.Annotations = map[string]string{v1alpha1.AnnotationRefreshMetadata: value}
}

func TestMetadataIsReadOnceUntilItsURLChangesOrARefreshIsAskedFor(t *testing.T) {
	r := describing("append", MetadataCertificates(0))
	step := func(what, want string) {
		t.Helper()
		sent, out := r.Sends(t)
		Same(t, what, sent, want)
		r.Equal(t, 0, out)
	}
	step("at first", "ReadMetadata")
	Same(t, "what is recorded", r.Held.Status.FromMetadata, &v1alpha1.MetadataStatus{
		MetadataURL: MetadataURLs[0], IDPEntityID: "urn:a", IDPSSOURL: "https://a", Certificates: r.Held.Status.FromMetadata.Certificates,
	})
	Same(t, "which certificates", r.taken(), "0 1")
	step("later", "")
	r.Held.Annotations = map[string]string{v1alpha1.AnnotationPrefix + "another": "x"}
	step("with another annotation", "")
	r.refreshes("1")
	step("with a refresh", "ReadMetadata")
	step("with the same refresh", "")
	r.refreshes("2")
	step("with another refresh", "ReadMetadata")
	r.refreshes("")
	step("with an empty one", "ReadMetadata")
	r.Held.Annotations = nil
	step("without it", "")
	r.refreshes("")
	step("with what was asked for before it was taken away", "ReadMetadata")
	r.Held.Annotations = nil
	step("without it again", "")
	r.Held.Spec.ImplicitRoles = []string{"x"}
	step("with another setting", "saml_connection_implicit_role_assignments")
	r.Held.Spec.MetadataURL = MetadataURLs[1]
	sent, out := r.Sends(t)
	r.Equal(t, 0, out)
	Contains(t, sent, "ReadMetadata")
	Same(t, "the entity of another URL", r.Remote.IDPEntityID, "urn:b")
	Same(t, "what is recorded of it", r.taken(), "2 3")
	r.Held.Spec.MetadataURL = ""
	step("without a URL", "")
	Same(t, "what is recorded without a URL", r.Held.Status.FromMetadata, (*v1alpha1.MetadataStatus)(nil))
}

func TestWhatTheMetadataGaveIsWantedFromThenOn(t *testing.T) {
	r := describing("append", MetadataCertificates(0))
	r.Sends(t)
	r.Remote.IDPEntityID, r.Remote.IDPSSOURL = "urn:evil", "https://evil"
	_ = r.Remote.Place(CertificatePool()[5], false)
	sent, out := r.Sends(t)
	Same(t, "what repairs it", sent, "idp_entity_id&idp_sso_url -"+r.newest())
	r.Equal(t, 0, out)
	Same(t, "the certificates", names(r.Remote.Certificates), "0 1")

	r.Remote.Certificates = r.Remote.Certificates[1:]
	sent, out = r.Sends(t)
	Same(t, "what brings back one that was removed", sent, "ReadMetadata")
	r.Equal(t, 0, out)
	Same(t, "the certificates then", names(r.Remote.Certificates), "0 1")

	_ = r.Remote.Place(CertificatePool()[5], false)
	r.Remote.Certificates = slices.DeleteFunc(r.Remote.Certificates, func(c RemoteCertificate) bool { return c.SHA256 == CertificatePool()[0].SHA256 })
	r.reads(MetadataCertificates(0)...)
	sent, out = r.Sends(t)
	Contains(t, sent, "ReadMetadata -")
	r.Equal(t, 0, out)
	Same(t, "the certificates where one was put in the place of another", names(r.Remote.Certificates), "0 1")
}

// newest is the ID of the last certificate that was placed.
func (r *rollover) newest() string {
	return fmt.Sprintf("cert-%03d", r.Remote.Made)
}

func TestMetadataIsSurvivedWhateverItDoesToTheCertificatesThatAreThere(t *testing.T) {
	p := CertificatePool()
	for _, habit := range []string{"append", "append-all", "replace", "keep"} {
		for _, test := range []struct {
			name     string
			entity   string // at Stytch
			have     []IssuedCertificate
			document []IssuedCertificate
			is       string
		}{
			{"a new connection", "", nil, p[0:2], "0 1"},
			{"certificates of the same provider that the document has too", "urn:a", p[0:1], p[0:2], "0 1"},
			{"certificates of another provider", "urn:z", p[4:6], p[0:2], "0 1"},
			{"certificates where no provider was named", "", p[4:6], p[0:2], "0 1"},
		} {
			t.Run(habit+" "+test.name, func(t *testing.T) {
				r := describing(habit, test.document, test.have...)
				r.Remote.IDPEntityID = test.entity
				_, out := r.Sends(t)
				r.Equal(t, 0, out)
				Same(t, "the certificates", names(r.Remote.Certificates), test.is)
				Same(t, "what is recorded", r.taken(), test.is)

				r.reads(p[1], p[2])
				r.refreshes("1")
				_, out = r.Sends(t)
				r.Equal(t, 0, out)
				if is := names(r.Remote.Certificates); is != "1 2" && is != "0 1 2" {
					t.Errorf("after a refresh the certificates are %s", is)
				}
			})
		}
	}
}

func TestACertificateThatNobodyGaveIsNotTakenForTheMetadatas(t *testing.T) {
	for _, habit := range []string{"append", "append-all", "replace", "keep"} {
		t.Run(habit, func(t *testing.T) {
			r := describing(habit, CertificatePool()[0:1])
			r.Sends(t)
			_ = r.Remote.Place(CertificatePool()[5], false)
			r.reads(CertificatePool()[0], CertificatePool()[1])
			r.refreshes("1")
			_, out := r.Sends(t)
			r.Equal(t, 0, out)
			Same(t, "the certificates", names(r.Remote.Certificates), "0 1")
		})
	}
}

func TestACertificateThatNobodyGaveIsNotTakenForThatOfAnotherDocumentEither(t *testing.T) {
	for _, habit := range []string{"append", "append-all", "replace", "keep"} {
		t.Run(habit, func(t *testing.T) {
			r := describing(habit, CertificatePool()[0:1])
			r.Sends(t)
			_ = r.Remote.Place(CertificatePool()[5], false)
			r.Remote.Metadata[MetadataURLs[1]] = RemoteMetadata{EntityID: "urn:a", SSOURL: "https://a", Certificates: CertificatePool()[0:2]}
			r.Held.Spec.MetadataURL = MetadataURLs[1]
			_, out := r.Sends(t)
			r.Equal(t, 0, out)
			Same(t, "the certificates", names(r.Remote.Certificates), "0 1")
		})
	}
}

func TestExpiredCertificatesMakeRoomForARefresh(t *testing.T) {
	p := CertificatePool()
	r := describing("append", []IssuedCertificate{p[0], p[11], p[12]})
	r.Sends(t)
	Same(t, "the certificates", names(r.Remote.Certificates), "0 11 12")
	_ = r.Remote.Place(p[13], false)
	_ = r.Remote.Place(p[5], false)
	r.reads(p[0], p[1], p[2], p[3])
	r.refreshes("1")
	sent, out := r.Sends(t)
	r.Equal(t, 0, out)
	Contains(t, sent, "ReadMetadata")
	Same(t, "the certificates after the refresh", names(r.Remote.Certificates), "0 1 2 3")

	r = describing("append", []IssuedCertificate{p[11], p[12]})
	r.Sends(t)
	r.reads(p[0])
	r.refreshes("1")
	r.Watch = func(s connection.Step) {
		if s.Action == saml.DeleteCertificate && valid(r.Remote) == 0 {
			t.Errorf("one is removed while none is valid: %v", r.Remote.Certificates)
		}
	}
	_, out = r.Sends(t)
	r.Equal(t, 0, out)
	Contains(t, names(r.Remote.Certificates), "0")
}

func TestMetadataThatIsRefusedKeepsNothingElseFromBeingSent(t *testing.T) {
	r := describing("append", nil)
	r.Remote.Metadata = nil
	r.Held.Spec.AttributeMapping = map[string]v1alpha1.Attribute{"email": "NameID"}
	r.asks(KeyPairs()[0])
	out := r.Pass(t)
	Same(t, "the refusal", out.Err, error(RefusalError("invalid_xml_from_saml_metadata_url")))
	Same(t, "the steps", Story(r.Log), "attribute_mapping +"+KeyPairs()[0].SPKISHA256+" ReadMetadata")
	Same(t, "what is recorded", r.Held.Status.FromMetadata, (*v1alpha1.MetadataStatus)(nil))
}

func TestAProcessLostAfterReadingMetadataReadsItAgain(t *testing.T) {
	for _, habit := range []string{"append", "append-all", "replace"} {
		for _, fate := range []string{"unsent", "unanswered"} {
			t.Run(habit+" "+fate, func(t *testing.T) {
				r := describing(habit, CertificatePool()[0:2])
				r.Lose = func(connection.Step) string { return fate }
				r.Pass(t)
				r.Lose = nil
				_, out := r.Sends(t)
				r.Equal(t, 0, out)
				Same(t, "the certificates", names(r.Remote.Certificates), "0 1")

				r.reads(CertificatePool()[1], CertificatePool()[2])
				r.refreshes("1")
				r.Lose = func(s connection.Step) string {
					return map[bool]string{true: fate}[s.Action == saml.ReadMetadata]
				}
				r.Pass(t)
				r.Lose = nil
				_, out = r.Sends(t)
				r.Equal(t, 0, out)
				Contains(t, names(r.Remote.Certificates), "1 2")
			})
		}
	}
}

func TestAProcessLostAfterTheFirstReadingDoesNotTakeAnotherProvidersCertificatesForTheMetadatas(t *testing.T) {
	for _, habit := range []string{"append", "append-all", "replace", "keep"} {
		t.Run(habit, func(t *testing.T) {
			r := describing(habit, CertificatePool()[0:2], CertificatePool()[4:6]...)
			r.Remote.IDPEntityID = "urn:z"
			r.Lose = func(connection.Step) string { return "unanswered" }
			r.Pass(t)
			r.Lose = nil
			_, out := r.Sends(t)
			r.Equal(t, 0, out)
			Same(t, "the certificates", names(r.Remote.Certificates), "0 1")
			Same(t, "what is recorded", r.taken(), "0 1")
		})
	}
}

func TestWhatIsTooLongToBeRecordedIsNotWanted(t *testing.T) {
	r := describing("append", MetadataCertificates(0))
	long := "https://a/" + strings.Repeat("x", 5000)
	r.Remote.Metadata[MetadataURLs[0]] = RemoteMetadata{EntityID: "urn:a", SSOURL: long, Certificates: MetadataCertificates(0)}
	_, out := r.Sends(t)
	r.Equal(t, 0, out)
	Same(t, "what is recorded", r.Held.Status.FromMetadata.IDPSSOURL, "")
	r.Remote.IDPSSOURL = "https://another"
	sent, _ := r.Sends(t)
	Same(t, "what is sent where it changes", sent, "")
}

func TestACertificateThatCannotBeReadIsNotRecorded(t *testing.T) {
	kind, o := saml.Kind(), SAMLManifest()
	o.Spec.MetadataURL = MetadataURLs[0]
	after := SAMLRemote()
	after.VerificationCertificates = append(atStytch(CertificatePool()[0], CertificatePool()[0]), stytch.Certificate{ID: "unreadable"})
	Learn(kind, o, SAMLRemote(), after, &connection.Step{Action: saml.ReadMetadata}, Noon)
	Same(t, "what is recorded", o.Status.FromMetadata.Certificates, []string{CertificatePool()[0].SHA256})
	Learn(kind, o, after, SAMLRemote(), &connection.Step{Action: connection.Update}, Noon)
	Same(t, "what is recorded after another step", o.Status.FromMetadata.Certificates, []string{CertificatePool()[0].SHA256})
	Learn(kind, o, after, after, nil, Noon)
	Same(t, "what is recorded after no step", o.Status.FromMetadata.Certificates, []string{CertificatePool()[0].SHA256})
}

func TestTheLastCertificateStaysUntilTheMetadataBringsAnother(t *testing.T) {
	p := CertificatePool()
	r := describing("append", []IssuedCertificate{p[0]}, p[11])
	r.Remote.IDPEntityID, r.Remote.IDPSSOURL = "urn:a", "https://a"
	r.Held.Status.FromMetadata = &v1alpha1.MetadataStatus{MetadataURL: MetadataURLs[0], IDPEntityID: "urn:a", IDPSSOURL: "https://a", Certificates: []string{p[1].SHA256}}
	r.refreshes("1")
	sent, out := r.Sends(t)
	Same(t, "what is sent", sent, "ReadMetadata -cert-001")
	r.Equal(t, 0, out)
	Same(t, "the certificates", names(r.Remote.Certificates), "0")
}

func TestAReadingIsShownByItsURL(t *testing.T) {
	r := describing("append", MetadataCertificates(0))
	show := func() []v1alpha1.Change {
		plan, _ := PlanFor(r.Kind, r.Held, r.Shows(), r.Inputs())
		return connection.Show(plan)
	}
	Same(t, "the first", show(), []v1alpha1.Change{{Field: "metadata_url", Want: MetadataURLs[0]}})
	r.Sends(t)
	Same(t, "none", show(), []v1alpha1.Change(nil))
	r.refreshes("1")
	Same(t, "a refresh", show(), []v1alpha1.Change{{Field: "metadata_url", Want: MetadataURLs[0]}})
	r.Sends(t)
	r.Held.Spec.MetadataURL = MetadataURLs[1]
	Same(t, "another URL", show(), []v1alpha1.Change{{Field: "metadata_url", Have: MetadataURLs[0], Want: MetadataURLs[1]}})
	Same(t, "the sentence", func() string { plan, _ := PlanFor(r.Kind, r.Held, r.Shows(), r.Inputs()); return plan[0].Sentence() }(),
		`metadata_url: "`+MetadataURLs[0]+`" → "`+MetadataURLs[1]+`"`)
}

func TestACertificateThatOnlyTheMetadataHoldsMakesRoomForItself(t *testing.T) {
	p := CertificatePool()
	r := describing("append", []IssuedCertificate{p[0], p[1]})
	r.Sends(t)
	r.Remote.Certificates = r.Remote.Certificates[1:]
	for _, c := range p[4:8] {
		_ = r.Remote.Place(c, false)
	}
	sent, out := r.Sends(t)
	Contains(t, sent, "free:", " ReadMetadata -")
	r.Equal(t, 0, out)
	Same(t, "the certificates", names(r.Remote.Certificates), "0 1")
}

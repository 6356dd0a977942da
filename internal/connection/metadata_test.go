package connection_test

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// describing is a manifest that names a metadata document with these certificates, and a connection that has these.
func describing(habit string, document []issued, have ...issued) *rollover {
	r := newRollover(rand.New(rand.NewSource(1)))
	r.far.certificates, r.far.document, r.far.made = nil, document0(), 0
	r.far.habits = habits{metadata: habit}
	for _, c := range have {
		_ = r.far.place(c, true)
	}
	r.held.Spec.MetadataURL = documents[0]
	r.reads(document...)
	return r
}

func document0() document { return document{DisplayName: "by hand"} }

// reads is what the document says from now on.
func (r *rollover) reads(certificates ...issued) {
	r.far.metadata = map[string]farMetadata{
		documents[0]: {"urn:a", "https://a", certificates},
		documents[1]: {"urn:b", "https://b", published(1)},
	}
}

// names are certificates by their place in the pool.
func names(list []farCertificate) string {
	var all []string
	for _, c := range list {
		all = append(all, fmt.Sprint(slices.IndexFunc(pool(), func(p issued) bool { return p.sha256 == c.sha256 })))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// taken are the certificates that status records, in the same way.
func (r *rollover) taken() string {
	var list []farCertificate
	for _, sha := range r.held.Status.FromMetadata.Certificates {
		list = append(list, farCertificate{issued: issued{sha256: sha}})
	}
	return names(list)
}

func (r *rollover) refreshes(value string) {
	r.held.Annotations = map[string]string{v1alpha1.AnnotationRefreshMetadata: value}
}

func TestMetadataIsReadOnceUntilItsURLChangesOrARefreshIsAskedFor(t *testing.T) {
	r := describing("append", published(0))
	step := func(what, want string) {
		t.Helper()
		sent, out := r.sends(t)
		same(t, what, sent, want)
		r.equal(t, 0, out)
	}
	step("at first", "ReadMetadata")
	same(t, "what is recorded", r.held.Status.FromMetadata, &v1alpha1.MetadataStatus{
		MetadataURL: documents[0], IDPEntityID: "urn:a", IDPSSOURL: "https://a", Certificates: r.held.Status.FromMetadata.Certificates,
	})
	same(t, "which certificates", r.taken(), "0 1")
	step("later", "")
	r.held.Annotations = map[string]string{v1alpha1.AnnotationPrefix + "another": "x"}
	step("with another annotation", "")
	r.refreshes("1")
	step("with a refresh", "ReadMetadata")
	step("with the same refresh", "")
	r.refreshes("2")
	step("with another refresh", "ReadMetadata")
	r.refreshes("")
	step("with an empty one", "ReadMetadata")
	r.held.Annotations = nil
	step("without it", "ReadMetadata")
	r.held.Spec.ImplicitRoles = []string{"x"}
	step("with another setting", "saml_connection_implicit_role_assignments")
	r.held.Spec.MetadataURL = documents[1]
	sent, out := r.sends(t)
	r.equal(t, 0, out)
	contains(t, sent, "ReadMetadata")
	same(t, "the entity of another URL", r.far.IDPEntityID, "urn:b")
	same(t, "what is recorded of it", r.taken(), "2 3")
	r.held.Spec.MetadataURL = ""
	step("without a URL", "")
	same(t, "what is recorded without a URL", r.held.Status.FromMetadata, (*v1alpha1.MetadataStatus)(nil))
}

func TestWhatTheMetadataGaveIsWantedFromThenOn(t *testing.T) {
	r := describing("append", published(0))
	r.sends(t)
	r.far.IDPEntityID, r.far.IDPSSOURL = "urn:evil", "https://evil"
	_ = r.far.place(pool()[5], false)
	sent, out := r.sends(t)
	same(t, "what repairs it", sent, "idp_entity_id&idp_sso_url -"+r.newest())
	r.equal(t, 0, out)
	same(t, "the certificates", names(r.far.certificates), "0 1")

	r.far.certificates = r.far.certificates[1:]
	sent, out = r.sends(t)
	same(t, "what brings back one that was removed", sent, "ReadMetadata")
	r.equal(t, 0, out)
	same(t, "the certificates then", names(r.far.certificates), "0 1")

	_ = r.far.place(pool()[5], false)
	r.far.certificates = slices.DeleteFunc(r.far.certificates, func(c farCertificate) bool { return c.sha256 == pool()[0].sha256 })
	r.reads(published(0)...)
	sent, out = r.sends(t)
	contains(t, sent, "ReadMetadata -")
	r.equal(t, 0, out)
	same(t, "the certificates where one was put in the place of another", names(r.far.certificates), "0 1")
}

// newest is the ID of the last certificate that was placed.
func (r *rollover) newest() string {
	return fmt.Sprintf("cert-%03d", r.far.made)
}

func TestMetadataIsSurvivedWhateverItDoesToTheCertificatesThatAreThere(t *testing.T) {
	p := pool()
	for _, habit := range []string{"append", "append-all", "replace", "keep"} {
		for _, test := range []struct {
			name     string
			entity   string // at Stytch
			have     []issued
			document []issued
			is       string
		}{
			{"a new connection", "", nil, p[0:2], "0 1"},
			{"certificates of the same provider that the document has too", "urn:a", p[0:1], p[0:2], "0 1"},
			{"certificates of another provider", "urn:z", p[4:6], p[0:2], "0 1"},
			{"certificates where no provider was named", "", p[4:6], p[0:2], "0 1"},
		} {
			t.Run(habit+" "+test.name, func(t *testing.T) {
				r := describing(habit, test.document, test.have...)
				r.far.IDPEntityID = test.entity
				_, out := r.sends(t)
				r.equal(t, 0, out)
				same(t, "the certificates", names(r.far.certificates), test.is)
				same(t, "what is recorded", r.taken(), test.is)

				r.reads(p[1], p[2])
				r.refreshes("1")
				_, out = r.sends(t)
				r.equal(t, 0, out)
				if is := names(r.far.certificates); is != "1 2" && is != "0 1 2" {
					t.Errorf("after a refresh the certificates are %s", is)
				}
			})
		}
	}
}

func TestACertificateThatNobodyGaveIsNotTakenForTheMetadatas(t *testing.T) {
	for _, habit := range []string{"append", "append-all", "replace", "keep"} {
		t.Run(habit, func(t *testing.T) {
			r := describing(habit, pool()[0:1])
			r.sends(t)
			_ = r.far.place(pool()[5], false)
			r.reads(pool()[0], pool()[1])
			r.refreshes("1")
			_, out := r.sends(t)
			r.equal(t, 0, out)
			same(t, "the certificates", names(r.far.certificates), "0 1")
		})
	}
}

func TestACertificateThatNobodyGaveIsNotTakenForThatOfAnotherDocumentEither(t *testing.T) {
	for _, habit := range []string{"append", "append-all", "replace", "keep"} {
		t.Run(habit, func(t *testing.T) {
			r := describing(habit, pool()[0:1])
			r.sends(t)
			_ = r.far.place(pool()[5], false)
			r.far.metadata[documents[1]] = farMetadata{"urn:a", "https://a", pool()[0:2]}
			r.held.Spec.MetadataURL = documents[1]
			_, out := r.sends(t)
			r.equal(t, 0, out)
			same(t, "the certificates", names(r.far.certificates), "0 1")
		})
	}
}

func TestExpiredCertificatesMakeRoomForARefresh(t *testing.T) {
	p := pool()
	r := describing("append", []issued{p[0], p[11], p[12]})
	r.sends(t)
	same(t, "the certificates", names(r.far.certificates), "0 11 12")
	_ = r.far.place(p[13], false)
	_ = r.far.place(p[5], false)
	r.reads(p[0], p[1], p[2], p[3])
	r.refreshes("1")
	sent, out := r.sends(t)
	r.equal(t, 0, out)
	contains(t, sent, "ReadMetadata")
	same(t, "the certificates after the refresh", names(r.far.certificates), "0 1 2 3")

	r = describing("append", []issued{p[11], p[12]})
	r.sends(t)
	r.reads(p[0])
	r.refreshes("1")
	r.watch = func(s connection.Step) {
		if s.Action == saml.DeleteCertificate && valid(r.far) == 0 {
			t.Errorf("one is removed while none is valid: %v", r.far.certificates)
		}
	}
	_, out = r.sends(t)
	r.equal(t, 0, out)
	contains(t, names(r.far.certificates), "0")
}

func TestMetadataThatIsRefusedKeepsNothingElseFromBeingSent(t *testing.T) {
	r := describing("append", nil)
	r.far.metadata = nil
	r.held.Spec.AttributeMapping = map[string]string{"email": "NameID"}
	r.asks(pairs()[0])
	out := r.pass(t)
	same(t, "the refusal", out.err, error(refusal("invalid_xml_from_saml_metadata_url")))
	same(t, "the steps", story(r.log), "attribute_mapping +"+pairs()[0].spki+" ReadMetadata")
	same(t, "what is recorded", r.held.Status.FromMetadata, (*v1alpha1.MetadataStatus)(nil))
}

func TestAProcessLostAfterReadingMetadataReadsItAgain(t *testing.T) {
	for _, habit := range []string{"append", "append-all", "replace"} {
		for _, fate := range []string{"unsent", "unanswered"} {
			t.Run(habit+" "+fate, func(t *testing.T) {
				r := describing(habit, pool()[0:2])
				r.lose = func(connection.Step) string { return fate }
				r.pass(t)
				r.lose = nil
				_, out := r.sends(t)
				r.equal(t, 0, out)
				same(t, "the certificates", names(r.far.certificates), "0 1")

				r.reads(pool()[1], pool()[2])
				r.refreshes("1")
				r.lose = func(s connection.Step) string {
					return map[bool]string{true: fate}[s.Action == saml.ReadMetadata]
				}
				r.pass(t)
				r.lose = nil
				_, out = r.sends(t)
				r.equal(t, 0, out)
				contains(t, names(r.far.certificates), "1 2")
			})
		}
	}
}

func TestAProcessLostAfterTheFirstReadingDoesNotTakeAnotherProvidersCertificatesForTheMetadatas(t *testing.T) {
	for _, habit := range []string{"append", "append-all", "replace", "keep"} {
		t.Run(habit, func(t *testing.T) {
			r := describing(habit, pool()[0:2], pool()[4:6]...)
			r.far.IDPEntityID = "urn:z"
			r.lose = func(connection.Step) string { return "unanswered" }
			r.pass(t)
			r.lose = nil
			_, out := r.sends(t)
			r.equal(t, 0, out)
			same(t, "the certificates", names(r.far.certificates), "0 1")
			same(t, "what is recorded", r.taken(), "0 1")
		})
	}
}

func TestWhatIsTooLongToBeRecordedIsNotWanted(t *testing.T) {
	r := describing("append", published(0))
	long := "https://a/" + strings.Repeat("x", 5000)
	r.far.metadata[documents[0]] = farMetadata{"urn:a", long, published(0)}
	_, out := r.sends(t)
	r.equal(t, 0, out)
	same(t, "what is recorded", r.held.Status.FromMetadata.IDPSSOURL, "")
	r.far.IDPSSOURL = "https://another"
	sent, _ := r.sends(t)
	same(t, "what is sent where it changes", sent, "")
}

func TestACertificateThatCannotBeReadIsNotRecorded(t *testing.T) {
	kind, o := saml.Kind(), samlManifest()
	o.Spec.MetadataURL = documents[0]
	after := samlRemote()
	after.VerificationCertificates = append(atStytch(pool()[0], pool()[0]), stytch.Certificate{ID: "unreadable"})
	learn(kind, o, samlRemote(), after, &connection.Step{Action: saml.ReadMetadata}, noon)
	same(t, "what is recorded", o.Status.FromMetadata.Certificates, []string{pool()[0].sha256})
	learn(kind, o, after, samlRemote(), &connection.Step{Action: connection.Update}, noon)
	same(t, "what is recorded after another step", o.Status.FromMetadata.Certificates, []string{pool()[0].sha256})
	learn(kind, o, after, after, nil, noon)
	same(t, "what is recorded after no step", o.Status.FromMetadata.Certificates, []string{pool()[0].sha256})
}

func TestTheLastCertificateStaysUntilTheMetadataBringsAnother(t *testing.T) {
	p := pool()
	r := describing("append", []issued{p[0]}, p[11])
	r.far.IDPEntityID, r.far.IDPSSOURL = "urn:a", "https://a"
	r.held.Status.FromMetadata = &v1alpha1.MetadataStatus{MetadataURL: documents[0], IDPEntityID: "urn:a", IDPSSOURL: "https://a", Certificates: []string{p[1].sha256}}
	r.refreshes("1")
	sent, out := r.sends(t)
	same(t, "what is sent", sent, "ReadMetadata -cert-001")
	r.equal(t, 0, out)
	same(t, "the certificates", names(r.far.certificates), "0")
}

func TestAReadingIsShownByItsURL(t *testing.T) {
	r := describing("append", published(0))
	show := func() []v1alpha1.Change {
		plan, _ := planFor(r.kind, r.held, r.shows(), r.inputs())
		return connection.Show(plan)
	}
	same(t, "the first", show(), []v1alpha1.Change{{Field: "metadata_url", Want: documents[0]}})
	r.sends(t)
	same(t, "none", show(), []v1alpha1.Change(nil))
	r.refreshes("1")
	same(t, "a refresh", show(), []v1alpha1.Change{{Field: "metadata_url", Want: documents[0]}})
	r.sends(t)
	r.held.Spec.MetadataURL = documents[1]
	same(t, "another URL", show(), []v1alpha1.Change{{Field: "metadata_url", Have: documents[0], Want: documents[1]}})
	same(t, "the sentence", func() string { plan, _ := planFor(r.kind, r.held, r.shows(), r.inputs()); return plan[0].Sentence() }(),
		`metadata_url: "`+documents[0]+`" → "`+documents[1]+`"`)
}

func TestACertificateThatOnlyTheMetadataHoldsMakesRoomForItself(t *testing.T) {
	p := pool()
	r := describing("append", []issued{p[0], p[1]})
	r.sends(t)
	r.far.certificates = r.far.certificates[1:]
	for _, c := range p[4:8] {
		_ = r.far.place(c, false)
	}
	sent, out := r.sends(t)
	contains(t, sent, "free:", " ReadMetadata -")
	r.equal(t, 0, out)
	same(t, "the certificates", names(r.far.certificates), "0 1")
}

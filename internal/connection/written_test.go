package connection_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
)

// kept is a record of a SAML connection with all that an annotation may hold.
func kept() connection.Record {
	return connection.Record{
		Project: "project-live-1", Organization: "organization-live-1", ID: SAMLID, Mark: "0a0b0c0d",
		Keys:     []v1alpha1.EncryptionKeyStatus{{PrivateKeyID: "k1", SPKISHA256: "aa"}, {PrivateKeyID: "k2", SPKISHA256: "bb"}},
		Metadata: &v1alpha1.MetadataStatus{MetadataURL: "https://idp.example/metadata", IDPEntityID: "urn:idp", Certificates: []string{"cc"}},
	}
}

// recordedSAML is a SAML manifest of the organization acme with a record, in status and in the annotation.
func recordedSAML(edit func(*connection.Record)) *v1alpha1.SAMLConnection {
	o, r := SAMLManifest(), kept()
	edit(&r)
	saml.Kind().WriteRecord(o, r)
	return o
}

func asIs(*connection.Record) {}

// annotated writes fields of the annotation anew; nil takes one away.
func annotated(t *testing.T, o *v1alpha1.SAMLConnection, fields map[string]any) {
	t.Helper()
	var w map[string]any
	if err := json.Unmarshal([]byte(connection.Written(o)), &w); err != nil {
		t.Fatal(err)
	}
	maps.Copy(w, fields)
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	o.Annotations[v1alpha1.AnnotationRecord] = string(text)
}

func TestTheAnnotationHoldsTheRecordAndNoValueOfADocument(t *testing.T) {
	o := recordedSAML(asIs)
	text := connection.Written(o)
	Contains(t, text, `"v":1`, string(o.UID), "StytchProject", "project-live-1", "organization-live-1", SAMLID, "0a0b0c0d", `"k1":"aa"`)
	Lacks(t, text, "idp.example", "urn:idp", "cc")
	if len(text) > 1024 {
		t.Errorf("the annotation has %d bytes", len(text))
	}
}

func TestWhereStatusIsLostTheManifestsOwnAnnotationIsTheRecord(t *testing.T) {
	o := recordedSAML(asIs)
	o.Status = v1alpha1.SAMLConnectionStatus{}
	got, want := saml.Kind().ReadRecord(o), kept()
	want.Read, want.Metadata = connection.MetadataHash(*want.Metadata), nil
	Same(t, "the record", got, want)
}

func TestTheAnnotationCountsOnlyWhereItIsTheManifestsOwn(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*v1alpha1.SAMLConnection)
		id   string
	}{
		{"as it was written", func(*v1alpha1.SAMLConnection) {}, SAMLID},
		{"for another manifest", func(o *v1alpha1.SAMLConnection) { o.UID = OtherUID }, ""},
		{"of a later version", func(o *v1alpha1.SAMLConnection) { annotated(t, o, map[string]any{"v": 2}) }, ""},
		{"without a version", func(o *v1alpha1.SAMLConnection) { annotated(t, o, map[string]any{"v": nil}) }, ""},
		{"of a project object of another kind", func(o *v1alpha1.SAMLConnection) { annotated(t, o, map[string]any{"kind": "ClusterStytchProject"}) }, ""},
		{"of another organization than the one that the spec gives by ID", func(o *v1alpha1.SAMLConnection) {
			o.Spec.Organization = "organization-live-22222222-2222-4222-8222-222222222222"
		}, ""},
		{"of another project than status has", func(o *v1alpha1.SAMLConnection) { o.Status.ProjectID = "project-live-2" }, ""},
		{"of another connection than the spec names", func(o *v1alpha1.SAMLConnection) { o.Spec.ConnectionID = "saml-connection-live-2" }, ""},
		{"with an ID that status cannot hold", func(o *v1alpha1.SAMLConnection) { annotated(t, o, map[string]any{"id": strings.Repeat("x", 129)}) }, ""},
		{"cut off", func(o *v1alpha1.SAMLConnection) {
			o.Annotations[v1alpha1.AnnotationRecord] = connection.Written(o)[:40]
		}, ""},
		{"taken away", func(o *v1alpha1.SAMLConnection) { o.Annotations = nil }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := recordedSAML(asIs)
			o.Status = v1alpha1.SAMLConnectionStatus{}
			test.edit(o)
			Same(t, "the connection", connection.RecordOf(o).ID, test.id)
		})
	}
}

func TestWhileStatusHasAConnectionTheAnnotationSaysNothingOfIt(t *testing.T) {
	o := recordedSAML(asIs)
	annotated(t, o, map[string]any{"id": "saml-connection-live-2", "keys": map[string]string{}, "organization": "organization-live-2"})
	got := saml.Kind().ReadRecord(o)
	Same(t, "the connection", got.ID, SAMLID)
	Same(t, "the organization", got.Organization, "organization-live-1")
	Same(t, "the keys", got.Keys, kept().Keys)
	Same(t, "the other", connection.CluesOf(o, o).Other, "saml-connection-live-2")
}

func TestACopysAnnotationIsAClueWithinItsProjectAndOrganizationAlone(t *testing.T) {
	clues := func(edit func(*v1alpha1.SAMLConnection)) connection.Clues {
		o := recordedSAML(asIs)
		o.UID, o.Status = OtherUID, v1alpha1.SAMLConnectionStatus{}
		o.Status.ProjectID, o.Status.OrganizationID = "project-live-1", "organization-live-1"
		edit(o)
		return connection.CluesOf(o, o)
	}
	Same(t, "of a copy", clues(func(*v1alpha1.SAMLConnection) {}), connection.Clues{Copied: SAMLID, CopiedFrom: ManifestUID, CopiedMark: "0a0b0c0d"})
	Same(t, "in another organization", clues(func(o *v1alpha1.SAMLConnection) { o.Status.OrganizationID = "organization-live-2" }), connection.Clues{})
	Same(t, "in another project", clues(func(o *v1alpha1.SAMLConnection) { o.Status.ProjectID = "project-live-2" }), connection.Clues{})
	Same(t, "with a connection of its own", clues(func(o *v1alpha1.SAMLConnection) { o.Status.ConnectionID = "saml-connection-live-2" }), connection.Clues{})
	Same(t, "of a later version", clues(func(o *v1alpha1.SAMLConnection) { annotated(t, o, map[string]any{"v": 9}) }), connection.Clues{Later: true})
}

func TestAnAnnotationOfALaterVersionStays(t *testing.T) {
	o := recordedSAML(asIs)
	annotated(t, o, map[string]any{"v": 2})
	text := connection.Written(o)
	saml.Kind().WriteRecord(o, connection.Record{ID: "saml-connection-live-2"})
	Same(t, "the annotation", connection.Written(o), text)
	Same(t, "whether it is kept", connection.RecordKept(o, o), true)
}

func TestARecordIsKeptWhereItsAnnotationSaysTheSame(t *testing.T) {
	is := recordedSAML(asIs)
	for _, test := range []struct {
		name string
		edit func(*v1alpha1.SAMLConnection)
		kept bool
	}{
		{"as it was written", func(*v1alpha1.SAMLConnection) {}, true},
		{"in another order, with another space", func(o *v1alpha1.SAMLConnection) {
			annotated(t, o, nil)
			o.Annotations[v1alpha1.AnnotationRecord] += "\n"
		}, true},
		{"without the mark, which a connection that is there does not need", func(o *v1alpha1.SAMLConnection) { annotated(t, o, map[string]any{"mark": nil}) }, true},
		{"without the mark of a connection that is still to be created", func(o *v1alpha1.SAMLConnection) { annotated(t, o, map[string]any{"mark": nil, "id": nil}) }, false},
		{"with another connection", func(o *v1alpha1.SAMLConnection) { annotated(t, o, map[string]any{"id": "x"}) }, false},
		{"with a key less", func(o *v1alpha1.SAMLConnection) {
			annotated(t, o, map[string]any{"keys": map[string]string{"k1": "aa"}})
		}, false},
		{"with another document", func(o *v1alpha1.SAMLConnection) { annotated(t, o, map[string]any{"read": "none"}) }, false},
		{"of another manifest", func(o *v1alpha1.SAMLConnection) { annotated(t, o, map[string]any{"uid": "x"}) }, false},
		{"taken away", func(o *v1alpha1.SAMLConnection) { o.Annotations = nil }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			base := recordedSAML(asIs)
			test.edit(base)
			Same(t, "whether it is kept", connection.RecordKept(base, is), test.kept)
		})
	}
}

func TestNobodyIsWokenByTheRecord(t *testing.T) {
	o := recordedSAML(asIs)
	Same(t, "the annotations that ask for something", connection.AnnotationsOf(o), []v1alpha1.Input(nil))
}

func TestAManifestIsWokenWhereItsFinalizerOrRecordIsTakenAway(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*v1alpha1.SAMLConnection)
		lost bool
	}{
		{"nothing", func(*v1alpha1.SAMLConnection) {}, false},
		{"the finalizer", func(o *v1alpha1.SAMLConnection) { o.Finalizers = nil }, true},
		{"the record", func(o *v1alpha1.SAMLConnection) { o.Annotations = nil }, true},
		{"the connection in the record", func(o *v1alpha1.SAMLConnection) { annotated(t, o, map[string]any{"id": nil}) }, true},
		{"the connection in the record for another", func(o *v1alpha1.SAMLConnection) { annotated(t, o, map[string]any{"id": "x"}) }, true},
		{"the connection in status", func(o *v1alpha1.SAMLConnection) { o.Status.ConnectionID = "" }, true},
		{"the connection in status for another", func(o *v1alpha1.SAMLConnection) { o.Status.ConnectionID = "x" }, true},
		{"a key in the record", func(o *v1alpha1.SAMLConnection) { annotated(t, o, map[string]any{"keys": nil}) }, false},
	} {
		before := recordedSAML(asIs)
		before.Finalizers = []string{v1alpha1.Finalizer}
		after := before.DeepCopy()
		test.edit(after)
		Same(t, "whether taking away "+test.name+" wakes it", connection.RecordLost(before, after), test.lost)
	}
	bare, begun := SAMLManifest(), recordedSAML(func(r *connection.Record) { r.ID = "" })
	bare.Status.ConnectionID, begun.Finalizers = "", []string{v1alpha1.Finalizer}
	Same(t, "whether the record of a creation wakes it", connection.RecordLost(bare, begun), false)
	made := recordedSAML(asIs)
	made.Finalizers = begun.Finalizers
	Same(t, "whether the record of its connection wakes it", connection.RecordLost(begun, made), false)
	unsaid := made.DeepCopy()
	unsaid.Status.ConnectionID = ""
	Same(t, "whether the status of its connection wakes it", connection.RecordLost(unsaid, made), false)
}

func TestAManifestClaimsByStatusThenByItsOwnAnnotationThenByName(t *testing.T) {
	own := recordedSAML(asIs)
	lost := recordedSAML(asIs)
	lost.Status = v1alpha1.SAMLConnectionStatus{}
	copied := recordedSAML(asIs)
	copied.UID, copied.Status = OtherUID, v1alpha1.SAMLConnectionStatus{}
	named := SAMLManifest()
	named.Spec.ConnectionID, named.Status = SAMLID, v1alpha1.SAMLConnectionStatus{}
	for _, test := range []struct {
		name string
		o    *v1alpha1.SAMLConnection
		rank connection.Rank
	}{
		{"status", own, connection.RankStatus},
		{"the annotation", lost, connection.RankRecord},
		{"another manifest's annotation", copied, connection.RankNamed},
		{"the spec", named, connection.RankNamed},
	} {
		claim, claims := connection.ClaimsOf(test.o)[SAMLID]
		if !claims || claim.Rank != test.rank {
			t.Errorf("by %s it claims %t with the rank %d, want %d", test.name, claims, claim.Rank, test.rank)
		}
		Same(t, "whether "+test.name+" names it", connection.IsNamed(test.o, SAMLID), test.rank == connection.RankNamed)
	}
}

package connection

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// written is a Record as the annotation has it. It holds no value that a document gave, only a hash of all of them.
type written struct {
	Version      int               `json:"v"`
	UID          types.UID         `json:"uid"`
	Kind         string            `json:"kind,omitempty"` // of the project's object
	Project      string            `json:"project,omitempty"`
	Organization string            `json:"organization,omitempty"`
	ID           string            `json:"id,omitempty"`
	Mark         string            `json:"mark,omitempty"`
	Keys         map[string]string `json:"keys,omitempty"` // SPKI hashes, by the ID of the private key
	Read         string            `json:"read,omitempty"`
}

const writtenVersion = 1

// projectKind is the kind of the object that a manifest's project is read from. It belongs to the record, as the ID of the project does, and
// the object's uid does not: one that was restored has another.
func projectKind(o v1alpha1.Connection) string { return string(o.CommonSpec().Project().Kind) }

// writtenState is what an annotation turned out to be.
type writtenState int

const (
	notWritten       writtenState = iota // absent, or nothing that can be read
	writtenHere                          // for this manifest
	writtenElsewhere                     // for another one, of which this is a copy, or which this was before it was restored
	writtenLater                         // by a version that this one does not understand
)

// maxWritten is the longest annotation that is read, and maxID the longest ID in it: status takes no longer one.
const (
	maxWritten = 8192
	maxID      = 128
)

// readWritten reads the annotation of a manifest.
func readWritten(o v1alpha1.Connection) (written, writtenState) {
	text, there := o.GetAnnotations()[v1alpha1.AnnotationRecord]
	if !there {
		return written{}, notWritten
	}
	w, state := readings.read(text)
	if state == writtenElsewhere && w.UID == o.GetUID() {
		state = writtenHere
	}
	return w, state
}

// decode returns what an annotation says. It does not know the manifest: what can be read was written elsewhere.
func decode(text string) (written, writtenState) {
	var w written
	switch err := json.Unmarshal([]byte(text), &w); {
	case len(text) > maxWritten, err != nil, w.Version < writtenVersion:
		return written{}, notWritten
	case w.Version > writtenVersion:
		return written{}, writtenLater
	case !w.sound():
		return written{}, notWritten
	}
	return w, writtenElsewhere
}

// readings keeps the last annotations that were decoded: while the connection of one manifest is sought, the annotations of all others
// are read again and again. Nobody changes what read returns.
var readings cache //nolint:gochecknoglobals // everything is the same without it, only slower

type cache [1024]atomic.Pointer[reading]

type reading struct {
	text   string
	saying written
	state  writtenState
}

func (c *cache) read(text string) (written, writtenState) {
	place := &c[maphash.String(seed, text)%uint64(len(c))]
	known := place.Load()
	if known == nil || known.text != text {
		known = &reading{text: text}
		known.saying, known.state = decode(text)
		place.Store(known)
	}
	return known.saying, known.state
}

var seed = maphash.MakeSeed() //nolint:gochecknoglobals // one for all places of the cache

// sound says that status can hold what is written.
func (w written) sound() bool {
	values := append([]string{w.Project, w.Organization, w.ID, w.Mark, w.Read}, slices.Collect(maps.Keys(w.Keys))...)
	return len(w.Keys) <= maxKeys && !slices.ContainsFunc(values, func(s string) bool { return len(s) > maxID })
}

// maxKeys is how many encryption keys status holds.
const maxKeys = 16

// isOf says that what is written belongs to the project and the organization of a manifest, as far as that says them, and to the
// connection that it names.
func (w written) isOf(o v1alpha1.Connection) bool {
	spec, status := o.CommonSpec(), o.CommonStatus()
	return w.Kind == projectKind(o) &&
		(status.ProjectID == "" || status.ProjectID == w.Project) &&
		(status.OrganizationID == "" || status.OrganizationID == w.Organization) &&
		(!stytch.IsOrganizationID(spec.Organization) || spec.Organization == w.Organization) &&
		(spec.ConnectionID == "" || spec.ConnectionID == w.ID)
}

func (w written) keys() []v1alpha1.EncryptionKeyStatus {
	var keys []v1alpha1.EncryptionKeyStatus
	for _, id := range slices.Sorted(maps.Keys(w.Keys)) {
		keys = append(keys, v1alpha1.EncryptionKeyStatus{PrivateKeyID: id, SPKISHA256: w.Keys[id]})
	}
	return keys
}

// write puts a record into the annotation. One of a later version stays.
func write(o v1alpha1.Connection, r Record) {
	if _, state := readWritten(o); state == writtenLater {
		return
	}
	w := written{
		Version: writtenVersion, UID: o.GetUID(), Kind: projectKind(o), Project: r.Project, Organization: r.Organization, ID: r.ID,
		Mark: r.Mark, Keys: map[string]string{}, Read: r.read(),
	}
	for _, key := range r.Keys {
		w.Keys[key.PrivateKeyID] = key.SPKISHA256
	}
	text, _ := json.Marshal(w) //nolint:errchkjson // strings cannot fail
	annotate(o, string(text))
}

func annotate(o v1alpha1.Connection, text string) {
	annotations := maps.Clone(o.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[v1alpha1.AnnotationRecord] = text
	o.SetAnnotations(annotations)
}

// read is what the annotation says of the documents that were read.
func (r Record) read() string {
	switch {
	case r.Metadata != nil && r.Metadata.Origin == v1alpha1.MetadataFound:
		return ""
	case r.Metadata != nil:
		return MetadataHash(*r.Metadata)
	case r.Discovered != nil:
		return discoveredHash(*r.Discovered)
	}
	return r.Read
}

// MetadataHash stands for what a SAML metadata document gave.
func MetadataHash(m v1alpha1.MetadataStatus) string {
	return hashOf(append([]string{"saml", m.MetadataURL, m.Refresh, m.IDPEntityID, m.IDPSSOURL}, m.Certificates...)...)
}

func discoveredHash(d v1alpha1.DiscoveredStatus) string {
	return hashOf("oidc", d.Issuer, d.AuthorizationURL, d.TokenURL, d.UserinfoURL, d.JWKSURL)
}

func hashOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:])
}

// RecordKept says that the manifest as the API server has it says what its record is. The mark of a connection that is there may be
// missing: it is not needed any more.
func RecordKept(base, o v1alpha1.Connection) bool {
	has, state := readWritten(base)
	is, _ := readWritten(o)
	if state == writtenLater {
		return true
	}
	if has.ID != "" {
		is.Mark = has.Mark
	}
	return state == writtenHere && has.Version == is.Version && has.Kind == is.Kind && has.Project == is.Project && has.Organization == is.Organization &&
		has.ID == is.ID && has.Mark == is.Mark && has.Read == is.Read && maps.Equal(has.Keys, is.Keys)
}

// CopyRecord copies the annotation of one object to another.
func CopyRecord(from, to v1alpha1.Connection) { annotate(to, Written(from)) }

// RecordLost says that between two versions of a manifest somebody took its finalizer or its record away, or the connection in its
// status, or had one of the two name another connection. What the operator itself writes does none of it.
func RecordLost(before, after v1alpha1.Connection) bool {
	was, _ := readWritten(before)
	is, _ := readWritten(after)
	held := func(o v1alpha1.Connection) bool { return slices.Contains(o.GetFinalizers(), v1alpha1.Finalizer) }
	return held(before) && !held(after) || Written(before) != "" && Written(after) == "" || was.ID != "" && was.ID != is.ID ||
		StatusID(before) != "" && StatusID(before) != StatusID(after)
}

// RecordReplaced says that somebody else wrote the record, perhaps again and again.
const RecordReplaced = "The annotation " + v1alpha1.AnnotationRecord + " was changed by somebody else, and was written again. If the manifest in Git contains it, remove it there."

// Written is the annotation as a manifest has it; empty where it has none.
func Written(o v1alpha1.Connection) string { return o.GetAnnotations()[v1alpha1.AnnotationRecord] }

// Clues are what a manifest's annotation says besides its record.
type Clues struct {
	// Copied is the connection that the annotation names, where it was written for another manifest: this one is a copy of that, or
	// was it before it was restored. CopiedFrom is its uid.
	Copied     string
	CopiedFrom types.UID
	// CopiedMark is the mark of its creation.
	CopiedMark string
	// Other is the connection that the annotation says is this manifest's, where status or the spec says another.
	Other string
	// Later says that a later version wrote the annotation.
	Later bool
}

// TakeOver is the record of a manifest that takes over a connection: what its annotation knows of that one, if it names it.
func TakeOver(base v1alpha1.Connection, r Record, id string) Record {
	w, state := readWritten(base)
	if state != notWritten && state != writtenLater && w.ID == id {
		r.Keys, r.Read = w.keys(), w.Read
	} else {
		r.Keys, r.Read = nil, ""
	}
	return r
}

// CluesOf are the clues in a manifest, as the API server has it. What belongs to another project or organization says nothing.
func CluesOf(base, o v1alpha1.Connection) Clues {
	w, state := readWritten(base)
	record := RecordOf(o)
	switch {
	case state == writtenLater:
		return Clues{Later: true}
	case state == writtenHere && w.ID != "" && w.ID != RecordOf(base).ID:
		return Clues{Other: w.ID}
	case state == writtenElsewhere && RecordOf(base).ID == "" && w.Kind == projectKind(o) && w.Project == record.Project && w.Organization == record.Organization:
		return Clues{Copied: w.ID, CopiedFrom: w.UID, CopiedMark: w.Mark}
	}
	return Clues{}
}

package connection_test

import (
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// rollover is a SAML connection whose certificates and keys change while requests are refused and processes are lost.
type rollover struct {
	*stage[*v1alpha1.SAMLConnection, stytch.SAMLConnection]
	random *rand.Rand
	beside *shelf
	// floor is how many valid certificates there were when the manifest was edited.
	floor, different int
	// slots and installed are how many certificates and how many valid ones there were before the last request.
	slots, installed int
}

func newRollover(random *rand.Rand) *rollover { return rolloverOf(random, wholeFar(random)) }

func rolloverOf(random *rand.Rand, f *far) *rollover {
	s, beside := newSAML(random, f)
	return &rollover{random: random, beside: beside, stage: s}
}

// newSAML is the stage of a SAML connection, and the objects beside its manifest.
func newSAML(random *rand.Rand, f *far) (*stage[*v1alpha1.SAMLConnection, stytch.SAMLConnection], *shelf) {
	beside := newShelf()
	o := &v1alpha1.SAMLConnection{ObjectMeta: meta("okta")}
	o.Status.ConnectionID = samlID
	s := &stage[*v1alpha1.SAMLConnection, stytch.SAMLConnection]{kind: saml.Kind(), held: o, far: f}
	s.shows = func() stytch.SAMLConnection { return f.asSAML(random) }
	s.inputs = func() connection.Inputs { return beside.inputs(f, s.held) }
	return s, beside
}

// valid counts the certificates at Stytch that have not ended.
func valid(f *far) int {
	count := 0
	for _, c := range f.certificates {
		if c.ends.After(noon) {
			count++
		}
	}
	return count
}

// different counts the same, a second copy of one aside.
func different(f *far) int {
	seen := map[string]bool{}
	for _, c := range f.certificates {
		seen[c.sha256] = seen[c.sha256] || c.ends.After(noon)
	}
	count := 0
	for _, valid := range seen {
		if valid {
			count++
		}
	}
	return count
}

// wanted counts the valid certificates that the manifest wants, and those of them that are at Stytch.
func (r *rollover) wanted(t *testing.T) (wanted, there int) {
	t.Helper()
	desired := r.desired()
	for _, c := range desired.Certificates {
		if slices.ContainsFunc(pool(), func(p issued) bool { return p.sha256 == c.SHA256 && !p.ends.After(noon) }) || c.SHA256 == desired.Refused {
			continue
		}
		wanted++
		if slices.ContainsFunc(r.far.certificates, func(h farCertificate) bool { return h.sha256 == c.SHA256 }) {
			there++
		}
	}
	return wanted, there
}

// desired is what the manifest wants but for keys, which take long to read.
func (r *rollover) desired() connection.State {
	o := *r.own
	o.Spec.SigningPrivateKeyRef, o.Spec.EncryptionPrivateKeyRefs = nil, nil
	desired, _ := wantOf(r.kind, &o, samlID, r.inputs())
	return desired
}

// due says that the metadata is to be read, which brings what is missing.
func (r *rollover) due() bool {
	if r.own.Spec.MetadataURL == "" {
		return false
	}
	desired := r.desired()
	return desired.Metadata != nil && desired.Metadata.Due
}

// begin remembers how it stands.
func (r *rollover) begin() {
	r.floor, r.different = valid(r.far), different(r.far)
	r.slots, r.installed = len(r.far.certificates), valid(r.far)
}

// neverFewer fails the test where a request left fewer valid certificates than there may be.
func (r *rollover) neverFewer(t *testing.T) func(connection.Step) {
	t.Helper()
	return func(step connection.Step) {
		t.Helper()
		is, slots, was := valid(r.far), r.slots, r.installed
		r.slots, r.installed = len(r.far.certificates), is
		wanted, there := r.wanted(t)
		room := step.Action == saml.FreeCertificate && slots == 5 && was == 5
		ok := true
		switch {
		case is >= was:
		case is == 0 || step.Action == saml.ReadMetadata: // replaced by Stytch itself
			ok = is > 0
		case step.Action == saml.FreeCertificate:
			ok = room
		default:
			ok = wanted == there && there > 0 || there > 0 && r.due()
		}
		least := min(r.floor, wanted)
		if r.floor == 5 || room {
			least = min(least, 4)
		}
		if r.due() {
			least = min(least, 1)
		}
		if !ok || is < least && step.Action != saml.ReadMetadata {
			t.Fatalf("%s left %d of %d valid certificates (%d at the edit; %d are wanted, %d of them there): %v, desired %s",
				story(r.log), is, was, r.floor, wanted, there, r.far.certificates, inJSON(t, r.held.Spec))
		}
	}
}

// fates lets some requests be lost.
func (r *rollover) fates() func(connection.Step) string {
	return func(step connection.Step) string {
		fate := ""
		if r.random.Intn(3) == 0 {
			fate = pick(r.random, "unsent", "unanswered", "late")
		}
		if fate == "late" && step.Action != connection.Update && step.Action != saml.AddEncryptionKey {
			fate = "unsent"
		}
		return fate
	}
}

// arrive lets the requests take effect that were on their way when a process was lost.
func (r *rollover) arrive(t *testing.T) {
	t.Helper()
	for _, step := range r.late {
		_, _ = r.far.take(t, step)
	}
	r.late = nil
}

// editCertificates asks for other certificates.
func editCertificates(random *rand.Rand, s *stage[*v1alpha1.SAMLConnection, stytch.SAMLConnection], beside *shelf) {
	s.held.Spec.MetadataURL = ""
	s.held.Spec.VerificationCertificates = beside.certificates(random, among(random, anybodys(), 1, 5))
	if random.Intn(6) == 0 {
		s.held.Spec.VerificationCertificates = append(s.held.Spec.VerificationCertificates[:1], v1alpha1.VerificationCertificate{PEM: "x"})
	}
	s.far.refuses = nil
	if maybe(random) {
		for _, c := range among(random, anybodys(), 0, 3) {
			if !slices.ContainsFunc(s.far.certificates, func(h farCertificate) bool { return h.sha256 == c.sha256 }) {
				s.far.refuses = append(s.far.refuses, c.sha256)
			}
		}
	}
}

func TestCertificatesAreReplacedWithoutALossThoughRequestsAreRefusedAndProcessesAreLost(t *testing.T) {
	t.Parallel()
	for seed := range int64(400) {
		random := rand.New(rand.NewSource(seed))
		r := newRollover(random)
		r.vague = maybe(random)
		r.watch = r.neverFewer(t)
		for range 4 {
			editCertificates(r.random, r.stage, r.beside)
			r.begin()
			r.lose = r.fates()
			for range random.Intn(6) {
				r.converge(t)
				if maybe(random) {
					r.arrive(t)
					r.slots, r.installed = len(r.far.certificates), valid(r.far)
				}
			}
			r.arrive(t)
			r.slots, r.installed = len(r.far.certificates), valid(r.far)
			r.lose = nil
			r.ends(t, seed)
			for range random.Intn(4) {
				_ = r.far.place(pick(random, anybodys()...), false)
			}
		}
	}
}

// ends lets passes come to their end, and checks it.
func (r *rollover) ends(t *testing.T, seed int64) {
	t.Helper()
	out := r.settle(t)
	if out.err != nil {
		var refused refusal
		wanted, there := r.wanted(t)
		fewer := different(r.far) < r.different && (wanted > there && !r.due() || there == 0)
		if !errors.As(out.err, &refused) || fewer {
			t.Fatalf("seed %d: %s ended with %v and %d valid certificates where %d were: %v", seed, story(r.log), out.err, different(r.far), r.different, r.far.certificates)
		}
		return
	}
	if wanted, there := r.wanted(t); wanted != there {
		t.Fatalf("seed %d: %d of %d certificates are there: %s %s", seed, there, wanted, inJSON(t, r.held.Spec), problemWords(out.problems))
	}
	if len(out.problems) == 0 {
		r.checkSAML(t, seed)
	}
}

// publishes lets the identity provider change its metadata, and asks for it to be read again.
func (r *rollover) publishes(seed int64) {
	random := r.random
	r.held.Spec.VerificationCertificates, r.held.Spec.IDPEntityID, r.held.Spec.IDPSSOURL = nil, "", ""
	defer func() {
		r.told = append(r.told, fmt.Sprintf("at %v: published %v", r.far.certificates, r.far.metadata[r.held.Spec.MetadataURL].certificates))
	}()
	r.held.Spec.MetadataURL = pick(random, documents...)
	r.held.Annotations = map[string]string{v1alpha1.AnnotationRefreshMetadata: fmt.Sprint(seed, random.Int())}
	r.far.metadata = map[string]farMetadata{r.held.Spec.MetadataURL: {"urn:a", "https://a", among(random, written()[:4], 1, 2)}}
	if random.Intn(4) == 0 {
		r.far.metadata = nil // a page in HTML, say
	}
}

func TestMetadataIsReadAgainWithoutALossThoughItIsRefusedAndProcessesAreLost(t *testing.T) {
	t.Parallel()
	for seed := range int64(600) {
		random := rand.New(rand.NewSource(seed))
		r := newRollover(random)
		r.far.IDPEntityID = "urn:a"
		r.far.habits.metadata = pick(random, "append", "append-all", "replace", "keep")
		r.watch = r.neverFewer(t)
		for range 4 {
			r.publishes(seed)
			r.begin()
			r.lose = r.fates()
			for range random.Intn(6) {
				r.converge(t)
			}
			r.lose = nil
			r.ends(t, seed)
			if random.Intn(3) == 0 && r.far.metadata != nil {
				_ = r.far.place(pick(random, pool()[8:]...), false) // of which none is in a document
				r.far.certificates = r.far.certificates[random.Intn(len(r.far.certificates)):]
				r.begin()
				r.ends(t, seed)
			}
		}
	}
}

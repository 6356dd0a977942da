package saml_test

import (
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// rollover is a SAML connection whose certificates and keys change while requests are refused and processes are lost.
type rollover struct {
	*Stage[*v1alpha1.SAMLConnection, stytch.SAMLConnection]
	random *rand.Rand
	beside *Objects
	// floor is how many valid certificates there were when the manifest was edited.
	floor, different int
	// slots and installed are how many certificates and how many valid ones there were before the last request.
	slots, installed int
}

func newRollover(random *rand.Rand) *rollover { return rolloverOf(random, AnyRemote(random)) }

func rolloverOf(random *rand.Rand, remote *Remote) *rollover {
	s, beside := NewSAML(random, remote)
	return &rollover{random: random, beside: beside, Stage: s}
}

// valid counts the certificates at Stytch that have not ended.
func valid(remote *Remote) int {
	count := 0
	for _, c := range remote.Certificates {
		if c.Ends.After(Noon) {
			count++
		}
	}
	return count
}

// different counts the same, a second copy of one aside.
func different(remote *Remote) int {
	seen := map[string]bool{}
	for _, c := range remote.Certificates {
		seen[c.SHA256] = seen[c.SHA256] || c.Ends.After(Noon)
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
		if slices.ContainsFunc(CertificatePool(), func(p IssuedCertificate) bool { return p.SHA256 == c.SHA256 && !p.Ends.After(Noon) }) || c.SHA256 == desired.Refused {
			continue
		}
		wanted++
		if slices.ContainsFunc(r.Remote.Certificates, func(h RemoteCertificate) bool { return h.SHA256 == c.SHA256 }) {
			there++
		}
	}
	return wanted, there
}

// desired is what the manifest wants but for keys, which take long to read.
func (r *rollover) desired() connection.State {
	o := *r.Own
	o.Spec.SigningPrivateKeyRef, o.Spec.EncryptionPrivateKeyRefs = nil, nil
	desired, _ := WantOf(r.Kind, &o, SAMLID, r.Inputs())
	return desired
}

// due says that the metadata is to be read, which brings what is missing.
func (r *rollover) due() bool {
	if r.Own.Spec.MetadataURL == "" {
		return false
	}
	desired := r.desired()
	return desired.Metadata != nil && desired.Metadata.Due
}

// begin remembers how it stands.
func (r *rollover) begin() {
	r.floor, r.different = valid(r.Remote), different(r.Remote)
	r.slots, r.installed = len(r.Remote.Certificates), valid(r.Remote)
}

// neverFewer fails the test where a request left fewer valid certificates than there may be.
func (r *rollover) neverFewer(t *testing.T) func(connection.Step) {
	t.Helper()
	return func(step connection.Step) {
		t.Helper()
		is, slots, was := valid(r.Remote), r.slots, r.installed
		r.slots, r.installed = len(r.Remote.Certificates), is
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
				Story(r.Log), is, was, r.floor, wanted, there, r.Remote.Certificates, InJSON(t, r.Held.Spec))
		}
	}
}

// fates lets some requests be lost.
func (r *rollover) fates() func(connection.Step) string {
	return func(step connection.Step) string {
		fate := ""
		if r.random.Intn(3) == 0 {
			fate = Pick(r.random, "unsent", "unanswered", "late")
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
	for _, step := range r.Late {
		_, _ = r.Remote.Take(t, step)
	}
	r.Late = nil
}

func TestCertificatesAreReplacedWithoutALossThoughRequestsAreRefusedAndProcessesAreLost(t *testing.T) {
	t.Parallel()
	for seed := range int64(400) {
		random := rand.New(rand.NewSource(seed))
		r := newRollover(random)
		r.Vague = Maybe(random)
		r.Watch = r.neverFewer(t)
		for range 4 {
			EditCertificates(r.random, r.Stage, r.beside)
			r.begin()
			r.Lose = r.fates()
			for range random.Intn(6) {
				r.Converge(t)
				if Maybe(random) {
					r.arrive(t)
					r.slots, r.installed = len(r.Remote.Certificates), valid(r.Remote)
				}
			}
			r.arrive(t)
			r.slots, r.installed = len(r.Remote.Certificates), valid(r.Remote)
			r.Lose = nil
			r.ends(t, seed)
			for range random.Intn(4) {
				_ = r.Remote.Place(Pick(random, OtherCertificates()...), false)
			}
		}
	}
}

// ends lets passes come to their end, and checks it.
func (r *rollover) ends(t *testing.T, seed int64) {
	t.Helper()
	out := r.Settle(t)
	if out.Err != nil {
		var refused RefusalError
		wanted, there := r.wanted(t)
		fewer := different(r.Remote) < r.different && (wanted > there && !r.due() || there == 0)
		if !errors.As(out.Err, &refused) || fewer {
			t.Fatalf("seed %d: %s ended with %v and %d valid certificates where %d were: %v", seed, Story(r.Log), out.Err, different(r.Remote), r.different, r.Remote.Certificates)
		}
		return
	}
	if wanted, there := r.wanted(t); wanted != there {
		t.Fatalf("seed %d: %d of %d certificates are there: %s %s", seed, there, wanted, InJSON(t, r.Held.Spec), ProblemWords(out.Problems))
	}
	if len(out.Problems) == 0 {
		r.checkSAML(t, seed)
	}
}

// publishes lets the identity provider change its metadata, and asks for it to be read again.
func (r *rollover) publishes(seed int64) {
	random := r.random
	r.Held.Spec.VerificationCertificates, r.Held.Spec.IDPEntityID, r.Held.Spec.IDPSSOURL = nil, "", ""
	defer func() {
		r.Told = append(r.Told, fmt.Sprintf("at %v: published %v", r.Remote.Certificates, r.Remote.Metadata[r.Held.Spec.MetadataURL].Certificates))
	}()
	r.Held.Spec.MetadataURL = Pick(random, MetadataURLs...)
	r.Held.Annotations = map[string]string{v1alpha1.AnnotationRefreshMetadata: fmt.Sprint(seed, random.Int())}
	r.Remote.Metadata = map[string]RemoteMetadata{r.Held.Spec.MetadataURL: {EntityID: "urn:a", SSOURL: "https://a", Certificates: Among(random, Written()[:4], 1, 2)}}
	if random.Intn(4) == 0 {
		r.Remote.Metadata = nil // a page in HTML, say
	}
}

func TestMetadataIsReadAgainWithoutALossThoughItIsRefusedAndProcessesAreLost(t *testing.T) {
	t.Parallel()
	for seed := range int64(600) {
		random := rand.New(rand.NewSource(seed))
		r := newRollover(random)
		r.Remote.IDPEntityID = "urn:a"
		r.Remote.Habits.Metadata = Pick(random, "append", "append-all", "replace", "keep")
		r.Watch = r.neverFewer(t)
		for range 4 {
			r.publishes(seed)
			r.begin()
			r.Lose = r.fates()
			for range random.Intn(6) {
				r.Converge(t)
			}
			r.Lose = nil
			r.ends(t, seed)
			if random.Intn(3) == 0 && r.Remote.Metadata != nil {
				_ = r.Remote.Place(Pick(random, CertificatePool()[8:]...), false) // of which none is in a document
				r.Remote.Certificates = r.Remote.Certificates[random.Intn(len(r.Remote.Certificates)):]
				r.begin()
				r.ends(t, seed)
			}
		}
	}
}

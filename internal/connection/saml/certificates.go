package saml

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
)

// Fields of the update endpoint, and of the list, that hold certificates.
const (
	fieldCertificate  = "x509_certificate"
	fieldCertificates = "verification_certificates"
)

// Actions on certificates.
//
//nolint:gochecknoglobals // Go has no constants of this type
var (
	DeleteCertificate = connection.Action{Name: "DeleteCertificate", Event: "Updated"}
	FreeCertificate   = connection.Action{Name: "FreeCertificate", Event: "Updated"} // deletes one to make room
)

// maxCertificates that a SAML connection may have at Stytch, and as many encryption keys (Stytch's docs, "SAML certificates").
const maxCertificates = 5

// wantedCertificates reads the certificates of a manifest. One that is named twice counts once. It is nil, not managed, where
// they are more than Stytch takes.
func wantedCertificates(list []v1alpha1.VerificationCertificate, in connection.Inputs) (certificates []connection.Certificate, problems []connection.Problem) {
	for i, entry := range list {
		path := fmt.Sprintf("spec.verificationCertificates[%d]", i)
		found, problem := certificatesOf(path, entry, in)
		if problem != nil {
			problems = append(problems, *problem)
		}
		for _, c := range found {
			if !holds(certificates, c.SHA256) {
				certificates = append(certificates, connection.Certificate{Certificate: c, Where: path})
			}
		}
	}
	if len(certificates) > maxCertificates {
		return nil, append(problems, connection.Problem{Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf(
			"spec.verificationCertificates contains %d certificates, but Stytch allows %d. Remove the certificates that the identity provider no longer signs with.",
			len(certificates), maxCertificates)})
	}
	return certificates, problems
}

// certificatesOf reads one entry: a certificate in the manifest, or a bundle elsewhere.
func certificatesOf(path string, entry v1alpha1.VerificationCertificate, in connection.Inputs) ([]pki.Certificate, *connection.Problem) {
	var at connection.KeyRef
	switch {
	case entry.SecretKeyRef != nil:
		at = connection.SecretKey(path+".secretKeyRef", *entry.SecretKeyRef)
	case entry.ConfigMapKeyRef != nil:
		at = connection.KeyRef{Path: path + ".configMapKeyRef", Kind: connection.KindConfigMap, Name: entry.ConfigMapKeyRef.Name, Key: entry.ConfigMapKeyRef.Key}
	default:
		found, issuers, err := pki.ReadCertificates([]byte(entry.PEM))
		if err == nil && len(found)+len(issuers) > 1 {
			err = errors.New("contains more than one certificate. Give each certificate its own entry")
		}
		if err != nil {
			return nil, &connection.Problem{Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf("%s.pem %v.", path, err)}
		}
		return found, nil
	}
	data, problem := at.Read(in)
	if problem != nil {
		return nil, problem
	}
	found, issuers, err := pki.ReadCertificates(data)
	switch {
	case err != nil:
		return nil, new(at.Invalid(err))
	case len(issuers) > 0:
		return found, new(at.Invalid(fmt.Errorf(
			"contains certificates that issued another one there and are not sent: %s. Whoever has the key of one of these could sign in as anybody. Leave only the certificates that the identity provider signs with",
			connection.Quoted(issuers))))
	}
	return found, nil
}

func holds(list []connection.Certificate, sha256 string) bool {
	return slices.ContainsFunc(list, func(c connection.Certificate) bool { return c.SHA256 == sha256 })
}

// expiredInVain are the wanted certificates that have ended and are not at Stytch: they are not sent. The last resort is, and one
// that Stytch refused is reported as that.
func expiredInVain(want, have connection.State) []connection.Certificate {
	resort, sent := lastResort(want, have)
	var vain []connection.Certificate
	for _, c := range want.Certificates {
		said := c.SHA256 == want.Refused || sent && c.SHA256 == resort.SHA256
		if c.Expired(want.Now) && !holds(have.Certificates, c.SHA256) && !said {
			vain = append(vain, c)
		}
	}
	return vain
}

// lastResort is the certificate that is sent although it has expired: if all desired certificates have, the one that expired last. The
// identity provider may sign with it all the same, and Stytch may accept it. It is not sent where Stytch refused it before, or
// where only one that is valid could make room for it.
func lastResort(want, have connection.State) (connection.Certificate, bool) {
	expired := func(c connection.Certificate) bool { return c.Expired(want.Now) }
	valid := func(c connection.Certificate) bool { return !expired(c) }
	if len(want.Certificates) == 0 || slices.ContainsFunc(want.Certificates, valid) {
		return connection.Certificate{}, false
	}
	last := slices.MaxFunc(want.Certificates, func(a, b connection.Certificate) int { return a.ExpiresAt.Compare(b.ExpiresAt) })
	room := len(have.Certificates) < maxCertificates || slices.ContainsFunc(have.Certificates, expired)
	return last, room && last.PEM != "" && last.SHA256 != want.Refused && !holds(have.Certificates, last.SHA256)
}

// refusedInVain is the wanted certificate that Stytch refused before and that is not there: it is not sent.
func refusedInVain(want, have connection.State) (connection.Certificate, bool) {
	for _, c := range want.Certificates {
		if c.SHA256 == want.Refused && !holds(have.Certificates, c.SHA256) {
			return c, true
		}
	}
	return connection.Certificate{}, false
}

// planCertificates says what brings the wanted certificates to Stytch, around an Update that makes the other changes.
//
//	                                                    steps
//	certificates missing                                the Update adds the first, one more each further one
//	all five slots taken, one missing                   before that: free the one that expired, else the unwanted one that ends first
//	one missing that only the metadata holds            after the Update: read the metadata again
//	the metadata was never read, or is to be again      at the end of all: read it
//	unwanted ones, and every wanted one is there        delete them
//
// Slots are counted through the whole plan, so that what is shown of it is what a pass does, step by step.
func planCertificates(want, have connection.State, changes []connection.Change) []connection.Step {
	missing, _ := compareCertificates(want, have)
	var steps []connection.Step
	left := have
	left.Certificates = slices.Clone(have.Certificates)
	update := func() {
		if len(changes) > 0 {
			steps = append(steps, connection.Step{Action: connection.Update, Changes: changes})
		}
		changes = nil
	}
	free := func() {
		missing, surplus := compareCertificates(want, left)
		if room, needed := makeRoom(want, left, missing, surplus); needed {
			steps = append(steps, deletion(FreeCertificate, room))
			left.Certificates = slices.DeleteFunc(left.Certificates, func(c connection.Certificate) bool { return c.ID == room.ID })
		}
	}
	free()
	lost := slices.ContainsFunc(missing, func(c connection.Certificate) bool { return c.PEM == "" })
	for _, c := range missing {
		if c.PEM == "" {
			continue
		}
		if connection.Carries(changes, fieldCertificate) {
			update()
			free()
		}
		changes = append(changes, addition(c, want.Certificates, have.Certificates))
		left.Certificates = append(left.Certificates, c)
	}
	update()
	if lost {
		steps = append(steps, reading(want.Metadata))
	}
	for _, c := range unneeded(want, left) {
		steps = append(steps, deletion(DeleteCertificate, c))
	}
	return steps
}

// unneeded are the certificates that go once those that are missing were added. What stands in the place of one that is not sent stays.
func unneeded(want, left connection.State) []connection.Certificate {
	if _, refused := refusedInVain(want, left); refused || len(expiredInVain(want, left)) > 0 {
		return nil
	}
	_, surplus := compareCertificates(want, left)
	return surplus
}

// compareCertificates says which wanted certificates are not there, and which of those there are not wanted, the one that
// expires first at the top. None is to go while a wanted one cannot be read, and none that is valid while no wanted one is.
func compareCertificates(want, have connection.State) (missing, surplus []connection.Certificate) {
	if want.Certificates == nil {
		return nil, nil
	}
	missing = missingCertificates(want, have)
	if want.Incomplete {
		return missing, nil
	}
	surplus = surplusCertificates(want, have)
	if len(missing) > 0 && !missing[0].Expired(want.Now) {
		return missing, surplus
	}
	last := lastValid(want, have)
	surplus = slices.DeleteFunc(surplus, func(c connection.Certificate) bool { return slices.Contains(last, c) })
	if len(missing) == 0 && len(surplus) > 0 && len(surplus) == len(have.Certificates) {
		surplus = surplus[:len(surplus)-1] // nothing wanted is there before the metadata is read
	}
	return missing, surplus
}

// due says that the metadata is going to be read, at the end of the plan.
func due(want connection.State) bool { return want.Metadata != nil && want.Metadata.Due }

// missingCertificates are those that are wanted and not there: without those that have ended, but for the last resort, or that Stytch
// refused, and without those that the metadata is about to bring.
func missingCertificates(want, have connection.State) []connection.Certificate {
	var missing []connection.Certificate
	for _, c := range want.Certificates {
		toBeRead := due(want) && c.PEM == ""
		if !holds(have.Certificates, c.SHA256) && !c.Expired(want.Now) && !toBeRead && c.SHA256 != want.Refused {
			missing = append(missing, c)
		}
	}
	if resort, sent := lastResort(want, have); sent {
		missing = append(missing, resort)
	}
	return missing
}

// absentCertificate says that a wanted certificate is not there that has not expired, be it sent next or brought by the metadata.
func absentCertificate(want, have connection.State) bool {
	return slices.ContainsFunc(want.Certificates, func(c connection.Certificate) bool {
		return !c.Expired(want.Now) && !holds(have.Certificates, c.SHA256)
	})
}

// surplusCertificates are those that are there and not wanted, the one that ends first at the top. A second copy of a wanted one
// is not wanted, and, where a valid one stays, neither is one that has expired: what the metadata is about to bring needs a
// place.
func surplusCertificates(want, have connection.State) []connection.Certificate {
	valid := slices.ContainsFunc(have.Certificates, func(c connection.Certificate) bool { return !c.Expired(want.Now) })
	room := valid && due(want)
	there := map[string]bool{}
	var surplus []connection.Certificate
	for _, c := range have.Certificates {
		if there[c.SHA256] || !holds(want.Certificates, c.SHA256) || room && c.Expired(want.Now) {
			surplus = append(surplus, c)
		}
		there[c.SHA256] = true
	}
	slices.SortFunc(surplus, endsFirst)
	return surplus
}

// lastValid are the certificates at Stytch that nobody wants and that stay all the same, because those that are wanted have ended
// and nobody could sign in without.
func lastValid(want, have connection.State) []connection.Certificate {
	var last []connection.Certificate
	for _, c := range have.Certificates {
		switch {
		case want.Certificates == nil || holds(want.Certificates, c.SHA256) && !c.Expired(want.Now):
			return nil
		case !c.Expired(want.Now):
			last = append(last, c)
		}
	}
	return last
}

// makeRoom says which certificate goes where all slots are taken and one is missing. One that has expired is no loss, even one
// that is wanted.
func makeRoom(want, have connection.State, missing, surplus []connection.Certificate) (connection.Certificate, bool) {
	if len(missing) == 0 || len(have.Certificates) < maxCertificates {
		return connection.Certificate{}, false
	}
	for _, c := range slices.SortedFunc(slices.Values(have.Certificates), endsFirst) {
		if c.Expired(want.Now) {
			return c, true
		}
	}
	if len(surplus) == 0 {
		return connection.Certificate{}, false
	}
	return surplus[0], true
}

// endsFirst puts the certificate that ends first at the top, and those that nobody knows the end of last.
func endsFirst(a, b connection.Certificate) int {
	return cmp.Or(compareEnds(a.ExpiresAt, b.ExpiresAt), strings.Compare(a.ID, b.ID))
}

func compareEnds(a, b time.Time) int {
	return cmp.Or(connection.CompareBools(a.IsZero(), b.IsZero()), a.Compare(b))
}

// addition of a certificate. What Stytch has in its place are the certificates that nobody wants: those that are wanted come and
// go next to it.
func addition(c connection.Certificate, want, have []connection.Certificate) connection.Change {
	var instead []string
	for _, h := range have {
		if !holds(want, h.SHA256) {
			instead = append(instead, cmp.Or(h.SHA256, "unreadable"))
		}
	}
	slices.Sort(instead)
	return connection.Change{
		Field: fieldCertificate, Kind: connection.Added, Topic: connection.TopicCertificate(c.SHA256),
		Have: connection.Text(strings.Join(slices.Compact(instead), " ")),
		Want: connection.Value{Send: c.PEM, Same: c.SHA256}, Where: c.Where,
	}
}

func deletion(action connection.Action, c connection.Certificate) connection.Step {
	return connection.Step{
		Action: action, Target: c.ID, Needs: []string{fieldCertificate, fieldMetadataURL},
		Changes: []connection.Change{{Field: fieldCertificates, Kind: connection.Removed, Topic: connection.TopicCertificate(cmp.Or(c.SHA256, c.ID)), Have: connection.Value{Send: c.PEM, Same: cmp.Or(c.SHA256, c.ID)}, Want: connection.Text("")}},
	}
}

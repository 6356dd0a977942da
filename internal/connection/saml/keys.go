package saml

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Fields of the update endpoint, and of the list, that hold keys.
const (
	fieldSigningKey     = "signing_private_key"
	fieldEncryptionKey  = "saml_encryption_private_key"
	fieldEncryptionKeys = "encryption_private_keys"
)

// Actions on encryption keys.
//
//nolint:gochecknoglobals // Go has no constants of this type
var (
	AddEncryptionKey    = connection.Action{Name: "AddEncryptionKey", Event: "Updated"}
	DeleteEncryptionKey = connection.Action{Name: "DeleteEncryptionKey", Event: "Updated"}
)

// addingTime is how long a call that adds a key lasts at most. Where its response was lost it may yet take effect for the settle
// time after that, as a creation may.
const addingTime = 30 * time.Second

// doubtUntil is until when a request that adds an encryption key may yet take effect; zero where none can.
func doubtUntil(adding *v1alpha1.AddingEncryptionKeyStatus, settle time.Duration) time.Time {
	if adding == nil || adding.SentAt == nil {
		return time.Time{}
	}
	return adding.SentAt.Add(addingTime + settle)
}

// doubtOver is when the next doubt about a key is over; zero where there is none.
func doubtOver(o manifest, settle time.Duration) time.Time {
	encryption, signing := doubtUntil(o.Status.AddingEncryptionKey, settle), time.Time{}
	if sent := o.Status.SigningKeySentAt; sent != nil {
		signing = sent.Add(addingTime + settle)
	}
	if encryption.IsZero() || !signing.IsZero() && signing.Before(encryption) {
		return signing
	}
	return encryption
}

// signingInDoubt says that a request that carries a signing key may yet take effect. None is sent then: Stytch would make two
// certificates for one key, and nobody can delete one.
func signingInDoubt(want connection.State) bool {
	return !want.SigningSentAt.IsZero() && want.SigningSentAt.Add(addingTime+want.Settle).After(want.Now)
}

// signingSentAfter is when a request was sent that carries a signing key, until Stytch answered it, signs with the key, or the request
// cannot be on its way any more.
func signingSentAfter(was *metav1.Time, e connection.Event[remote]) *metav1.Time {
	sends := e.Step != nil && connection.Carries(e.Step.Changes, fieldSigningKey)
	switch {
	case e.Type == connection.StepBegins && sends:
		return connection.StatusTime(e.Now)
	case e.Type == connection.StepDone && sends, e.Type == connection.StepFailed && sends,
		e.Type == connection.Compared && was != nil && (!signingInDoubt(e.Want) || signs(e.Want.Signing, haveState(e.Remote).Signing)):
		return nil
	}
	return was
}

// signs says that Stytch signs with the wanted key.
func signs(want, have []connection.Key) bool {
	return len(want) > 0 && slices.ContainsFunc(have, func(k connection.Key) bool { return k.SPKISHA256 == want[0].SPKISHA256 })
}

// inDoubt says that a request that adds a key may yet take effect, and has not. Nothing is added or removed then: a key that
// appeared could not be told from another.
func inDoubt(adding *v1alpha1.AddingEncryptionKeyStatus, present []string, now time.Time, settle time.Duration) bool {
	return doubtUntil(adding, settle).After(now) && len(appeared(adding, present)) == 0
}

// readKeyAt reads the RSA private key that an entry names.
func readKeyAt(at connection.KeyRef, in connection.Inputs) (connection.Key, *connection.Problem) {
	data, problem := at.ReadToSend(in)
	if problem != nil {
		return connection.Key{}, problem
	}
	private, spki, err := pki.ReadKey(data)
	if err != nil {
		return connection.Key{}, new(at.Invalid(err))
	}
	return connection.Key{SPKISHA256: spki, Private: stytch.Secret(private), Where: at.Path}, nil
}

// wantedSigning is the signing key that a manifest names.
func wantedSigning(ref *v1alpha1.SecretKeyRef, in connection.Inputs) ([]connection.Key, []connection.Problem) {
	if ref == nil {
		return nil, nil
	}
	key, problem := readKeyAt(connection.SecretKey("spec.signingPrivateKeyRef", *ref), in)
	if problem != nil {
		return nil, []connection.Problem{*problem}
	}
	return []connection.Key{key}, nil
}

// wantedEncryption are the encryption keys that a manifest names, next to those that were added through it.
func wantedEncryption(o manifest, in connection.Inputs) (*connection.Encryption, []connection.Problem) {
	if o.Spec.EncryptionPrivateKeyRefs == nil {
		return nil, nil
	}
	e := &connection.Encryption{Ours: map[string]string{}, Adding: o.Status.AddingEncryptionKey, Unidentified: o.Status.UnidentifiedEncryptionKeys}
	for _, known := range connection.RecordAt(o, recorded(o)).Keys {
		e.Ours[known.PrivateKeyID] = known.SPKISHA256
	}
	var problems []connection.Problem
	for i, ref := range o.Spec.EncryptionPrivateKeyRefs {
		key, problem := readKeyAt(connection.SecretKey(fmt.Sprintf("spec.encryptionPrivateKeyRefs[%d]", i), ref), in)
		switch {
		case problem != nil:
			e.Incomplete = true
			problems = append(problems, *problem)
		case !slices.ContainsFunc(e.Keys, func(k connection.Key) bool { return k.SPKISHA256 == key.SPKISHA256 }):
			e.Keys = append(e.Keys, key)
		}
	}
	return e, problems
}

// signing is the change that gives Stytch the wanted signing key, if it does not sign with it and no earlier one is on its way.
func signing(want connection.State, have []connection.Key) []connection.Change {
	if len(want.Signing) == 0 || signs(want.Signing, have) || signingInDoubt(want) {
		return nil
	}
	key := want.Signing[0]
	var newest []string
	for _, k := range have {
		newest = append(newest, k.SPKISHA256)
	}
	return []connection.Change{{Field: fieldSigningKey, Topic: connection.TopicKey("signing key", key.SPKISHA256), Have: connection.Text(strings.Join(newest, " ")), Want: connection.Value{Send: key.Private, Same: key.SPKISHA256}, Where: key.Where}}
}

// compareKeys says which wanted keys are not there, and which of those there were added through the manifest and are not wanted
// any more. None is to go while a wanted one cannot be read.
func compareKeys(want, have *connection.Encryption) (missing []connection.Key, unwanted []string) {
	there := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(want.Ours)) {
		spki := want.Ours[id]
		switch {
		case !slices.Contains(have.IDs, id):
		case there[spki] || !slices.ContainsFunc(want.Keys, func(k connection.Key) bool { return k.SPKISHA256 == spki }):
			unwanted = append(unwanted, id)
		default:
			there[spki] = true
		}
	}
	if want.Incomplete {
		unwanted = nil
	}
	return slices.DeleteFunc(slices.Clone(want.Keys), func(k connection.Key) bool { return there[k.SPKISHA256] }), unwanted
}

// planEncryption adds the keys that are wanted before it removes those of ours that are not. With all slots taken one of those
// goes first, and where there is none, none is added. A key that was not added through the manifest is never removed.
func planEncryption(wanted connection.State, have *connection.Encryption) []connection.Step {
	want := wanted.Encryption
	if want == nil || len(appeared(want.Adding, have.IDs)) > 1 || inDoubt(want.Adding, have.IDs, wanted.Now, wanted.Settle) {
		return nil
	}
	missing, unwanted := compareKeys(want, have)
	if len(missing) > 0 && len(want.Unidentified) > 0 {
		return nil
	}
	var steps []connection.Step
	remove := func(id string) connection.Step {
		return connection.Step{Action: DeleteEncryptionKey, Target: id, Needs: []string{fieldEncryptionKey}, Changes: []connection.Change{{
			Field: fieldEncryptionKeys, Kind: connection.Removed, Topic: connection.TopicKey("encryption key", want.Ours[id]), Have: connection.Text(want.Ours[id]), Want: connection.Text(""),
		}}}
	}
	full := len(have.IDs) >= maxCertificates
	switch {
	case full && len(unwanted) == 0:
		return nil
	case full && len(missing) > 0:
		steps = append(steps, remove(unwanted[0]))
		unwanted = unwanted[1:]
	}
	for _, k := range missing {
		steps = append(steps, connection.Step{Action: AddEncryptionKey, Changes: []connection.Change{{
			Field: fieldEncryptionKey, Kind: connection.Added, Topic: connection.TopicKey("encryption key", k.SPKISHA256), Want: connection.Value{Send: k.Private, Same: k.SPKISHA256}, Where: k.Where,
		}}})
	}
	for _, id := range unwanted {
		steps = append(steps, remove(id))
	}
	return steps
}

// recordedKeys are the keys that were added through the manifest: without those that are gone, and with the one that was being
// added, which is the one that was not there before.
func recordedKeys(known []v1alpha1.EncryptionKeyStatus, adding *v1alpha1.AddingEncryptionKeyStatus, present []string) []v1alpha1.EncryptionKeyStatus {
	there := slices.DeleteFunc(slices.Clone(known), func(k v1alpha1.EncryptionKeyStatus) bool { return !slices.Contains(present, k.PrivateKeyID) })
	if id := arrived(adding, present); id != "" {
		there = append(there, v1alpha1.EncryptionKeyStatus{PrivateKeyID: id, SPKISHA256: adding.SPKISHA256})
	}
	return there
}

// addingAfter is the key that is being added, with the keys that were there before. It stands until its ID is known, Stytch refused
// it, or it is not wanted any more, did not appear, and cannot be on its way: should it appear yet, it is nobody's, and is left
// alone. What is noted of the keys before an earlier attempt with the same key stands, and the time of the last attempt as long as
// that may take effect.
func addingAfter(was *v1alpha1.AddingEncryptionKeyStatus, e connection.Event[remote]) *v1alpha1.AddingEncryptionKeyStatus {
	present := e.Remote.EncryptionKeyIDs
	added := e.Step != nil && e.Step.Action == AddEncryptionKey
	switch {
	case e.Type == connection.StepBegins && added:
		if was != nil && was.SPKISHA256 == e.Step.Changes[0].Want.Same {
			present = was.PresentKeyIDs
		}
		return &v1alpha1.AddingEncryptionKeyStatus{SPKISHA256: e.Step.Changes[0].Want.Same, PresentKeyIDs: present, SentAt: connection.StatusTime(e.Now)}
	case e.Type == connection.Observed && arrived(was, present) != "",
		e.Type == connection.StepFailed && added && e.Refusal != nil && e.Refusal.Class == stytch.Rejected,
		e.Type == connection.Compared && was != nil && len(appeared(was, present)) == 0 && !inDoubt(was, present, e.Now, e.Want.Settle) && !wants(e.Want.Encryption, was.SPKISHA256):
		return nil
	case e.Type == connection.StepFailed && added && was != nil, // it certainly is not on its way
		e.Type == connection.Compared && was != nil && !doubtUntil(was, e.Want.Settle).After(e.Now):
		return &v1alpha1.AddingEncryptionKeyStatus{SPKISHA256: was.SPKISHA256, PresentKeyIDs: was.PresentKeyIDs}
	}
	return was
}

// unidentifiedAfter are the keys that were there when the connection was taken over and that nothing is recorded of, as long as they
// are there and nobody says by the annotation that they are none of the manifest's.
func unidentifiedAfter(o manifest, e connection.Event[remote]) []string {
	was := o.Status.UnidentifiedEncryptionKeys
	switch e.Type {
	case connection.TakenOver:
		was = e.Remote.EncryptionKeyIDs
	case connection.Observed:
	default:
		return was
	}
	known := connection.RecordAt(o, recorded(o)).Keys
	left := slices.DeleteFunc(slices.Clone(was), func(id string) bool {
		return !slices.Contains(e.Remote.EncryptionKeyIDs, id) || slices.ContainsFunc(known, func(k v1alpha1.EncryptionKeyStatus) bool { return k.PrivateKeyID == id })
	})
	if len(left) == 0 || o.Annotations[v1alpha1.AnnotationAddEncryptionKeys] == strconv.Itoa(len(left)) {
		return nil
	}
	return left
}

// wants says that a key is wanted, or may be: not all of the manifest's can be read.
func wants(want *connection.Encryption, spki string) bool {
	return want != nil && (want.Incomplete || slices.ContainsFunc(want.Keys, func(k connection.Key) bool { return k.SPKISHA256 == spki }))
}

// arrived is the ID of the key that was being added, where one key, and no other, appeared.
func arrived(adding *v1alpha1.AddingEncryptionKeyStatus, present []string) string {
	if added := appeared(adding, present); len(added) == 1 {
		return added[0]
	}
	return ""
}

// appeared are the keys that were not there before a key was being added.
func appeared(adding *v1alpha1.AddingEncryptionKeyStatus, present []string) []string {
	if adding == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(present), func(id string) bool { return slices.Contains(adding.PresentKeyIDs, id) })
}

// signingProblems reports that a signing key is not sent because an earlier one may be on its way.
func signingProblems(want, have connection.State) []connection.Problem {
	if len(want.Signing) == 0 || signs(want.Signing, have.Signing) || !signingInDoubt(want) {
		return nil
	}
	return []connection.Problem{{
		Reason:  v1alpha1.ReasonUnavailable,
		Message: "The response to a request that contains the signing key may have been lost. Looking for its certificate before the key is sent.",
	}}
}

// keyProblems reports keys that appeared together, of which nobody can say which is whose: none is added or removed then. And it
// reports that there is no place for a wanted one, which is not sent then.
func keyProblems(wanted connection.State, have *connection.Encryption) []connection.Problem {
	want := wanted.Encryption
	if want == nil || have == nil {
		return nil
	}
	if added := appeared(want.Adding, have.IDs); len(added) > 1 {
		return []connection.Problem{{Reason: v1alpha1.ReasonConflict, Message: fmt.Sprintf(
			"Several encryption keys appeared while one was being added, and Stytch does not show which key is which: %s. Delete the keys that you do not need in Stytch, until only one of these is left.",
			strings.Join(added, ", "))}}
	}
	missing, unwanted := compareKeys(want, have)
	switch {
	case len(missing) > 0 && len(want.Unidentified) > 0:
		return []connection.Problem{{Reason: v1alpha1.ReasonKeysUnidentified, Message: fmt.Sprintf(
			"Stytch has encryption keys that were there when the connection was taken over or the status of this manifest was restored, and does not show which keys they are: %s. Keys of spec.encryptionPrivateKeyRefs may be among them, so none is added. Delete in Stytch those that are not used; or, to add the keys of the manifest in addition, set the annotation %s=%d.",
			strings.Join(want.Unidentified, ", "), v1alpha1.AnnotationAddEncryptionKeys, len(want.Unidentified))}}
	case len(missing) > 0 && inDoubt(want.Adding, have.IDs, wanted.Now, wanted.Settle):
		return []connection.Problem{{
			Reason:  v1alpha1.ReasonUnavailable,
			Message: "The response to a request that adds an encryption key may have been lost. Looking for that key before a key is added.",
		}}
	case len(missing) > 0 && len(unwanted) == 0 && len(have.IDs) >= maxCertificates:
		return []connection.Problem{{Reason: v1alpha1.ReasonRejected, Message: fmt.Sprintf(
			"Stytch allows %d encryption keys and already has that many, so not all keys in spec.encryptionPrivateKeyRefs can be added. In Stytch, delete an unused key that was not added by this manifest.",
			maxCertificates)}}
	}
	return nil
}

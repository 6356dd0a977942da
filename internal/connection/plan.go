package connection

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Action is what a step does.
type Action string

// Actions. Each is one call to Stytch, but for those that publish, promote or recover, which are one write of a Secret or ConfigMap.
const (
	Update              Action = "Update"
	ReadMetadata        Action = "ReadMetadata"
	DeleteCertificate   Action = "DeleteCertificate"
	FreeCertificate     Action = "FreeCertificate" // deletes one to make room
	AddEncryptionKey    Action = "AddEncryptionKey"
	DeleteEncryptionKey Action = "DeleteEncryptionKey"
	StartRotation       Action = "StartRotation"
	CompleteRotation    Action = "CompleteRotation"
	CancelRotation      Action = "CancelRotation"
	PublishToken        Action = "PublishToken"
	PromoteToken        Action = "PromoteToken" // the next token, which was completed, takes the other's place
	RecoverToken        Action = "RecoverToken" // the same, of a connection that is still being created
	PublishDetails      Action = "PublishDetails"
)

// Topic is what a step is about that keeps nothing else waiting when it cannot be done; empty where others wait for it.
func (a Action) Topic() string {
	switch a {
	case StartRotation, CompleteRotation, CancelRotation, PublishToken, PromoteToken, RecoverToken:
		return "token"
	case PublishDetails:
		return "details"
	case Update, ReadMetadata, DeleteCertificate, FreeCertificate, AddEncryptionKey, DeleteEncryptionKey:
	}
	return ""
}

// maxCertificates that a SAML connection may have at Stytch, and as many encryption keys (Stytch's docs, "SAML certificates").
const maxCertificates = 5

// Change is one difference: a field, what Stytch has and what the manifest wants.
type Change struct {
	Field      string
	Have, Want Value
}

// Step is one thing to do, with the changes that it makes.
type Step struct {
	Action  Action
	Target  string // the ID of the certificate or key that is deleted; the request that a rotation is started for
	Changes []Change
	// Why it is done, for the event, where the changes do not tell.
	Why string
	// Fresh says that the step is only taken on what was read from Stytch in the same pass.
	Fresh bool
}

// Fields is the body of an Update.
func (s Step) Fields() stytch.Fields { return fields(s.Changes) }

// carries says whether a step changes a field.
func carries(s Step, field string) bool {
	return slices.ContainsFunc(s.Changes, func(c Change) bool { return c.Field == field })
}

// Plan is what makes have equal to want, in the order in which it is done. After each step the answer is the new have and
// the plan is made again, so a later step is only ever taken on what was read back.
//
//	                                        steps
//	the token: see judgeToken               start, [Secret]; complete, [Secret]; cancel, [Secret]
//	details are not as Stytch says          publish them; last where the signing key changes before
//	settings differ, certificates missing   one Update with all of it and the first certificate: see planCertificates
//	encryption keys missing or not wanted   add each, then delete: see planEncryption
//	metadata to be read                     read it: see planReading
//
// A new connection keeps its mark, that is its provisional name, until its token is in the Secret.
func Plan(want, have State) []Step {
	changes := differences(want.Settings, have.Settings)
	if have.New && want.Token != nil && have.Token != nil && want.Token.LastFour != have.Token.LastFour {
		changes = slices.DeleteFunc(changes, func(c Change) bool { return c.Field == fieldDisplayName })
	}
	newKey := signing(want.Signing, have.Signing)
	remote := slices.Concat(
		planCertificates(want, have, append(changes, newKey...)),
		planEncryption(want.Encryption, cmp.Or(have.Encryption, &Encryption{})),
	)
	remote = append(remote, planReading(want.Metadata, remote)...)
	details := planDetails(want.Details, detailsOf(want.Signing, have))
	if len(newKey) > 0 {
		remote, details = slices.Concat(remote, details), nil
	}
	return slices.Concat(planToken(want.Token, have), details, remote)
}

// differences between what is wanted and what is there, by field.
func differences(want, have Settings) []Change {
	var changes []Change
	for _, field := range slices.Sorted(maps.Keys(want)) {
		if differs(want[field], have[field]) {
			changes = append(changes, Change{Field: field, Have: have[field], Want: want[field]})
		}
	}
	for _, field := range slices.Sorted(maps.Keys(want)) {
		beside := carries(Step{Changes: changes}, want[field].With)
		if beside && !carries(Step{Changes: changes}, field) {
			changes = append(changes, Change{Field: field, Have: have[field], Want: want[field]})
		}
	}
	return changes
}

func differs(want, have Value) bool {
	if have.Unreadable {
		return !want.Sent
	}
	return want.Same != have.Same
}

// planToken is the next step of the token's life, if there is one.
func planToken(secret *Token, have State) []Step {
	if secret == nil || have.Token == nil {
		return nil
	}
	if step := judgeToken(secret, have.Token, have.New).step; step != nil {
		return []Step{*step}
	}
	return nil
}

// Withhold takes out of a plan what was sent before, at the same have and want, and read back different. It returns what is
// left to do, and the entries that still hold. No certificate or key is removed while a wanted one is withheld.
func Withhold(steps []Step, stuck []v1alpha1.NotConverging) ([]Step, []v1alpha1.NotConverging) {
	var left []Step
	var hold []v1alpha1.NotConverging
	for _, s := range steps {
		var changes []Change
		for _, c := range s.Changes {
			if entry := Stuck(c); slices.Contains(stuck, entry) {
				hold = append(hold, entry)
			} else {
				changes = append(changes, c)
			}
		}
		if changes = needed(changes); len(changes) > 0 {
			s.Changes = changes
			left = append(left, s)
		}
	}
	withheld := func(field string) bool {
		return slices.ContainsFunc(hold, func(n v1alpha1.NotConverging) bool { return n.Field == field })
	}
	left = slices.DeleteFunc(left, func(s Step) bool {
		switch s.Action {
		case DeleteCertificate, FreeCertificate:
			return withheld(fieldCertificate) || withheld(fieldMetadataURL)
		case DeleteEncryptionKey:
			return withheld(fieldEncryptionKey)
		default:
			return false
		}
	})
	return left, hold
}

// needed leaves out what is equal and was to go beside a field that does not go itself.
func needed(changes []Change) []Change {
	var left []Change
	for _, c := range changes {
		if c.Want.With == "" || differs(c.Want, c.Have) || carries(Step{Changes: changes}, c.Want.With) {
			left = append(left, c)
		}
	}
	return left
}

// Repeated are the changes of a plan that a step just made: they were sent and read back different.
func Repeated(done Step, plan []Step) []v1alpha1.NotConverging {
	var stuck []v1alpha1.NotConverging
	for _, sent := range done.Changes {
		for _, s := range plan {
			for _, c := range s.Changes {
				if s.Action == done.Action && c.Field == sent.Field && c.Want.Same == sent.Want.Same && s.Target == done.Target && differs(c.Want, c.Have) {
					stuck = append(stuck, Stuck(c))
				}
			}
		}
	}
	return stuck
}

// Stuck is how a change is remembered that was sent and read back different.
func Stuck(c Change) v1alpha1.NotConverging {
	have, want := c.Have.Same, c.Want.Same
	if from := c.Want.From; from != nil {
		have, want = "another", from.UID+"/"+from.ResourceVersion
	}
	return v1alpha1.NotConverging{Field: c.Field, Want: hash(want), Have: hash(have)}
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

const (
	maxPlan  = 64
	maxShown = 256
)

// Show is a plan as status has it: at most 64 changes of at most 256 characters, and no secret among them, because a Value
// of a secret has only its fingerprint to show.
func Show(steps []Step) []v1alpha1.Change {
	var shown []v1alpha1.Change
	for _, s := range steps {
		for _, c := range s.Changes {
			if len(shown) < maxPlan && differs(c.Want, c.Have) {
				have, want := c.shown()
				shown = append(shown, v1alpha1.Change{Field: c.Field, Have: cut(have), Want: cut(want)})
			}
		}
	}
	return shown
}

// shown is how the two sides of a change may be seen.
func (c Change) shown() (have, want string) {
	if c.Want.From != nil {
		return "", "changed"
	}
	return c.Have.Same, c.Want.Same
}

func cut(s string) string { return cutTo(maxShown, s) }

// cutTo shortens a string to what status takes: a longer one would make every write of status be refused.
func cutTo(limit int, s string) string {
	runes := []rune(s)
	if len(runes) <= limit {
		return s
	}
	return string(runes[:limit-1]) + "…"
}

// Names lists the fields that steps change, for a sentence.
func Names(steps []Step) string {
	var names []string
	for _, s := range steps {
		for _, c := range s.Changes {
			if differs(c.Want, c.Have) && !slices.Contains(names, c.Field) {
				names = append(names, c.Field)
			}
		}
	}
	return strings.Join(names, ", ")
}

// Sentence is a step in words, for an event.
func (s Step) Sentence() string {
	var parts []string
	for _, c := range s.Changes {
		have, want := c.shown()
		switch c.Field {
		case fieldCertificate, fieldEncryptionKey:
			parts = append(parts, fmt.Sprintf("%s: added %s", c.Field, want))
		case fieldCertificates, fieldEncryptionKeys:
			parts = append(parts, fmt.Sprintf("%s: removed %s", c.Field, have))
		default:
			if differs(c.Want, c.Have) {
				parts = append(parts, fmt.Sprintf("%s: %q → %q", c.Field, cut(have), cut(want)))
			}
		}
	}
	said := strings.Join(parts, "; ")
	if s.Why != "" {
		said += " (" + s.Why + ")"
	}
	return said
}

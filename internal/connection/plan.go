package connection

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Action is what a step does.
type Action string

// Actions. Each is one call to Stytch, but for PublishToken, which is one write of the token's Secret.
const (
	Update            Action = "Update"
	DeleteCertificate Action = "DeleteCertificate"
	StartRotation     Action = "StartRotation"
	CompleteRotation  Action = "CompleteRotation"
	CancelRotation    Action = "CancelRotation"
	PublishToken      Action = "PublishToken"
)

// maxCertificates that a SAML connection may have at Stytch (Stytch's docs, "SAML certificates").
const maxCertificates = 5

// Change is one difference: a field, what Stytch has and what the manifest wants.
type Change struct {
	Field      string
	Have, Want Value
}

// Step is one thing to do, with the changes that it makes.
type Step struct {
	Action  Action
	Target  string // the ID of the certificate that DeleteCertificate deletes
	Changes []Change
}

// Fields is the body of an Update.
func (s Step) Fields() stytch.Fields { return fields(s.Changes) }

// Plan is what makes have equal to want, in the order in which it is done. After each step the answer is the new have and
// the plan is made again, so a later step is only ever taken on what was read back.
//
//	                                        steps
//	token of a new connection is lost       cancel or complete what is open, start, [Secret], complete
//	settings differ, certificates missing   one Update with all of it and the first certificate, one per further certificate
//	all five slots taken, one missing       before that: delete the unwanted one that expires first
//	unwanted certificates                   once every wanted one is there: delete them
//	the Secret's base-url is another        publish it
//
// A new connection keeps its mark, that is its provisional name, until its token is in the Secret.
func Plan(want, have State) []Step {
	token := planToken(want.Token, have)
	changes := differences(want.Settings, have.Settings)
	if have.New && want.Token != nil && have.Token != nil && want.Token.LastFour != have.Token.LastFour {
		changes = slices.DeleteFunc(changes, func(c Change) bool { return c.Field == fieldDisplayName })
	}

	missing, surplus := compareCertificates(want, have)
	var steps []Step
	if len(missing) > 0 && len(surplus) > 0 && len(have.Certificates) >= maxCertificates {
		steps = append(steps, deletion(surplus[0]))
		surplus = surplus[1:]
	}
	for i, c := range missing {
		if i > 0 {
			steps = append(steps, Step{Action: Update, Changes: changes})
			changes = nil
		}
		changes = append(changes, addition(c, want.Certificates, have.Certificates))
	}
	if len(changes) > 0 {
		steps = append(steps, Step{Action: Update, Changes: changes})
	}
	for _, c := range surplus {
		steps = append(steps, deletion(c))
	}
	return append(token, steps...)
}

// differences between what is wanted and what is there, by field.
func differences(want, have Settings) []Change {
	var changes []Change
	for _, field := range slices.Sorted(maps.Keys(want)) {
		if want[field].Same != have[field].Same {
			changes = append(changes, Change{Field: field, Have: have[field], Want: want[field]})
		}
	}
	return changes
}

// planToken brings a token that Stytch accepts into the Secret. Only while the connection bears the mark of its creation can
// nobody be using the lost token: then it is replaced. Afterwards a missing token is reported, not replaced.
func planToken(secret *Token, have State) []Step {
	if secret == nil || have.Token == nil {
		return nil
	}
	remote := have.Token
	step := func(a Action, field, have, want string) []Step {
		return []Step{{Action: a, Changes: []Change{{Field: field, Have: Text(have), Want: Text(want)}}}}
	}
	cancel := step(CancelRotation, fieldNextToken, "…"+remote.NextLastFour, "")
	switch {
	case secret.LastFour == remote.LastFour && have.New && remote.NextLastFour != "":
		return cancel
	case secret.LastFour == remote.LastFour && secret.BaseURL != remote.BaseURL:
		return step(PublishToken, fieldBaseURL, secret.BaseURL, remote.BaseURL)
	case secret.LastFour == remote.LastFour || !have.New || secret.Foreign:
		return nil
	case remote.NextLastFour == "":
		return step(StartRotation, fieldToken, "…"+remote.LastFour, "a new one")
	case secret.LastFour == remote.NextLastFour:
		return step(CompleteRotation, fieldToken, "…"+remote.LastFour, "…"+remote.NextLastFour)
	default:
		return cancel
	}
}

// compareCertificates says which wanted certificates are not there, and which of those there are not wanted, the one that
// expires first at the top. A second copy of a wanted one is not wanted.
func compareCertificates(want, have State) (missing, surplus []Certificate) {
	if want.Certificates == nil {
		return nil, nil
	}
	wanted := map[string]bool{}
	for _, c := range want.Certificates {
		wanted[c.SHA256] = true
	}
	there := map[string]bool{}
	for _, c := range have.Certificates {
		if !wanted[c.SHA256] || there[c.SHA256] {
			surplus = append(surplus, c)
		}
		there[c.SHA256] = true
	}
	for _, c := range want.Certificates {
		if !there[c.SHA256] {
			missing = append(missing, c)
		}
	}
	if want.Incomplete {
		return missing, nil
	}
	slices.SortFunc(surplus, func(a, b Certificate) int {
		return cmp.Or(compareEnds(a.ExpiresAt, b.ExpiresAt), strings.Compare(a.ID, b.ID))
	})
	return missing, surplus
}

// compareEnds puts what ends first at the top, and what nobody knows the end of last.
func compareEnds(a, b time.Time) int {
	return cmp.Or(compareBools(a.IsZero(), b.IsZero()), a.Compare(b))
}

// addition of a certificate. What Stytch has in its place are the certificates that nobody wants: those that are wanted come and
// go beside it.
func addition(c Certificate, want, have []Certificate) Change {
	var instead []string
	for _, h := range have {
		if !slices.ContainsFunc(want, func(w Certificate) bool { return w.SHA256 == h.SHA256 }) {
			instead = append(instead, cmp.Or(h.SHA256, "unreadable"))
		}
	}
	slices.Sort(instead)
	return Change{
		Field: fieldCertificate,
		Have:  Text(strings.Join(slices.Compact(instead), " ")),
		Want:  Value{Send: c.PEM, Same: c.SHA256},
	}
}

func deletion(c Certificate) Step {
	return Step{
		Action: DeleteCertificate, Target: c.ID,
		Changes: []Change{{Field: fieldCertificates, Have: Text(cmp.Or(c.SHA256, c.ID)), Want: Text("")}},
	}
}

// Withhold takes out of a plan what was sent before, at the same have and want, and read back different. It returns what is
// left to do, and the entries that still hold. No certificate is removed while a wanted one is withheld.
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
		if len(changes) > 0 {
			s.Changes = changes
			left = append(left, s)
		}
	}
	if slices.ContainsFunc(hold, func(n v1alpha1.NotConverging) bool { return n.Field == fieldCertificate }) {
		left = slices.DeleteFunc(left, func(s Step) bool { return s.Action == DeleteCertificate })
	}
	return left, hold
}

// Repeated are the changes of a plan that a step just made: they were sent and read back different.
func Repeated(done Step, plan []Step) []v1alpha1.NotConverging {
	var stuck []v1alpha1.NotConverging
	for _, sent := range done.Changes {
		for _, s := range plan {
			for _, c := range s.Changes {
				if s.Action == done.Action && c.Field == sent.Field && c.Want.Same == sent.Want.Same && s.Target == done.Target {
					stuck = append(stuck, Stuck(c))
				}
			}
		}
	}
	return stuck
}

// Stuck is how a change is remembered that was sent and read back different.
func Stuck(c Change) v1alpha1.NotConverging {
	return v1alpha1.NotConverging{Field: c.Field, Want: hash(c.Want.Same), Have: hash(c.Have.Same)}
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
			if len(shown) < maxPlan {
				shown = append(shown, v1alpha1.Change{Field: c.Field, Have: cut(c.Have.Same), Want: cut(c.Want.Same)})
			}
		}
	}
	return shown
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
			if !slices.Contains(names, c.Field) {
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
		switch c.Field {
		case fieldCertificate:
			parts = append(parts, fmt.Sprintf("%s: added %s", c.Field, c.Want.Same))
		case fieldCertificates:
			parts = append(parts, fmt.Sprintf("%s: removed %s", c.Field, c.Have.Same))
		default:
			parts = append(parts, fmt.Sprintf("%s: %q → %q", c.Field, cut(c.Have.Same), cut(c.Want.Same)))
		}
	}
	return strings.Join(parts, "; ")
}

package connection

import (
	"cmp"
	"slices"

	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Action is what a step does: one call to Stytch, or one write of a Secret or ConfigMap. A new one is declared once, next to the
// part of a kind that plans it.
type Action struct {
	// Name of it, for messages and tests.
	Name string
	// Event is the reason of the Kubernetes event about the step; empty where another step tells of it.
	Event string
	// Fetches says that Stytch fetches a document from somebody else's server for it.
	Fetches bool
}

// String is the action's name.
func (a Action) String() string { return a.Name }

// Update changes settings, and adds at most one certificate and one signing key.
var Update = Action{Name: "Update", Event: "Updated"} //nolint:gochecknoglobals // Go has no constants of this type

// Topic is what a change is about. Where Stytch refuses an update, its changes are sent topic by topic, so that none is kept back by
// another: see Convergence.
type Topic struct {
	Name string
	// Alone says that nothing else ever waits for a step about this topic and no other: it is set aside when it cannot be taken,
	// whatever the reason.
	Alone bool
	order int // 0: there are no others in a step
}

// Where topics stand in the order in which they are sent one by one.
const (
	orderCertificate = iota + 1
	orderKey
	orderEndpoint
	orderMapping
	orderRest
)

// Topics of settings. Each certificate and each key has a topic of its own.
//
//nolint:gochecknoglobals // Go has no constants of this type
var (
	TopicEndpoint = Topic{Name: "endpoint", order: orderEndpoint}
	TopicMapping  = Topic{Name: "mapping and roles", order: orderMapping}
	TopicRest     = Topic{Name: "name and rest", order: orderRest}
)

// TopicCertificate is the topic of one verification certificate, by its fingerprint.
func TopicCertificate(sha256 string) Topic {
	return Topic{Name: "certificate " + sha256, order: orderCertificate}
}

// TopicKey is the topic of one private key, by what it is for and its fingerprint.
func TopicKey(what, sha256 string) Topic { return Topic{Name: what + " " + sha256, order: orderKey} }

// words are what a refusal says that speaks of a topic and not of its field.
func (t Topic) words() []string {
	return [][]string{
		orderCertificate: {"certificate", "x509"},
		orderKey:         {"key"},
		orderEndpoint:    {"issuer", "url", "idp", "client", "entity"},
		orderMapping:     {"role", "mapping", "group"},
		orderRest:        {"name", "nameid", "provider", "uri", "scope"},
	}[t.order]
}

// ChangeKind is how the two sides of a change relate.
type ChangeKind int

// Kinds of changes.
const (
	Replaced ChangeKind = iota // Have is replaced by Want
	Added                      // Want is added to a list
	Removed                    // Have is taken out of a list
)

// Change is one difference: a field, what Stytch has and what the manifest wants.
type Change struct {
	Field      string
	Topic      Topic
	Kind       ChangeKind
	Have, Want Value
	// Where the value stands in the manifest, if the field does not tell.
	Where string
}

// Step is one thing to do, with the changes that it makes.
type Step struct {
	Action  Action
	Target  string // the ID of the certificate or key that is deleted; the request that a rotation is started for
	Changes []Change
	// Why it is done, for the event, where the changes do not tell.
	Why string
	// Calls that have to follow each other, of which this step is the first, so that the turns of all are taken before it. Zero: one.
	Calls int
	// Fresh says that the step is only taken on what was read from Stytch in the same pass.
	Fresh bool
	// Confirm says that the step is only taken on a manifest that was read from the API server right before: it cannot be undone.
	Confirm bool
	// Needs are fields without whose changes the step is not taken: it removes what they replace.
	Needs []string
}

// topic is the one topic of a step; false where it has several.
func (s Step) topic() (Topic, bool) {
	for _, c := range s.Changes[1:] {
		if c.Topic != s.Changes[0].Topic {
			return Topic{}, false
		}
	}
	return s.Changes[0].Topic, true
}

// assignsRoles says that a change is one of role assignments.
func assignsRoles(c Change) bool { return stytch.AssignsRoles(c.Field) }

// byRight is the step as one step per right that a member needs for it: role assignments come last, since groups have to be mapped
// before.
func (s Step) byRight() []Step {
	roles, _ := leaveOut([]Step{s}, func(c Change) bool { return !assignsRoles(c) })
	others, _ := leaveOut([]Step{s}, assignsRoles)
	return append(others, roles...)
}

// byTopic is the step as one step per topic, in the order of topics.
func (s Step) byTopic() []Step {
	var steps []Step
	for _, c := range s.Changes {
		at := slices.IndexFunc(steps, func(one Step) bool { return one.Changes[0].Topic == c.Topic })
		if at < 0 {
			one := s
			one.Changes = nil
			at, steps = len(steps), append(steps, one)
		}
		steps[at].Changes = append(steps[at].Changes, c)
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Compare(a.Changes[0].Topic.order, b.Changes[0].Topic.order) })
	return steps
}

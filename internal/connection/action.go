package connection

// Action is what a step does: one call to Stytch, or one write of a Secret or ConfigMap. A new one is declared once, next to the
// part of a kind that plans it.
type Action struct {
	// Name of it, for messages and tests.
	Name string
	// Event is the reason of the Kubernetes event about the step; empty where another step tells of it.
	Event string
}

// String is the action's name.
func (a Action) String() string { return a.Name }

// Update changes settings, and adds at most one certificate and one signing key.
var Update = Action{Name: "Update", Event: "Updated"} //nolint:gochecknoglobals // Go has no constants of this type

// Topic is what a change is about.
type Topic struct {
	Name string
	// Alone says that nothing else waits for a step about this topic and no other: where it is refused it is set aside, and the
	// pass goes on.
	Alone bool
}

// Topics of settings. Certificates and keys have a topic each, see topicOf.
//
//nolint:gochecknoglobals // Go has no constants of this type
var (
	TopicEndpoint = Topic{Name: "endpoint"}
	TopicMapping  = Topic{Name: "mapping and roles"}
	TopicRest     = Topic{Name: "name and rest"}
)

// TopicOf is the topic of one certificate or key, by its fingerprint.
func TopicOf(what, sha256 string) Topic { return Topic{Name: what + " " + sha256} }

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
	// Needs are fields without whose changes the step is not taken: it removes what they replace.
	Needs []string
}

// alone is the one topic of a step for which nothing else waits; false where others wait for it.
func (s Step) alone() (Topic, bool) {
	var topic Topic
	for i, c := range s.Changes {
		if i > 0 && c.Topic != topic {
			return Topic{}, false
		}
		topic = c.Topic
	}
	return topic, topic.Alone
}

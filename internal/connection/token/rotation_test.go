package token_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/scim"
	"github.com/stytch-operator/stytch-operator/internal/connection/token"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// tokens are the ends of two tokens: the current one and the next.
type tokens struct{ current, next string }

// tokenCase is one situation of a token of a connection that is no longer new, and what is decided on it.
type tokenCase struct {
	name    string
	secret  tokens
	remote  tokens
	expires time.Time
	spec    *v1alpha1.SCIMTokenRotation
	known   v1alpha1.SCIMBearerTokenStatus
	notes   map[string]string // annotations, by the end of their name
	edit    func(*v1alpha1.SCIMConnection, *connection.Inputs)

	step     connection.Action
	rotating string
	reason   string   // of the worst problem
	says     []string // what the problems and Rotating say
}

// decided is what is decided on a situation.
type decided struct {
	plan              []connection.Step
	problems          []connection.Problem
	rotating, message string
}

func (c tokenCase) manifest() *v1alpha1.SCIMConnection {
	o := SCIMManifest()
	o.Spec.BearerToken.Rotation = c.spec
	known := c.known
	if known.LastFour == "" {
		known.LastFour = c.remote.current
	}
	o.Status.BearerToken = &known
	o.Annotations = map[string]string{}
	for name, value := range c.notes {
		o.Annotations[v1alpha1.AnnotationPrefix+name] = value
	}
	return o
}

func (c tokenCase) stytch() stytch.SCIMConnection {
	r := SCIMRemote()
	r.BearerTokenLastFour, r.NextBearerTokenLastFour, r.BearerTokenExpiresAt = c.remote.current, c.remote.next, c.expires
	return r
}

func (c tokenCase) inputs() connection.Inputs {
	data := map[string]string{}
	for key, value := range secretData(connection.Token{LastFour: c.secret.current, NextLastFour: c.secret.next, BaseURL: SCIMRemote().BaseURL}) {
		data[key] = string(value)
	}
	in := Holding(TokenSecret(SCIMID, data))
	in.Now = Noon
	return in
}

func (c tokenCase) decide() decided {
	kind, o, r, in := scim.Kind(), c.manifest(), c.stytch(), c.inputs()
	if c.edit != nil {
		c.edit(o, &in)
	}
	Learn(kind, o, r, r, nil, Noon)
	want, have, problems := StatesOf(kind, o, r, in)
	d := decided{plan: kind.PlanFor(o, want, have), problems: append(problems, kind.Problems(o, want, have)...)}
	d.rotating, d.message = kind.Rotating(o, want, have)
	return d
}

func (c tokenCase) check(t *testing.T) {
	t.Helper()
	d := c.decide()
	none := connection.Action{}
	switch {
	case c.step == none && len(d.plan) > 0, c.step != none && (len(d.plan) != 1 || d.plan[0].Action != c.step):
		t.Errorf("the plan is %q, want %q", Story(d.plan), c.step)
	}
	for _, s := range d.plan {
		if s.Action != token.PublishToken && !s.Fresh {
			t.Errorf("%s would be taken on what was read long ago", s.Action)
		}
	}
	reason, said := connection.Worst(d.problems)
	Same(t, "Rotating", d.rotating, c.rotating)
	Same(t, "the reason", reason, c.reason)
	Contains(t, said+" "+d.message, c.says...)
	if len(c.says) == 0 && said != "" {
		t.Errorf("it says %q, and has nothing to say", said)
	}
	if (d.rotating == "") != (d.message == "") {
		t.Errorf("Rotating is %q and says %q", d.rotating, d.message)
	}
}

func at(t time.Time) *metav1.Time { return new(metav1.NewTime(t)) }

const (
	day   = 24 * time.Hour
	month = 30 * day
)

// started is what status knows of a rotation that was started here a while ago, and whose next token was in the Secret.
func started(ago time.Duration) v1alpha1.SCIMBearerTokenStatus {
	return v1alpha1.SCIMBearerTokenStatus{
		LastFour: "aaaa", SecretName: "acme-scim", SecretLastFour: "aaaa",
		Phase: v1alpha1.TokenRotating, NextLastFour: "nnnn", StartedAt: at(Noon.Add(-ago)),
	}
}

// starting is what status knows of a start of which nobody knows what became.
func starting(ago time.Duration) v1alpha1.SCIMBearerTokenStatus {
	known := started(ago)
	known.NextLastFour = ""
	return known
}

// kept is what status knows of a token that the Secret held.
func kept() v1alpha1.SCIMBearerTokenStatus {
	return v1alpha1.SCIMBearerTokenStatus{LastFour: "aaaa", SecretName: "acme-scim", SecretLastFour: "aaaa", Phase: v1alpha1.TokenIdle}
}

func with(known v1alpha1.SCIMBearerTokenStatus, change func(*v1alpha1.SCIMBearerTokenStatus)) v1alpha1.SCIMBearerTokenStatus {
	change(&known)
	return known
}

func TestWhatIsDoneWhileARotationIsUnderWay(t *testing.T) {
	both, open := tokens{"aaaa", "nnnn"}, tokens{"aaaa", "nnnn"}
	alone, none := tokens{"aaaa", ""}, tokens{}
	for _, c := range []tokenCase{
		{
			name: "it waits for the acknowledgement", secret: both, remote: open, known: started(day), rotating: "AwaitingAcknowledgement",
			says: []string{
				"Secret acme-scim contains the next token (ending in nnnn) under the key next-token",
				"Stytch documents that it works only once it has replaced the current token. When you are ready to enter it at the identity provider, set the annotation",
				"acknowledge-token=nnnn, and enter it immediately.", "cancel-rotation=nnnn",
			},
		},
		{
			name: "acknowledged, it is completed", secret: both, remote: open, known: started(day), notes: map[string]string{"acknowledge-token": "nnnn"},
			step: token.CompleteRotation, rotating: "AwaitingAcknowledgement", says: []string{""},
		},
		{
			name: "acknowledged, it is completed although the current token is not in the Secret", secret: tokens{"", "nnnn"}, remote: open, known: started(day),
			notes: map[string]string{"acknowledge-token": "nnnn"}, step: token.CompleteRotation, rotating: "AwaitingAcknowledgement", reason: "InputMissing", says: []string{""},
		},
		{
			name: "acknowledged with the wrong ending, it waits", secret: both, remote: open, known: started(day), notes: map[string]string{"acknowledge-token": "mmmm"},
			rotating: "AwaitingAcknowledgement", says: []string{"acknowledge-token is ignored: it names \"mmmm\", but the last four characters of the next token are \"nnnn\""},
		},
		{
			name: "acknowledged with a whole token, it waits and does not show that", secret: both, remote: open, known: started(day),
			notes: map[string]string{"acknowledge-token": "a-token-ending-in-nnnn"}, rotating: "AwaitingAcknowledgement", says: []string{"a value longer than four characters"},
		},
		{
			name: "the acknowledgement of the token that is now the current one may stay", secret: both, remote: open, known: started(day),
			notes: map[string]string{"acknowledge-token": "aaaa"}, rotating: "AwaitingAcknowledgement",
		},
		{
			name: "canceled, it is canceled", secret: both, remote: open, known: started(day), notes: map[string]string{"cancel-rotation": "nnnn"},
			step: token.CancelRotation, rotating: "AwaitingAcknowledgement", says: []string{""},
		},
		{
			name: "canceled with the wrong ending, it waits", secret: both, remote: open, known: started(day), notes: map[string]string{"cancel-rotation": "mmmm"},
			rotating: "AwaitingAcknowledgement", says: []string{"cancel-rotation is ignored: it names \"mmmm\", but the last four characters of the next token are \"nnnn\""},
		},
		{
			name: "acknowledged and canceled at once, it waits", secret: both, remote: open, known: started(day),
			notes: map[string]string{"acknowledge-token": "nnnn", "cancel-rotation": "nnnn"}, rotating: "AwaitingAcknowledgement", says: []string{"both name the next token, so both are ignored"},
		},
		{
			name: "the other annotation with another ending does not count", secret: both, remote: open, known: started(day),
			notes: map[string]string{"acknowledge-token": "nnnn", "cancel-rotation": "mmmm"}, step: token.CompleteRotation, rotating: "AwaitingAcknowledgement", says: []string{"cancel-rotation is ignored"},
		},
		{
			name: "another one asked for waits for the end of this one", secret: both, remote: open, known: started(day), notes: map[string]string{"rotate-token": "aaaa-2"},
			rotating: "AwaitingAcknowledgement", says: []string{"rotate-token=\"aaaa-2\" requests another rotation, which starts only if the current rotation is canceled"},
		},
		{
			name: "the request that began it may stay", secret: both, remote: open, notes: map[string]string{"rotate-token": "aaaa"}, rotating: "AwaitingAcknowledgement",
			known: with(started(day), func(s *v1alpha1.SCIMBearerTokenStatus) { s.HandledRotate = []string{"aaaa"} }),
		},

		{
			name: "Automatic, it waits while the overlap lasts", secret: both, remote: open, known: started(3*day - time.Second), spec: AutomaticRotation(), rotating: "Overlapping",
			says: []string{"acknowledge-token=nnnn", "Without the annotation, the rotation is completed at " + Noon.Add(time.Second).Format(time.RFC3339)},
		},
		{
			name: "Automatic, it is completed when the overlap is over", secret: both, remote: open, known: started(3 * day), spec: AutomaticRotation(),
			step: token.CompleteRotation, rotating: "Overlapping", says: []string{
				"The overlap is over, so the rotation is being completed without the annotation.", "as soon as it is under the key token.",
			},
		},
		{
			name: "Automatic, it is completed at once when it is acknowledged", secret: both, remote: open, known: started(time.Second), spec: AutomaticRotation(),
			notes: map[string]string{"acknowledge-token": "nnnn"}, step: token.CompleteRotation, rotating: "Overlapping", says: []string{""},
		},
		{
			name: "Automatic, two annotations that contradict each other do not hold it back", secret: both, remote: open, known: started(3 * day), spec: AutomaticRotation(),
			notes: map[string]string{"acknowledge-token": "nnnn", "cancel-rotation": "nnnn"}, step: token.CompleteRotation, rotating: "Overlapping",
			says: []string{"both name the next token, so both are ignored"},
		},
		{
			name: "Automatic, two annotations that contradict each other do not end it before its time", secret: both, remote: open, known: started(day), spec: AutomaticRotation(),
			notes: map[string]string{"acknowledge-token": "nnnn", "cancel-rotation": "nnnn"}, rotating: "Overlapping",
			says: []string{"both name the next token, so both are ignored"},
		},
		{
			name: "Automatic, it is completed when the current token has ended", secret: both, remote: open, known: started(day), spec: AutomaticRotation(), expires: Noon,
			step: token.CompleteRotation, rotating: "Overlapping", says: []string{""},
		},
		{
			name: "Automatic, it waits while the current token has not ended", secret: both, remote: open, known: started(day), spec: AutomaticRotation(), expires: Noon.Add(time.Second),
			rotating: "Overlapping", says: []string{"the rotation is completed at " + Noon.Add(time.Second).Format(time.RFC3339)},
		},
		{
			name: "Automatic, it waits for the acknowledgement where the Secret does not offer both", secret: tokens{"", "nnnn"}, remote: open, known: started(4 * day), spec: AutomaticRotation(),
			rotating: "AwaitingAcknowledgement", reason: "InputMissing", says: []string{"does not contain the connection's token"},
		},
		{
			name: "Automatic, found half way, its overlap counts from the first sight of both tokens", secret: both, remote: open, spec: AutomaticRotation(), rotating: "Overlapping",
			known: v1alpha1.SCIMBearerTokenStatus{}, says: []string{"Without the annotation, the rotation is completed at " + Noon.Add(3*day).Format(time.RFC3339)},
		},
		{
			name: "Automatic, found half way by a version that did not count, so does it", secret: both, remote: open, spec: AutomaticRotation(), rotating: "Overlapping",
			known: with(started(4*day), func(s *v1alpha1.SCIMBearerTokenStatus) { s.StartedAt = nil }),
			says:  []string{"the rotation is completed at " + Noon.Add(3*day).Format(time.RFC3339)},
		},
		{
			name: "Automatic, found half way without the current token, it waits for the acknowledgement", secret: tokens{"", "nnnn"}, remote: open, spec: AutomaticRotation(),
			rotating: "AwaitingAcknowledgement", says: []string{"does not contain the connection's token"},
		},
		{
			name: "Automatic, found half way beside an older token, it waits for the acknowledgement", secret: tokens{"oooo", "nnnn"}, remote: open, spec: AutomaticRotation(),
			rotating: "AwaitingAcknowledgement", reason: "InputMissing", says: []string{"contains a token that is not the connection's current token"},
		},
		{
			name: "Automatic, found half way without the next token, it is somebody else's", secret: alone, remote: open, spec: AutomaticRotation(), rotating: "StartedElsewhere",
		},
		{
			name: "a next token under the key of the current one is only mentioned where nobody knows more", secret: tokens{"nnnn", ""}, remote: open, rotating: "StartedElsewhere",
			says: []string{"contains a token that is not the connection's current token"},
		},
		{name: "Acknowledged, it waits though the current token has ended", secret: both, remote: open, known: started(day), expires: Noon.Add(-day), rotating: "AwaitingAcknowledgement"},

		{
			name: "a start whose answer was lost is canceled, for nobody can have the next token", secret: alone, remote: open, known: starting(time.Second),
			step: token.CancelRotation, rotating: "Starting", says: []string{"is canceled and started again", "current token is not changed"},
		},
		{name: "a start whose answer was kept is not", secret: both, remote: open, known: starting(time.Second), rotating: "AwaitingAcknowledgement"},
		{
			name: "a next token that was in the Secret is not canceled when it is lost, for it may be in use", secret: alone, remote: open, known: started(day),
			rotating: "NextTokenLost", reason: "InputMissing", says: []string{"the rotation is not completed or canceled. Store the next token under the key next-token again, or set the annotation", "cancel-rotation=nnnn"},
		},
		{
			name: "nor is it when both are lost", secret: none, remote: open, known: started(day), rotating: "NextTokenLost", reason: "InputMissing",
			says: []string{"no longer contains the next token", "does not contain the connection's token"},
		},
		{
			name: "nor is it completed, acknowledged or not", secret: none, remote: open, known: started(day), notes: map[string]string{"acknowledge-token": "nnnn"},
			rotating: "NextTokenLost", reason: "InputMissing", says: []string{"Store the next token"},
		},
		{
			name: "but it is canceled when that is asked for", secret: alone, remote: open, known: started(day), notes: map[string]string{"cancel-rotation": "nnnn"},
			step: token.CancelRotation, rotating: "NextTokenLost", says: []string{""},
		},

		{
			name: "somebody else's is left alone", secret: alone, remote: open, known: kept(), spec: AcknowledgedRotation(), expires: Noon.Add(time.Hour), rotating: "StartedElsewhere",
			says: []string{"started outside this manifest", "(next token ending in nnnn) was started outside this manifest, so it is not changed", "cancel-rotation=nnnn"},
		},
		{
			name: "somebody else's that was seen before is left alone", secret: alone, remote: open, rotating: "StartedElsewhere",
			known: with(started(day), func(s *v1alpha1.SCIMBearerTokenStatus) { s.StartedAt = nil }),
		},
		{
			name: "somebody else's is left alone beside a next token of ours that was replaced", secret: tokens{"aaaa", "oooo"}, remote: open, rotating: "StartedElsewhere",
			known: with(started(day), func(s *v1alpha1.SCIMBearerTokenStatus) { s.NextLastFour = "oooo" }),
		},
		{
			name: "somebody else's is not completed without its token", secret: alone, remote: open, known: kept(), notes: map[string]string{"acknowledge-token": "nnnn"},
			rotating: "StartedElsewhere", says: []string{"names the next token, but Secret acme-scim does not contain that token. To complete the rotation, store it there under the key next-token"},
		},
		{
			name: "somebody else's is completed with its token", secret: both, remote: open, known: kept(), notes: map[string]string{"acknowledge-token": "nnnn"},
			step: token.CompleteRotation, rotating: "AwaitingAcknowledgement", says: []string{""},
		},
		{
			name: "somebody else's is canceled when that is asked for", secret: alone, remote: open, known: kept(), notes: map[string]string{"cancel-rotation": "nnnn"},
			step: token.CancelRotation, rotating: "StartedElsewhere", says: []string{""},
		},

		{
			name: "nothing is done beside a Secret that is somebody else's", secret: both, remote: open, known: started(day), notes: map[string]string{"acknowledge-token": "nnnn"},
			edit:     func(_ *v1alpha1.SCIMConnection, in *connection.Inputs) { in.Secrets["acme-scim"].Labels = nil },
			rotating: "NextTokenLost", reason: "Invalid", says: []string{"not changed"},
		},
		{
			name: "nothing is completed that could not be written", secret: both, remote: open, known: started(day), notes: map[string]string{"acknowledge-token": "nnnn"},
			edit:     func(_ *v1alpha1.SCIMConnection, in *connection.Inputs) { in.Secrets["acme-scim"].Immutable = new(true) },
			rotating: "AwaitingAcknowledgement", reason: "Invalid", says: []string{"is immutable", "save the Secret, delete it, and create it again with the same data and label"},
		},
		{
			name: "a Secret that cannot be written is said to be before anything is asked for", secret: both, remote: open, known: started(day),
			edit:     func(_ *v1alpha1.SCIMConnection, in *connection.Inputs) { in.Secrets["acme-scim"].Immutable = new(true) },
			rotating: "AwaitingAcknowledgement", reason: "Invalid", says: []string{"is immutable"},
		},
		{
			name: "a rotation is canceled though the Secret cannot be written", secret: both, remote: open, known: started(day), notes: map[string]string{"cancel-rotation": "nnnn"},
			edit: func(_ *v1alpha1.SCIMConnection, in *connection.Inputs) { in.Secrets["acme-scim"].Immutable = new(true) },
			step: token.CancelRotation, rotating: "AwaitingAcknowledgement", reason: "Invalid", says: []string{"is immutable"},
		},
	} {
		t.Run(c.name, c.check)
	}
}

func TestWhatIsDoneWhileNoRotationIsUnderWay(t *testing.T) {
	alone := tokens{"aaaa", ""}
	canceled := func(ago time.Duration) v1alpha1.SCIMBearerTokenStatus {
		return with(kept(), func(s *v1alpha1.SCIMBearerTokenStatus) { s.CanceledLastFour, s.CanceledAt = "nnnn", at(Noon.Add(-ago)) })
	}
	issued := func(known v1alpha1.SCIMBearerTokenStatus, ago time.Duration) v1alpha1.SCIMBearerTokenStatus {
		return with(known, func(s *v1alpha1.SCIMBearerTokenStatus) { s.IssuedAt = at(Noon.Add(-ago)) })
	}
	for _, c := range []tokenCase{
		{name: "nothing", secret: alone, remote: alone, known: kept()},
		{name: "a next token that was completed takes its place", secret: tokens{"oooo", "aaaa"}, remote: alone, known: kept(), step: token.PromoteToken},
		{
			name: "a next token that was completed takes its place though somebody else has begun another rotation", secret: tokens{"oooo", "aaaa"}, remote: tokens{"aaaa", "nnnn"}, known: kept(),
			step: token.PromoteToken, rotating: "StartedElsewhere", says: []string{"not changed"},
		},
		{name: "a next token that is none any more is taken out", secret: tokens{"aaaa", "nnnn"}, remote: alone, known: kept(), step: token.PublishToken},
		{
			name: "a next token that is none any more is taken out before another is asked for", secret: tokens{"aaaa", "nnnn"}, remote: alone, known: kept(),
			notes: map[string]string{"rotate-token": "aaaa"}, step: token.PublishToken,
		},

		{name: "asked for, one is started", secret: alone, remote: alone, known: kept(), notes: map[string]string{"rotate-token": "aaaa"}, step: token.StartRotation},
		{name: "asked for with more, one is started", secret: alone, remote: alone, known: kept(), notes: map[string]string{"rotate-token": "aaaa-2026"}, step: token.StartRotation},
		{
			name: "asked for again, with the same value, none is", secret: alone, remote: alone, notes: map[string]string{"rotate-token": "aaaa"},
			known: with(kept(), func(s *v1alpha1.SCIMBearerTokenStatus) { s.HandledRotate = []string{"aaaa", "aaaa-2"} }),
			says:  []string{"rotate-token=\"aaaa\" is ignored: it was handled before", "set it to aaaa-3"},
		},
		{
			name: "asked for another token, none is", secret: alone, remote: alone, known: kept(), notes: map[string]string{"rotate-token": "oooo"},
			says: []string{"rotate-token is ignored: it names \"oooo\", but the last four characters of the current token are \"aaaa\""},
		},
		{
			name: "asked for without a hyphen, none is", secret: alone, remote: alone, known: kept(), notes: map[string]string{"rotate-token": "aaaa2"},
			says: []string{"rotate-token is ignored: its value must be the last four characters of the current token (\"aaaa\")"},
		},
		{name: "asked for with too little, none is", secret: alone, remote: alone, known: kept(), notes: map[string]string{"rotate-token": "aaa"}, says: []string{"is ignored"}},
		{name: "asked for with too much, none is", secret: alone, remote: alone, known: kept(), notes: map[string]string{"rotate-token": "aaaa-" + strings.Repeat("x", 60)}, says: []string{"at most 64 characters"}},
		{name: "asked for with as much as may be, one is", secret: alone, remote: alone, known: kept(), notes: map[string]string{"rotate-token": "aaaa-" + strings.Repeat("x", 59)}, step: token.StartRotation},
		{
			name: "asked for of a connection that was taken over, one is started", remote: alone, notes: map[string]string{"rotate-token": "aaaa"}, step: token.StartRotation,
			says: []string{"does not contain the connection's token"},
		},
		{
			name: "asked for beside a Secret that cannot be written, none is", secret: alone, remote: alone, known: kept(), notes: map[string]string{"rotate-token": "aaaa"},
			edit:   func(_ *v1alpha1.SCIMConnection, in *connection.Inputs) { in.Secrets["acme-scim"].Immutable = new(true) },
			reason: "Invalid", says: []string{"is immutable"},
		},
		{
			name: "a Secret that cannot be written is nobody's concern while nothing is to be written", secret: alone, remote: alone, known: kept(),
			edit: func(_ *v1alpha1.SCIMConnection, in *connection.Inputs) { in.Secrets["acme-scim"].Immutable = new(true) },
		},
		{
			name: "acknowledged, nothing is done", secret: alone, remote: alone, known: kept(), notes: map[string]string{"acknowledge-token": "nnnn"},
			says: []string{"acknowledge-token is ignored: it names \"nnnn\", but no rotation is in progress"},
		},
		{name: "the acknowledgement that was followed may stay", secret: alone, remote: alone, known: kept(), notes: map[string]string{"acknowledge-token": "aaaa"}},
		{
			name: "canceled, nothing is done", secret: alone, remote: alone, known: kept(), notes: map[string]string{"cancel-rotation": "nnnn"},
			says: []string{"cancel-rotation is ignored: it names \"nnnn\", but no rotation is in progress"},
		},
		{name: "the cancellation that was followed may stay", secret: alone, remote: alone, known: canceled(day), notes: map[string]string{"cancel-rotation": "nnnn"}},

		{name: "a token that the Secret has lost is replaced", remote: alone, known: kept(), step: token.StartRotation, reason: "InputMissing", says: []string{"does not contain the connection's token"}},
		{
			name: "a token that the Secret has lost is not replaced again once that was canceled", remote: alone, known: canceled(day), reason: "InputMissing",
			says: []string{"Store the token under the key token", "rotate-token=aaaa"},
		},
		{
			name: "a token that was rotated elsewhere is reported", secret: tokens{"oooo", ""}, remote: alone, known: with(kept(), func(s *v1alpha1.SCIMBearerTokenStatus) { s.SecretLastFour = "oooo" }),
			reason: "InputMissing", says: []string{"contains a token that is not the connection's current token (ending in aaaa)", "Store the token under the key token", "rotate-token=aaaa"},
		},
		{name: "a token that no Secret ever held is mentioned", remote: alone, says: []string{"does not contain the connection's token (ending in aaaa)", "rotate-token=aaaa"}},
		{
			name: "another token in the connection's own Secret is missing although status knows of none", secret: tokens{"oooo", ""}, remote: alone, reason: "InputMissing",
			says: []string{"contains a token that is not the connection's current token (ending in aaaa)", "Store the token under the key token", "rotate-token=aaaa"},
		},

		{name: "a start that may be on its way is waited for", secret: alone, remote: alone, known: starting(74 * time.Second), rotating: "Starting", says: []string{"Looking for that rotation before starting another"}},
		{name: "a start that came to nothing is made again", secret: alone, remote: alone, known: starting(75 * time.Second), step: token.StartRotation},
		{
			name: "a start that was canceled because its token was lost is made again at once", secret: alone, remote: alone, step: token.StartRotation,
			known: with(starting(0), func(s *v1alpha1.SCIMBearerTokenStatus) { s.StartedAt = nil }),
		},

		{name: "before renewBefore nothing is done", secret: alone, remote: alone, known: kept(), spec: AcknowledgedRotation(), expires: Noon.Add(month + time.Second)},
		{name: "from renewBefore on one is started", secret: alone, remote: alone, known: kept(), spec: AcknowledgedRotation(), expires: Noon.Add(month), step: token.StartRotation},
		{name: "without renewBefore none is", secret: alone, remote: alone, known: kept(), spec: AutomaticRotation(), expires: Noon.Add(time.Second)},
		{name: "a token without an end is not renewed", secret: alone, remote: alone, known: kept(), spec: AcknowledgedRotation()},
		{name: "a token that was issued elsewhere is renewed however little is left of it", secret: alone, remote: alone, known: kept(), spec: AcknowledgedRotation(), expires: Noon.Add(time.Minute), step: token.StartRotation},
		{
			name: "a token that does not live longer than renewBefore is not", secret: alone, remote: alone, known: issued(kept(), 0), spec: AcknowledgedRotation(), expires: Noon.Add(month),
			reason: "RenewBeforeTooLong", says: []string{"(720h0m0s)", "no rotation is scheduled. Shorten renewBefore"},
		},
		{name: "nor is it at its end", secret: alone, remote: alone, known: issued(kept(), month), spec: AcknowledgedRotation(), expires: Noon, reason: "RenewBeforeTooLong", says: []string{"Shorten renewBefore"}},
		{
			name: "it is when that is asked for", secret: alone, remote: alone, known: issued(kept(), month), spec: AcknowledgedRotation(), expires: Noon, notes: map[string]string{"rotate-token": "aaaa"},
			step: token.StartRotation, reason: "RenewBeforeTooLong", says: []string{""},
		},
		{name: "a token that lives a little longer is renewed", secret: alone, remote: alone, known: issued(kept(), time.Second), spec: AcknowledgedRotation(), expires: Noon.Add(month), step: token.StartRotation},

		{
			name: "after one was canceled none is started before the last tenth of the token's life", secret: alone, remote: alone, known: issued(canceled(day), 90*day), spec: AcknowledgedRotation(),
			expires: Noon.Add(10*day + time.Second),
		},
		{name: "in the last tenth one is", secret: alone, remote: alone, known: issued(canceled(day), 90*day), spec: AcknowledgedRotation(), expires: Noon.Add(10 * day), step: token.StartRotation},
		{name: "in the last tenth one is, but not before renewBefore", secret: alone, remote: alone, known: issued(canceled(400*day), 900*day), spec: AcknowledgedRotation(), expires: Noon.Add(31 * day)},
		{name: "after one was canceled in the last tenth none is", secret: alone, remote: alone, known: issued(canceled(day), 98*day), spec: AcknowledgedRotation(), expires: Noon.Add(2 * day)},
		{name: "of a token that was issued elsewhere what was left then counts", secret: alone, remote: alone, known: canceled(9 * day), spec: AcknowledgedRotation(), expires: Noon.Add(day), step: token.StartRotation},
		{name: "and before that nothing is done", secret: alone, remote: alone, known: canceled(9 * day), spec: AcknowledgedRotation(), expires: Noon.Add(day + time.Minute)},
		{name: "after one was canceled one is started when that is asked for", secret: alone, remote: alone, known: canceled(day), notes: map[string]string{"rotate-token": "aaaa"}, step: token.StartRotation},
	} {
		t.Run(c.name, c.check)
	}
}

func TestWhyARotationIsStartedIsSaid(t *testing.T) {
	alone := tokens{"aaaa", ""}
	for why, c := range map[string]tokenCase{
		`bearer_token: "…aaaa" → "a new token" (requested by rotate-token aaaa-1)`:                               {secret: alone, remote: alone, known: kept(), notes: map[string]string{"rotate-token": "aaaa-1"}},
		`bearer_token: "…aaaa" → "a new token" (Secret acme-scim no longer contains it)`:                         {remote: alone, known: kept()},
		`bearer_token: "…aaaa" → "a new token" (it expires at 2026-03-05T12:00:00Z)`:                             {secret: alone, remote: alone, known: kept(), spec: AcknowledgedRotation(), expires: Noon.Add(day)},
		`bearer_token: "…aaaa" → "a new token" (an earlier request to start a rotation was lost)`:                {secret: alone, remote: alone, known: starting(time.Hour)},
		`next_bearer_token: "…nnnn" → "" (it was lost before it was stored in the Secret, so nobody can use it)`: {secret: alone, remote: tokens{"aaaa", "nnnn"}, known: starting(time.Hour)},
	} {
		plan := c.decide().plan
		if len(plan) != 1 {
			t.Fatalf("the plan is %q", Story(plan))
		}
		Same(t, "what is said", plan[0].Sentence(), why)
	}
}

func TestWhatIsSaidOfATokenIsOnlyBelievedOnceStytchWasReadAfterTheSecretChanged(t *testing.T) {
	c := tokenCase{secret: tokens{"oooo", ""}, remote: tokens{"aaaa", ""}, known: with(kept(), func(s *v1alpha1.SCIMBearerTokenStatus) { s.SecretLastFour = "oooo" })}
	Same(t, "of a Secret that changed", c.decide().problems[0].Fresh, true)
	c.edit = func(o *v1alpha1.SCIMConnection, in *connection.Inputs) {
		o.Status.Inputs = []v1alpha1.Input{connection.InputOf("Secret", in.Secrets["acme-scim"].ObjectMeta)}
	}
	Same(t, "of the one that status knows", c.decide().problems[0].Fresh, false)
	c.edit = func(_ *v1alpha1.SCIMConnection, in *connection.Inputs) { in.Secrets = nil }
	Same(t, "of one that is gone", c.decide().problems[0].Fresh, true)
	c.edit = func(o *v1alpha1.SCIMConnection, in *connection.Inputs) {
		in.Secrets, o.Status.Inputs = nil, []v1alpha1.Input{{Kind: "Secret", Name: "acme-scim"}}
	}
	Same(t, "of one that status knows to be gone", c.decide().problems[0].Fresh, false)
}

func TestWhatStatusKeepsOfAToken(t *testing.T) {
	learnt := func(known *v1alpha1.SCIMBearerTokenStatus, remote tokens, change ...func(*v1alpha1.SCIMConnection, *stytch.SCIMConnection)) *v1alpha1.SCIMBearerTokenStatus {
		o, r := SCIMManifest(), SCIMRemote()
		o.Status.BearerToken = known
		r.BearerTokenLastFour, r.NextBearerTokenLastFour = remote.current, remote.next
		for _, f := range change {
			f(o, &r)
		}
		Learn(scim.Kind(), o, r, r, nil, Noon)
		return o.Status.BearerToken
	}
	ptr := func(known v1alpha1.SCIMBearerTokenStatus) *v1alpha1.SCIMBearerTokenStatus { return &known }
	isNew := func(o *v1alpha1.SCIMConnection, r *stytch.SCIMConnection) {
		r.DisplayName = MarkedName("Acme – Okta", o.UID)
	}
	asking := func(value string) func(*v1alpha1.SCIMConnection, *stytch.SCIMConnection) {
		return func(o *v1alpha1.SCIMConnection, _ *stytch.SCIMConnection) {
			o.Annotations = map[string]string{v1alpha1.AnnotationRotateToken: value}
		}
	}
	full := with(started(day), func(s *v1alpha1.SCIMBearerTokenStatus) {
		s.HandledRotate, s.CanceledLastFour, s.CanceledAt, s.IssuedAt = []string{"aaaa"}, "mmmm", at(Noon.Add(-2*day)), at(Noon.Add(-9*day))
	})

	Same(t, "at the first record", learnt(nil, tokens{"aaaa", ""}), &v1alpha1.SCIMBearerTokenStatus{LastFour: "aaaa"})
	Same(t, "at the first record of one that was created here", learnt(nil, tokens{"aaaa", ""}, isNew), &v1alpha1.SCIMBearerTokenStatus{LastFour: "aaaa", IssuedAt: at(Noon)})
	Same(t, "at the first record beside a request", learnt(nil, tokens{"aaaa", ""}, asking("aaaa-1")).HandledRotate, []string{"aaaa-1"})
	Same(t, "at the first record beside a request for another", learnt(nil, tokens{"aaaa", ""}, asking("oooo")).HandledRotate, []string(nil))
	Same(t, "later beside a request", learnt(ptr(kept()), tokens{"aaaa", ""}, asking("aaaa-1")).HandledRotate, []string(nil))
	Same(t, "while nothing changes", learnt(ptr(full), tokens{"aaaa", "nnnn"}), &full)

	completed := learnt(ptr(full), tokens{"nnnn", ""})
	Same(t, "after the completion", completed, &v1alpha1.SCIMBearerTokenStatus{
		LastFour: "nnnn", IssuedAt: full.StartedAt, SecretName: "acme-scim", SecretLastFour: "aaaa", Phase: v1alpha1.TokenIdle,
	})
	elsewhere := learnt(ptr(full), tokens{"oooo", ""})
	Same(t, "after a rotation elsewhere: when it was issued", elsewhere.IssuedAt, (*metav1.Time)(nil))
	Same(t, "after a rotation elsewhere: the token", elsewhere.LastFour, "oooo")
	Same(t, "after one while ours was starting", learnt(ptr(starting(day)), tokens{"oooo", ""}).Phase, v1alpha1.TokenIdle)
	Same(t, "after a recovery: when it was issued", learnt(ptr(kept()), tokens{"oooo", ""}, isNew).IssuedAt, at(Noon))

	Same(t, "after the cancellation", learnt(ptr(full), tokens{"aaaa", ""}), ptr(with(kept(), func(s *v1alpha1.SCIMBearerTokenStatus) {
		s.HandledRotate, s.IssuedAt, s.CanceledLastFour, s.CanceledAt = full.HandledRotate, full.IssuedAt, "nnnn", at(Noon)
	})))
	reissued := learnt(ptr(full), tokens{"aaaa", "mmmm"})
	Same(t, "after somebody had another made: it is not ours", reissued.StartedAt, (*metav1.Time)(nil))
	Same(t, "after somebody had another made: nothing was canceled", reissued.CanceledLastFour, "mmmm")
	Same(t, "while a start is on its way", learnt(ptr(starting(day)), tokens{"aaaa", ""}), ptr(starting(day)))
}

func TestARotationFoundHalfWayCountsFromTheFirstSightOfBothTokens(t *testing.T) {
	earlier := at(Noon.Add(-day))
	for _, test := range []struct {
		name   string
		secret connection.Token
		known  *metav1.Time
		want   *metav1.Time
	}{
		{"both tokens", connection.Token{LastFour: "wxyz", NextLastFour: "nnnn"}, nil, at(Noon)},
		{"both tokens, seen before", connection.Token{LastFour: "wxyz", NextLastFour: "nnnn"}, earlier, earlier},
		{"the current one alone", connection.Token{LastFour: "wxyz"}, nil, nil},
		{"the next one alone", connection.Token{NextLastFour: "nnnn"}, nil, nil},
		{"the next one beside an older one", connection.Token{LastFour: "oooo", NextLastFour: "nnnn"}, nil, nil},
		{"an older next one", connection.Token{LastFour: "wxyz", NextLastFour: "oooo"}, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, r := SCIMManifest(), SCIMRemote()
			r.NextBearerTokenLastFour = "nnnn"
			o.Status.BearerToken = &v1alpha1.SCIMBearerTokenStatus{LastFour: "wxyz", StartedAt: test.known}
			secret := TokenSecret(SCIMID, nil)
			secret.Data = secretData(test.secret)
			PublishedToken(o, r, Holding(secret))
			Same(t, "since when", o.Status.BearerToken.StartedAt, test.want)
			Same(t, "the phase", o.Status.BearerToken.Phase, v1alpha1.TokenRotating)
		})
	}
}

func TestALostStartThatWasCanceledIsNotOnItsWayAnyMore(t *testing.T) {
	o, r := SCIMManifest(), SCIMRemote()
	o.Status.BearerToken = new(starting(time.Second))
	r.BearerTokenLastFour = "aaaa"
	Learn(scim.Kind(), o, r, r, &connection.Step{Action: token.CancelRotation}, Noon)
	Same(t, "what is known", *o.Status.BearerToken, with(starting(0), func(s *v1alpha1.SCIMBearerTokenStatus) { s.StartedAt = nil }))
}

func TestAStartIsWrittenDownWithTheRequestThatItAnswers(t *testing.T) {
	kind, o, r := scim.Kind(), SCIMManifest(), SCIMRemote()
	o.Status.BearerToken = new(kept())
	for i := range 10 {
		step := connection.Step{Action: token.StartRotation, Target: fmt.Sprintf("aaaa-%d", i)}
		Same(t, "whether it is written down", Begins(kind, o, r, step, Noon), true)
	}
	Same(t, "the requests", strings.Join(o.Status.BearerToken.HandledRotate, " "), "aaaa-2 aaaa-3 aaaa-4 aaaa-5 aaaa-6 aaaa-7 aaaa-8 aaaa-9")
	Same(t, "the phase", o.Status.BearerToken.Phase, v1alpha1.TokenRotating)
	Same(t, "since when", o.Status.BearerToken.StartedAt, at(Noon))

	notStarted(o, connection.Step{Action: token.StartRotation, Target: "aaaa-9"})
	Same(t, "the phase, where it did not happen", o.Status.BearerToken.Phase, v1alpha1.TokenIdle)
	Same(t, "the requests, where it did not happen", strings.HasSuffix(strings.Join(o.Status.BearerToken.HandledRotate, " "), "aaaa-8"), true)

	Begins(kind, o, r, connection.Step{Action: token.StartRotation}, Noon)
	notStarted(o, connection.Step{Action: token.StartRotation})
	Same(t, "the requests, where none was answered", len(o.Status.BearerToken.HandledRotate), 7)

	before := InJSON(t, o)
	notStarted(o, connection.Step{Action: token.StartRotation, Target: "aaaa-8"})
	Same(t, "what is taken back where nothing was noted", InJSON(t, o), before)
	for _, action := range []connection.Action{token.CompleteRotation, token.CancelRotation, token.PromoteToken, token.PublishToken, connection.Update} {
		Same(t, "whether anything is, of "+action.Name, Begins(kind, o, r, connection.Step{Action: action}, Noon), false)
	}
	r.DisplayName = MarkedName("Acme – Okta", o.UID)
	Same(t, "whether anything is while the mark tells", Begins(kind, o, r, connection.Step{Action: token.StartRotation}, Noon), false)
	Same(t, "what is written then", InJSON(t, o), before)
}

func TestStatusTellsOfTheNextTokenOnceTheSecretHoldsIt(t *testing.T) {
	publish := func(known v1alpha1.SCIMBearerTokenStatus, secret, remote tokens) v1alpha1.SCIMBearerTokenStatus {
		c := tokenCase{secret: secret, remote: remote, known: known, expires: Noon.Add(day)}
		o, r := c.manifest(), c.stytch()
		r.NextBearerTokenExpiresAt = YearsOn(2)
		PublishedToken(o, r, c.inputs())
		return *o.Status.BearerToken
	}
	both, open, alone := tokens{"aaaa", "nnnn"}, tokens{"aaaa", "nnnn"}, tokens{"aaaa", ""}
	ends := func(known v1alpha1.SCIMBearerTokenStatus) v1alpha1.SCIMBearerTokenStatus {
		return with(known, func(s *v1alpha1.SCIMBearerTokenStatus) { s.ExpiresAt = at(Noon.Add(day)) })
	}
	nextEnds := func(known v1alpha1.SCIMBearerTokenStatus) v1alpha1.SCIMBearerTokenStatus {
		return with(ends(known), func(s *v1alpha1.SCIMBearerTokenStatus) { s.NextExpiresAt = at(YearsOn(2)) })
	}
	Same(t, "a start that was kept", publish(starting(day), both, open), nextEnds(started(day)))
	Same(t, "a start that was lost", publish(starting(day), alone, open), ends(starting(day)))
	Same(t, "a start on its way", publish(starting(day), alone, alone), ends(starting(day)))
	Same(t, "one that goes on", publish(started(day), both, open), nextEnds(started(day)))
	Same(t, "one whose next token was lost", publish(started(day), alone, open), nextEnds(started(day)))
	Same(t, "somebody else's", publish(kept(), alone, open), nextEnds(with(started(day), func(s *v1alpha1.SCIMBearerTokenStatus) { s.StartedAt = nil })))
	Same(t, "none", publish(kept(), alone, alone), ends(kept()))
}

func TestTheClockAsksForASCIMConnectionWhenItsTokenNeedsAStep(t *testing.T) {
	due := func(known *v1alpha1.SCIMBearerTokenStatus, spec *v1alpha1.SCIMTokenRotation) time.Time {
		o := SCIMManifest()
		o.Status.BearerToken, o.Spec.BearerToken.Rotation = known, spec
		return scim.Kind().DueAt(o)
	}
	end := Noon.Add(100 * day)
	ends := func(known v1alpha1.SCIMBearerTokenStatus) *v1alpha1.SCIMBearerTokenStatus {
		return new(with(known, func(s *v1alpha1.SCIMBearerTokenStatus) { s.ExpiresAt = at(end) }))
	}
	for _, test := range []struct {
		name string
		got  time.Time
		want time.Time
	}{
		{"a fresh one", due(nil, AcknowledgedRotation()), time.Time{}},
		{"idle", due(ends(kept()), nil), time.Time{}},
		{"idle, to be renewed", due(ends(kept()), AcknowledgedRotation()), end.Add(-month)},
		{"rotating, acknowledged", due(ends(started(day)), AcknowledgedRotation()), time.Time{}},
		{"rotating, automatic", due(ends(started(day)), AutomaticRotation()), Noon.Add(2 * day)},
		{"rotating, automatic, not in the Secret", due(new(with(started(day), func(s *v1alpha1.SCIMBearerTokenStatus) { s.SecretLastFour = "" })), AutomaticRotation()), time.Time{}},
		{"starting", due(ends(starting(time.Minute)), nil), Noon.Add(15 * time.Second)},
	} {
		Same(t, test.name, test.got, test.want)
	}
}

func TestASecretIsPutInOrderOnlyIfItIsAsTheStepAssumes(t *testing.T) {
	promote := tokenCase{secret: tokens{"oooo", "aaaa"}, remote: tokens{"aaaa", ""}, known: kept()}.decide().plan[0]
	data := secretData(connection.Token{LastFour: "oooo", NextLastFour: "aaaa", BaseURL: "b"})
	next := string(data["next-token"])
	Same(t, "as it assumes", token.ApplyToSecret(data, promote), true)
	Same(t, "the token", string(data["token"]), next)
	Same(t, "the next token", len(data["next-token"]), 0)
	for _, other := range []connection.Token{{LastFour: "oooo"}, {LastFour: "oooo", NextLastFour: "mmmm"}, {NextLastFour: "aaaa"}} {
		data := secretData(other)
		before := fmt.Sprint(data)
		Same(t, "otherwise", token.ApplyToSecret(data, promote), false)
		Same(t, "and nothing is changed", fmt.Sprint(data), before)
	}
	complete := connection.Step{Changes: []connection.Change{{Want: connection.Text("…nnnn")}}}
	Same(t, "the next token that is completed", token.HoldsNext(secretData(connection.Token{NextLastFour: "nnnn"}), complete), true)
	Same(t, "another", token.HoldsNext(secretData(connection.Token{NextLastFour: "mmmm"}), complete), false)
}

// secretData is a Secret that holds tokens with these ends.
func secretData(bearer connection.Token) map[string][]byte {
	data := map[string][]byte{"base-url": []byte(bearer.BaseURL)}
	for key, lastFour := range map[string]string{"token": bearer.LastFour, "next-token": bearer.NextLastFour} {
		if lastFour != "" {
			data[key] = TokenEndingIn(lastFour)
		}
	}
	return data
}

// notStarted has a SCIM connection remember a start that was never sent.
func notStarted(o *v1alpha1.SCIMConnection, step connection.Step) {
	scim.Kind().Note(o, connection.Event[stytch.SCIMConnection]{Type: connection.StepFailed, Step: &step, Now: Noon})
}

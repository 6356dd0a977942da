package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
)

// story is what is told, on parts that run.
type story struct {
	*lab.Lab
	samples
	crashed object // the SCIM connection of the crash, which the deletion deletes
}

// step is one claim of the product: what is done and shown, and why it matters.
type step struct {
	title string
	why   string
	tell  func()
}

func (s *story) steps() []step {
	return []step{
		{
			"Apply: manifests become connections", "no call is spent that the API does not require, and Ready is True only once Stytch reports the connection as active.",
			s.apply,
		},
		{
			"The token: in its Secret and nowhere else", "Stytch shows a SCIM token once. The Secret keeps it, and status shows everything about it but the token.",
			s.token,
		},
		{
			"A plan first: Observe shows, Manage does", "an update is the difference and nothing else, so a setting that the manifest does not mention cannot be lost.",
			s.plan,
		},
		{
			"Drift: changes outside the operator", "pointing a connection at another identity provider is the attack that matters. It lasts one interval at most, and an event names it.",
			s.drift,
		},
		{
			"Certificates: replaced before they expire", "an expired certificate stops every login of its organization; one that is removed too early does the same.",
			s.rollover,
		},
		{
			"Keys and a client secret: rolled over in their Secrets", "whoever keeps secrets (cert-manager, an external store) need not know Stytch, and nobody else sees one.",
			s.keys,
		},
		{
			"A token rotation: canceled once, then acknowledged", "a token that expires stops the provisioning of a whole customer; one that is replaced too early does the same.",
			s.rotation,
		},
		{
			"SCIM groups by name", "groups have IDs only after a push, and other IDs after the next connection; names are in Git from the first day.",
			s.groups,
		},
		{
			"Invalid input: reported with its remedy", "whoever made the mistake reads what to do in the manifest's status; the connection keeps everything that it has.",
			s.wrong,
		},
		{
			"A wrong secret, and a 429", "a failure is reported with its remedy, costs no calls while it lasts, and is over when its cause is.",
			s.trouble,
		},
		{
			"kill -9 between Stytch's commit and its answer", "a creation cannot be repeated blindly, and its token was in the answer that nobody read.",
			s.crash,
		},
		{
			"A restart at rest, and three intervals", "a thousand connections at rest cost one list per organization and interval, and no write to the API server; a rollout adds nothing.",
			s.rest,
		},
		{
			"Deletion: Retain, then Delete", "deleting a manifest by mistake stops nobody's login; and what is to be deleted really is.",
			s.deletion,
		},
	}
}

// resync is the manager's --resync-interval: short, so that the story needs no patience.
const resync = 15 * time.Second

// How long something may take that the next resync brings, and anything else that is not slow by itself.
const (
	nextResync = resync + 5*time.Second
	soon       = 2 * resync
)

// begin starts the parts.
func begin(l *lab.Lab) *story {
	l.Title("The parts: processes on this machine, listening on loopback only")
	s := &story{Lab: l}
	s.StartControlPlane()
	s.StartSimulator("--project-name=Demo")
	s.startManager()
	s.Seen("the manager, process %d, --resync-interval=%s", s.Manager.PID, resync)
	s.Note("Commands with kubectl are executed as they are shown; what curl would send to the simulator the demo sends itself.")
	s.fillSamples()
	return s
}

func (s *story) startManager() {
	s.StartManager("--resync-interval="+resync.String(), "--log-level=debug")
}

// get reads an object as it is now.
func (s *story) get(o object) object { return s.read(o.name()) }

func (s *story) read(name string) (o object) {
	s.Read(&o, "get", name)
	return o
}

// list reads objects by what can follow get, such as "secrets", "-A".
func (s *story) list(args ...string) []object {
	var l struct{ Items []object }
	s.Read(&l, append([]string{"get"}, args...)...)
	return l.Items
}

// edit edits the spec of a manifest as a user does.
func (s *story) edit(o object, spec string, args ...any) {
	s.Show("patch", o.name(), "--type=merge", "-p", `{"spec":`+fmt.Sprintf(spec, args...)+`}`)
}

// annotate sets annotations of the operator, or removes them.
func (s *story) annotate(o object, annotations ...string) {
	args := []string{"annotate", "--overwrite", o.name()}
	for _, annotation := range annotations {
		args = append(args, "connections.stytch-operator.dev/"+annotation)
	}
	s.Show(args...)
}

// showConditions shows conditions of a manifest, with the message of one.
func (s *story) showConditions(o object, message string) {
	s.Show("get", o.name(), "-o", `jsonpath={range .status.conditions[*]}{.type}={.status} {.reason}{"\n"}{end}{.status.conditions[?(@.type=="`+message+`")].message}`)
}

// await waits until an object is as it should be, and returns it.
func (s *story) await(o object, what string, limit time.Duration, is func(object) bool) object {
	var now object
	s.Await(o.name()+" "+what, limit, func() (string, bool) {
		now = s.get(o)
		return now.summary(), is(now)
	})
	return now
}

// awaitReason waits until a connection reports why it is not in sync, and by another condition who has to act.
func (s *story) awaitReason(o object, reason, also string) {
	s.await(o, "to report "+reason, soon, func(now object) bool {
		synced := now.condition("Synced")
		return synced.Status == "False" && synced.Reason == reason && now.condition(also).Status == "True"
	})
}

// awaitApplied waits until the manifests that are named are applied and Ready; all that there are where none is named.
func (s *story) awaitApplied(limit time.Duration, named ...object) {
	s.Await("manifests to be applied and Ready", limit, func() (string, bool) {
		var left []string
		found := 0
		for _, o := range s.list("stytch") {
			if len(named) > 0 && !slices.ContainsFunc(named, func(n object) bool { return n.name() == o.name() }) {
				continue
			}
			found++
			if !o.applied() {
				left = append(left, o.summary())
			}
		}
		return strings.Join(left, "; "), len(left) == 0 && found >= max(1, len(named))
	})
}

// awaitGone deletes manifests, and waits until they are gone.
func (s *story) awaitGone(objects ...object) {
	for _, o := range objects {
		s.Await(o.name()+" to be gone", soon, func() (string, bool) {
			return "it is still there", s.Kubectl("get", o.name(), "--ignore-not-found", "-o", "name") == ""
		})
	}
}

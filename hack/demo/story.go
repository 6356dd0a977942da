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
	tell  func()
	why   string
}

func (s *story) steps() []step {
	return []step{
		{
			"Import: what somebody made by hand becomes manifests", s.imported,
			"who starts with the operator has connections already: taking them over changes none of them.",
		},
		{
			"Apply: manifests become connections", s.apply,
			"no call is spent that the API does not require, and Ready is True only once Stytch reports the connection as active.",
		},
		{
			"The token: in its Secret and nowhere else", s.token,
			"Stytch shows a SCIM token once. The Secret keeps it, and status shows everything about it but the token.",
		},
		{
			"A plan first: Observe shows, Manage does", s.plan,
			"an update is the difference and nothing else, so a setting that the manifest does not mention cannot be lost.",
		},
		{
			"Drift: changes outside the operator", s.drift,
			"pointing a connection at another identity provider is the attack that matters. It lasts one interval at most.",
		},
		{
			"Certificates: replaced before they expire", s.rollover,
			"an expired certificate stops every login of its organization; one that is removed too early does the same.",
		},
		{
			"Keys and a client secret: rolled over in their Secrets", s.keys,
			"whoever keeps secrets (cert-manager, an external store) need not know Stytch, and nobody else sees one.",
		},
		{
			"A token rotation: canceled once, then acknowledged", s.rotation,
			"a token that expires stops the provisioning of a whole customer; one that is replaced too early does the same.",
		},
		{
			"A wrong secret", s.wrongSecret,
			"a failure is reported with its remedy, costs no calls while it lasts, and is over when its cause is.",
		},
		{
			"kill -9 between Stytch's commit and its answer", s.crash,
			"a creation cannot be repeated blindly, and its token was in the answer that nobody read.",
		},
		{
			"A restart at rest, and three intervals", s.rest,
			"a thousand connections at rest cost one list per organization and interval, and the API server no write.",
		},
		{
			"Deletion: with Delete", s.deletion,
			"what is to be deleted really is, and its token with it.",
		},
		{
			"GitOps: applied twice, renamed, pruned", s.gitops,
			"a sync at rest is silent, and neither a rename nor a prune by mistake stops a provisioning.",
		},
		{
			"Two teams, one ClusterStytchProject", s.teams,
			"the secret of a project opens all its organizations; a team gets what is granted to it, and has no secret.",
		},
	}
}

// resync is the manager's --resync-interval: short, so that the story needs no patience.
const resync = 15 * time.Second

// How long something may take that the next resync brings, and anything else.
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
	s.Create("secret generic", "stytch", map[string]string{"secret": s.Sim.Secret})
	s.Kubectl("apply", "-f", "config/cluster-projects/role.yaml")
	s.Kubectl("create", "clusterrolebinding", "cluster-projects", "--clusterrole=cluster-projects-role", "--serviceaccount="+lab.Namespace+":"+lab.ServiceAccount)
	s.startManager()
	s.Seen("the manager, process %d, --resync-interval=%s", s.Manager.PID, resync)
	s.Note("Commands with kubectl are executed as they are shown; what curl would send to stytch-sim ($SIM) the demo sends itself.")
	s.fillSamples()
	return s
}

func (s *story) startManager() {
	s.StartManager("--resync-interval="+resync.String(), "--log-level=debug", "--cluster-projects", "--cluster-resource-namespace="+lab.Namespace)
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

// showConditions shows the conditions of a manifest, with the message of one.
func (s *story) showConditions(o object, message string) {
	const all = `jsonpath={range .status.conditions[*]}{.type}={.status} {.reason}{"\n"}{end}`
	s.Show("get", o.name(), "-o", all+`{.status.conditions[?(@.type=="`+message+`")].message}`)
}

// await waits until an object is as it should be, and returns it.
func (s *story) await(o object, what string, is func(object) bool) object {
	var now object
	s.Await(o.name()+" "+what, soon, func() (string, bool) {
		now = s.get(o)
		return now.summary(), is(now)
	})
	return now
}

// awaitReason waits until a connection reports why it is not in sync, and by another condition who has to act.
func (s *story) awaitReason(o object, reason, also string) {
	s.await(o, "to report "+reason, func(now object) bool {
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

// awaitGone waits until a manifest is gone.
func (s *story) awaitGone(o object) {
	s.Await(o.name()+" to be gone", soon, func() (string, bool) {
		return "it is still there", s.Kubectl("get", o.name(), "--ignore-not-found", "-o", "name") == ""
	})
}

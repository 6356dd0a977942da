package controllers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// certificateWatch notes the certificates of connections in Stytch after each call.
type certificateWatch struct {
	world *world
	mu    sync.Mutex
	seen  map[string][]certificatesSeen // by connection
}

// certificatesSeen are the fingerprints of the certificates in Stytch after a call.
type certificatesSeen struct {
	call  string
	all   []string
	valid []string
}

func (w *world) watchCertificates() *certificateWatch {
	v := &certificateWatch{world: w, seen: map[string][]certificatesSeen{}}
	w.sim.SetIntercept(func(stage stytchsim.Stage, op stytchsim.Operation) bool {
		_, after, found := strings.Cut(op.Path, "/connections/")
		if found && stage == stytchsim.AfterEffect {
			id, _, _ := strings.Cut(after, "/")
			v.note(id, fmt.Sprintf("%s %d", op.Name, op.Status))
		}
		return false
	})
	return v
}

func (v *certificateWatch) note(id, call string) {
	l := certificatesSeen{call: call}
	now := v.world.clock.Now()
	for _, certificate := range v.world.installed(id) {
		l.all = append(l.all, sha(certificate))
		if now.Before(endOf(certificate)) {
			l.valid = append(l.valid, sha(certificate))
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seen[id] = append(v.seen[id], l)
}

// expectNeverFewer expects of a connection, to which these certificates were to be brought, that between any two calls no fewer
// valid ones stood there than at first or are wanted; that one fewer did only where five valid ones had taken every place; and
// that one which is valid only ever went once each valid wanted one stood there, or to make room for one where five valid ones
// did.
func (v *certificateWatch) expectNeverFewer(id string, wanted ...string) {
	GinkgoHelper()
	v.mu.Lock()
	defer v.mu.Unlock()
	looks := v.seen[id]
	want := shas(wanted...)
	var due []string
	for _, c := range wanted {
		if v.world.clock.Now().Before(endOf(c)) {
			due = append(due, sha(c))
		}
	}
	floor := min(len(looks[0].valid), max(len(due), 1))
	least := floor
	if len(looks[0].valid) == 5 && floor == 5 {
		least = 4
	}
	for i, now := range looks {
		about := fmt.Sprintf("after %s, look %d of %s, wanted %v", now.call, i, describeSeen(looks), brief(want))
		Expect(len(now.valid)).To(BeNumerically(">=", least), about)
		if i == 0 {
			continue
		}
		before := looks[i-1]
		for _, gone := range before.valid {
			if slices.Contains(now.valid, gone) {
				continue
			}
			whole := !slices.ContainsFunc(due, func(c string) bool { return !slices.Contains(before.all, c) })
			Expect(whole || len(before.valid) == 5).To(BeTrue(), "%s went too early %s", gone[:4], about)
		}
	}
	Expect(len(looks[len(looks)-1].valid)).To(BeNumerically(">=", floor), "at the end of %s", describeSeen(looks))
}

// removed are the certificates of a connection that went, in that order.
func (v *certificateWatch) removed(id string) []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var gone []string
	for i, now := range v.seen[id][1:] {
		for _, c := range v.seen[id][i].all {
			if !slices.Contains(now.all, c) {
				gone = append(gone, c)
			}
		}
	}
	return gone
}

func describeSeen(looks []certificatesSeen) string {
	var lines []string
	for _, l := range looks {
		lines = append(lines, fmt.Sprintf("\n  %s: %v, valid %v", l.call, brief(l.all), brief(l.valid)))
	}
	return strings.Join(lines, "")
}

func brief(fingerprints []string) []string {
	var list []string
	for _, f := range fingerprints {
		list = append(list, f[:4])
	}
	return list
}

// withCertificates makes an active connection by hand that has these certificates, and a manifest that takes it over and wants
// others.
func (w *world) withCertificates(name string, installed, wanted []string) *v1alpha1.SAMLConnection {
	GinkgoHelper()
	organization := w.organization(name)
	id := w.activeSAML(organization)
	_, err := w.sim.PatchConnection(id, map[string]any{"verification_certificates": anyOf(installed...)})
	Expect(err).NotTo(HaveOccurred())
	return &v1alpha1.SAMLConnection{ObjectMeta: w.meta(name), Spec: v1alpha1.SAMLConnectionSpec{
		ConnectionSpec:           v1alpha1.ConnectionSpec{Organization: organization.ID, ConnectionID: id, DisplayName: "Taken over"},
		VerificationCertificates: specCertificates(wanted...),
	}}
}

// certificateCalls are the calls of a part of the journal that changed certificates: + for one that was added, - for one that was
// removed, ! for one that was refused.
func (w *world) certificateCalls(seq int) string {
	var calls string
	for _, call := range w.callsSince(seq) {
		switch {
		case call.Method == http.MethodGet:
		case !call.Committed:
			calls += "!"
		case call.Method == http.MethodDelete:
			calls += "-"
		case slices.Contains(call.Fields, "x509_certificate"):
			calls += "+"
		}
	}
	return calls
}

var _ = Describe("A rollover of verification certificates", func() {
	type rollover struct {
		installed, wanted, after []string
		calls                    string
		reason                   string
		first                    string // the one that is removed first, where that counts
	}
	a, b, c, d, e := newCertificate("a"), newCertificate("b"), newCertificate("c"), newCertificate("d"), newCertificate("e")
	n, o, p, q, r := newCertificate("n"), newCertificate("o"), newCertificate("p"), newCertificate("q"), newCertificate("r")
	soon := certificateUntil("soon", time.Now().AddDate(0, 3, 0))
	x, y, z := expiredCertificate("x"), expiredCertificate("y"), expiredCertificate("z")
	list := func(certificates ...string) []string { return certificates }

	DescribeTable("leaves no moment with fewer valid certificates than before:",
		func(ctx context.Context, s rollover) {
			w := newWorld(ctx, func(switches *stytchsim.Switches) { switches.ExpiredCertificate = "refuse" })
			v := w.watchCertificates()
			m := w.withCertificates("taken", s.installed, s.wanted)
			v.note(m.Spec.ConnectionID, "at first")
			w.create(m)
			seq := w.seq()
			process := w.start()
			process.rest(m)
			if s.reason == "" {
				s.reason = v1alpha1.ReasonInSync
			}
			status := isFalseNow
			if s.reason == v1alpha1.ReasonInSync {
				status = isTrueNow
			}
			w.expectCondition(m, v1alpha1.ConditionSynced, status, s.reason)
			w.expectInstalled(m, s.after...)
			v.expectNeverFewer(m.Spec.ConnectionID, s.wanted...)
			Expect(w.certificateCalls(seq)).To(Equal(s.calls))
			if s.first != "" {
				Expect(v.removed(m.Spec.ConnectionID)[0]).To(Equal(sha(s.first)))
			}
			w.clock.advance(resync)
			process.rest(m)
			Expect(w.certificateCalls(seq)).To(Equal(s.calls), "nothing is left to do at the next slot")
		},
		Entry("one takes the place of another", rollover{installed: list(a), wanted: list(n), after: list(n), calls: "+-"}),
		Entry("one comes beside another", rollover{installed: list(a), wanted: list(n, a), after: list(n, a), calls: "+"}),
		Entry("three go for one", rollover{installed: list(a, b, c), wanted: list(n), after: list(n), calls: "+---"}),
		Entry("four go for four", rollover{installed: list(a, b, c, d), wanted: list(n, o, p, q), after: list(n, o, p, q), calls: "+-+-+-+-"}),
		Entry("five are taken and a new one is wanted: the unwanted one goes that ends first",
			rollover{installed: list(a, b, soon, d, e), wanted: list(a, n), after: list(a, n), calls: "-+---", first: soon}),
		Entry("five are taken and wanted but for one", rollover{installed: list(a, b, c, d, e), wanted: list(a, b, c, d, n), after: list(a, b, c, d, n), calls: "-+"}),
		Entry("five are taken, one of them expired: that one goes", rollover{installed: list(a, b, soon, x, e), wanted: list(a, b, soon, n), after: list(a, b, soon, n), calls: "-+-", first: x}),
		Entry("five are taken, one of them expired and wanted: that one goes all the same, and is asked about",
			rollover{installed: list(a, b, c, x, e), wanted: list(a, b, c, x, n), after: list(a, b, c, e, n), calls: "-+", reason: v1alpha1.ReasonInvalid}),
		Entry("five are taken and five others wanted", rollover{installed: list(a, b, c, d, e), wanted: list(n, o, p, q, r), after: list(n, o, p, q, r), calls: "-+-+-+-+-+"}),
		Entry("one valid and four expired are taken and two are wanted", rollover{installed: list(a, x, y, z, expiredCertificate("w")), wanted: list(n, o), after: list(n, o), calls: "-+-+---"}),
		Entry("only expired ones are there", rollover{installed: list(x, y), wanted: list(n), after: list(n), calls: "+--"}),
		Entry("an expired one is wanted that is there, and stays", rollover{installed: list(x, a), wanted: list(x, a), after: list(x, a)}),
		Entry("an expired one is wanted that is not there: it is not sent, and none goes", rollover{
			installed: list(a, b), wanted: list(x, n), after: list(a, b, n), calls: "+", reason: v1alpha1.ReasonInvalid,
		}),
		Entry("an expired one is wanted that is not there, beside a new one, and five are taken: one makes room and the others stay", rollover{
			installed: list(a, b, soon, d, e), wanted: list(x, n), after: list(a, b, d, e, n), calls: "-+", reason: v1alpha1.ReasonInvalid,
		}),
		Entry("only an expired one is wanted, and is there beside a valid one: that stays, and is asked about", rollover{
			installed: list(x, a), wanted: list(x), after: list(x, a), reason: v1alpha1.ReasonInvalid,
		}),
		Entry("only an expired one is wanted, and five are taken: the valid ones stay", rollover{
			installed: list(x, a, b, c, y), wanted: list(x), after: list(x, a, b, c), calls: "-", reason: v1alpha1.ReasonInvalid,
		}),
		Entry("one is there twice", rollover{installed: list(a, a), wanted: list(a), after: list(a), calls: "-"}),
	)

	It("leaves none of them, whatever stood there and whatever is wanted", func(ctx context.Context) {
		random := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), 0))
		all := list(a, b, c, d, e, n, o, p, q, r, soon, x, y, z)
		some := func(count int) []string {
			random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			return slices.Clone(all[:count])
		}
		w := newWorld(ctx)
		v := w.watchCertificates()
		wanted := map[string][]string{}
		var manifests []*v1alpha1.SAMLConnection
		for i := range 30 {
			name := fmt.Sprintf("random-%d", i)
			wanted[name] = some(1 + random.IntN(5))
			m := w.withCertificates(name, some(1+random.IntN(5)), wanted[name])
			v.note(m.Spec.ConnectionID, "at first")
			w.create(m)
			manifests = append(manifests, m)
		}
		process := w.start()
		process.check()
		process.catchUp()
		for _, m := range manifests {
			process.settleOnCache(m)
			w.reload(m)
			v.expectNeverFewer(m.Spec.ConnectionID, wanted[m.Name]...)
			installed := shas(w.installed(m.Spec.ConnectionID)...)
			for _, c := range wanted[m.Name] {
				if w.clock.Now().Before(endOf(c)) {
					Expect(installed).To(ContainElement(sha(c)))
				}
			}
			if isTrue(m, v1alpha1.ConditionSynced) {
				Expect(installed).To(ConsistOf(shas(wanted[m.Name]...)))
			}
		}
		w.expectHonest()
	})

	It("puts the one back that made room when the update with the new one is refused", func(ctx context.Context) {
		w := newWorld(ctx)
		v := w.watchCertificates()
		m := w.withCertificates("taken", list(a, b, c, d, soon), list(a, b, c, d, n))
		id := m.Spec.ConnectionID
		v.note(id, "at first")
		refuse := stytchsim.Fault{Operation: "UpdateSAMLConnection", Times: 1, Status: http.StatusBadRequest, ErrorType: "too_many_roles"}
		w.fault(refuse) // of all that the manifest gives,
		refuse.Skip = 1 // and, after what puts the old one back, of the new one alone
		w.fault(refuse)
		w.create(m)
		seq := w.seq()
		process := w.start()
		process.pass(m)
		message := w.expectCondition(m, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)
		Expect(message).To(ContainSubstring("too_many_roles"))
		Expect(m.Status.LastRequest.ErrorType).To(Equal("too_many_roles"), "the refusal is what support is asked about")
		Expect(w.certificateCalls(seq)).To(Equal("-!+-!+"))
		w.expectInstalled(m, a, b, c, d, soon)
		v.expectNeverFewer(id, a, b, c, d, soon)

		w.clock.advance(resync)
		process.settle(m)
		w.expectCondition(m, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		w.expectInstalled(m, a, b, c, d, n)
		Expect(m.Status.FreedCertificate).To(BeNil())
	})

	It("puts it back although the process died once it was gone, and the next one meets the refusal", func(ctx context.Context) {
		w := newWorld(ctx)
		strange := strangeCertificate()
		m := w.withCertificates("taken", list(a, b, c, d, soon), list(a, b, c, d, strange))
		w.create(m)
		first := w.start()
		first.life.dieOnEvent("stytch DELETE ")
		first.pass(m)
		Expect(first.life.dead()).To(BeTrue())
		w.expectInstalled(m, a, b, c, d)
		Expect(m.Status.FreedCertificate.SHA256).To(Equal(sha(soon)))
		seq := w.seq()
		w.start().pass(m)
		Expect(w.certificateCalls(seq)).To(Equal("!+"))
		w.expectCondition(m, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)
		w.expectInstalled(m, a, b, c, d, soon)
	})

	It("that is given up after room was made forgets what made room", func(ctx context.Context) {
		w := newWorld(ctx)
		m := w.withCertificates("taken", list(a, b, c, d, soon), list(a, b, c, d, strangeCertificate()))
		w.create(m)
		first := w.start()
		first.life.dieOnEvent("stytch DELETE ")
		first.pass(m)
		edit(w, m, func(m *v1alpha1.SAMLConnection) { m.Spec.VerificationCertificates = specCertificates(a, b, c, d) })
		w.start().settle(m)
		w.expectCondition(m, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		w.expectInstalled(m, a, b, c, d)
		Expect(m.Status.FreedCertificate).To(BeNil())
	})

	It("that is refused is said once, and no slot writes it again", func(ctx context.Context) {
		w := newWorld(ctx)
		m := w.withCertificates("taken", list(a, b, c, d, soon), list(a, b, c, d, strangeCertificate()))
		w.create(m)
		process := w.start()
		process.pass(m)
		w.expectCondition(m, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)
		process.pass(m)
		w.reload(m)
		before := m.ResourceVersion
		w.clock.advance(resync)
		process.pass(m)
		w.reload(m)
		Expect(m.ResourceVersion).To(Equal(before), "%+v", m.Status)
		w.expectInstalled(m, a, b, c, d, soon)
	})

	It("removes none while an answer does not show every wanted one", func(ctx context.Context) {
		w := newWorld(ctx, func(s *stytchsim.Switches) { s.AnswerConnection = "absent" })
		v := w.watchCertificates()
		m := w.withCertificates("taken", list(a), list(n))
		v.note(m.Spec.ConnectionID, "at first")
		w.create(m)
		seq := w.seq()
		process := w.start()
		process.settle(m)
		w.expectInstalled(m, n)
		v.expectNeverFewer(m.Spec.ConnectionID, n)
		var order []string
		for _, call := range w.callsSince(seq) {
			order = append(order, call.Method)
		}
		removed := slices.Index(order, http.MethodDelete)
		Expect(order[slices.Index(order, http.MethodPut)+1 : removed]).To(ContainElement(http.MethodGet))
	})

	It("adds one whose first addition nobody heard of only once, and removes the copy of one that was added twice", func(ctx context.Context) {
		w := newWorld(ctx)
		m := w.withCertificates("taken", list(a), list(n))
		w.fault(stytchsim.Fault{Operation: "UpdateSAMLConnection", Times: 1, Effect: stytchsim.FaultCutAfterCommit})
		w.create(m)
		process := w.start()
		process.settle(m)
		w.expectInstalled(m, n)
		_, err := w.sim.PatchConnection(m.Spec.ConnectionID, map[string]any{"verification_certificates": anyOf(n, n)})
		Expect(err).NotTo(HaveOccurred())
		w.clock.advance(resync)
		process.settle(m)
		w.expectInstalled(m, n)
	})
})

var _ = Describe("A process that dies in a rollover of verification certificates", func() {
	named := func(prefix string) []string {
		return newCertificates(prefix+"1", prefix+"2", prefix+"3", prefix+"4", prefix+"5")
	}
	old, next, strange := named("old"), named("next"), strangeCertificate()

	It("leaves the wanted ones in the place of five others, and never a moment with fewer than four", func(ctx context.Context) {
		var v *certificateWatch
		crashSeries{
			arrange: func(w *world, _ *process, name string) *v1alpha1.SAMLConnection {
				if v == nil {
					v = w.watchCertificates()
				}
				o := w.withCertificates(name, old, next)
				v.note(o.Spec.ConnectionID, "at first")
				return o
			},
			ask: func(w *world, o *v1alpha1.SAMLConnection) { w.create(o) },
			expect: func(w *world, o *v1alpha1.SAMLConnection) {
				w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
				w.expectInstalled(o, next...)
				v.expectNeverFewer(o.Spec.ConnectionID, next...)
			},
		}.run(ctx)
	})

	It("leaves the ones that were there when the one that they made room for is refused", func(ctx context.Context) {
		var v *certificateWatch
		wanted := append(slices.Clone(old[:4]), strange)
		crashSeries{
			refused: true,
			arrange: func(w *world, _ *process, name string) *v1alpha1.SAMLConnection {
				if v == nil {
					v = w.watchCertificates()
				}
				o := w.withCertificates(name, old, wanted)
				v.note(o.Spec.ConnectionID, "at first")
				return o
			},
			ask: func(w *world, o *v1alpha1.SAMLConnection) { w.create(o) },
			expect: func(w *world, o *v1alpha1.SAMLConnection) {
				w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)
				w.expectInstalled(o, old...)
				v.expectNeverFewer(o.Spec.ConnectionID, old...)
			},
		}.run(ctx)
	})
})

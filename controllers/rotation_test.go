package controllers

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// lastFour of a token, as people name it.
func lastFour(token []byte) string { return string(token[max(0, len(token)-4):]) }

// annotate sets an annotation of a manifest, as kubectl does.
func (w *world) annotate(o v1alpha1.Connection, key, value string) {
	GinkgoHelper()
	edit(w, o, func(o v1alpha1.Connection) {
		annotations := o.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[key] = value
		o.SetAnnotations(annotations)
	})
}

// askForRotation asks for a rotation of the current token.
func (w *world) askForRotation(o *v1alpha1.SCIMConnection, suffix string) {
	GinkgoHelper()
	w.annotate(o, v1alpha1.AnnotationRotateToken, w.current(o)+suffix)
}

// current and next are the last fours that status has.
func (w *world) current(o *v1alpha1.SCIMConnection) string {
	GinkgoHelper()
	w.reload(o)
	return o.Status.BearerToken.LastFour
}

func (w *world) next(o *v1alpha1.SCIMConnection) string {
	GinkgoHelper()
	w.reload(o)
	Expect(o.Status.BearerToken.NextLastFour).NotTo(BeEmpty(), "%+v", o.Status.BearerToken)
	return o.Status.BearerToken.NextLastFour
}

// automatic has a manifest's token rotated by time.
func automatic(o *v1alpha1.SCIMConnection) {
	o.Spec.BearerToken.Rotation = &v1alpha1.SCIMTokenRotation{
		RenewBefore: &metav1.Duration{Duration: 720 * time.Hour}, Completion: v1alpha1.RotationAutomatic, Overlap: &metav1.Duration{Duration: 72 * time.Hour},
	}
}

// rotating makes a connection whose rotation was asked for and waits.
func (w *world) rotating(change ...func(*v1alpha1.SCIMConnection)) *v1alpha1.SCIMConnection {
	GinkgoHelper()
	o := w.scim("directory")
	for _, f := range change {
		f(o)
	}
	w.settled(o)
	w.askForRotation(o, "")
	w.start().settle(o)
	w.expectRotating(o)
	return o
}

// expectRotating expects the Secret to offer both tokens, Stytch to have a rotation under way, and everything to say so.
func (w *world) expectRotating(o *v1alpha1.SCIMConnection) {
	GinkgoHelper()
	w.expectKept(o) // the current token is untouched
	secret := w.tokenSecret(o)
	next := secret.Data[v1alpha1.SecretKeyNextToken]
	Expect(w.sim.VerifyToken(o.Status.ConnectionID, string(next))).
		To(Equal(stytchsim.TokenCheck{Accepted: w.sim.Switches().NextToken == "works", Which: "next"}))
	token := o.Status.BearerToken
	Expect(token.Phase).To(Equal(v1alpha1.TokenRotating))
	Expect(token.NextLastFour).To(Equal(lastFour(next)))
	Expect(token.NextExpiresAt).NotTo(BeNil())
	Expect(token.StartedAt).NotTo(BeNil())
	w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
	w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
	Expect(kstatusOf(o)).To(Equal(status.CurrentStatus))
}

// expectIdle expects one token, which is not the one that ends so, and nothing of a rotation anywhere.
func (w *world) expectIdle(o *v1alpha1.SCIMConnection, not string) {
	GinkgoHelper()
	w.expectKept(o)
	Expect(w.current(o)).NotTo(Equal(not))
	Expect(w.tokenSecret(o).Data).NotTo(HaveKey(v1alpha1.SecretKeyNextToken))
	Expect(o.Status.BearerToken.Phase).To(Equal(v1alpha1.TokenIdle))
	Expect(o.Status.BearerToken.NextLastFour).To(BeEmpty())
	Expect(isTrue(o, v1alpha1.ConditionRotating)).To(BeFalse())
}

// watchSecret has an observer outside the operator look, at each moment at which a process has made a call or a write, whether
// the Secret holds the token that Stytch accepts as the current one. What it finds counts at the end of the spec.
func (w *world) watchSecret(o *v1alpha1.SCIMConnection) {
	GinkgoHelper()
	w.reload(o)
	var mu sync.Mutex
	var seen, without int
	w.observe = func() {
		secret := &corev1.Secret{}
		err := api.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: o.Spec.BearerToken.SecretName}, secret)
		mu.Lock()
		defer mu.Unlock()
		seen++
		for _, key := range []string{v1alpha1.SecretKeyToken, v1alpha1.SecretKeyNextToken} {
			verdict := w.sim.VerifyToken(o.Status.ConnectionID, string(secret.Data[key]))
			if err == nil && verdict.Accepted && verdict.Which == "current" {
				return
			}
		}
		without++
	}
	DeferCleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		Expect(seen).To(BeNumerically(">", 0), "the observer saw nothing")
		Expect(without).To(BeZero(), "at so many of %d moments the Secret did not hold the token that Stytch accepts", seen)
	})
}

// remembering is a process that has what Stytch says of a connection in memory, and has no reason of its own to look again in
// this slot.
func (w *world) remembering(o *v1alpha1.SCIMConnection) *process {
	GinkgoHelper()
	p := w.start()
	p.expectQuiet(o)
	w.clock.advance(resync)
	Expect(p.pass(o).calls).To(HaveLen(1))
	p.expectQuiet(o)
	return p
}

// rotationsStarted counts the starts that took effect.
func (w *world) rotationsStarted() int {
	n := 0
	for _, call := range w.callsSince(0) {
		if call.Operation == "StartSCIMTokenRotation" && call.Status == http.StatusOK {
			n++
		}
	}
	return n
}

// transition is one of a token's life, which a process may die in: so often in a row, and with these answers to a start while a
// rotation is under way.
type transition struct {
	flow
	rows   int
	starts []string
}

// transitions are all of them. What only begins otherwise dies once.
func transitions() []transition {
	both, one := []string{"reissue", "refuse"}, []string{"reissue"}
	watched := func(o *v1alpha1.SCIMConnection, w *world) v1alpha1.Connection {
		w.watchSecret(o)
		return o
	}
	scim := func(o v1alpha1.Connection) *v1alpha1.SCIMConnection { return o.(*v1alpha1.SCIMConnection) }
	return []transition{
		{flow{
			name: "start that is asked for",
			arrange: func(w *world) v1alpha1.Connection {
				return watched(w.settled(w.scim("directory")).(*v1alpha1.SCIMConnection), w)
			},
			ask: func(w *world, o v1alpha1.Connection) { w.askForRotation(scim(o), "") },
			expect: func(w *world, o v1alpha1.Connection) {
				w.expectRotating(scim(o))
				Expect(scim(o).Status.BearerToken.HandledRotate).To(ConsistOf(w.current(scim(o))))
			},
		}, 2, both},
		{flow{
			name: "start by time",
			arrange: func(w *world) v1alpha1.Connection {
				o := w.scim("directory")
				automatic(o)
				return watched(w.settled(o).(*v1alpha1.SCIMConnection), w)
			},
			ask: func(w *world, o v1alpha1.Connection) {
				w.clock.advance(scim(o).Status.BearerToken.ExpiresAt.Add(-720 * time.Hour).Sub(w.clock.Now()))
			},
			expect: func(w *world, o v1alpha1.Connection) { w.expectRotating(scim(o)) },
		}, 1, both},
		{flow{
			name:    "completion that is acknowledged",
			arrange: func(w *world) v1alpha1.Connection { return watched(w.rotating(), w) },
			ask: func(w *world, o v1alpha1.Connection) {
				w.before = w.current(scim(o))
				w.annotate(o, v1alpha1.AnnotationAcknowledgeToken, w.next(scim(o)))
			},
			expect: func(w *world, o v1alpha1.Connection) { w.expectIdle(scim(o), w.before) },
		}, 2, one},
		{flow{
			name:    "completion after the overlap",
			arrange: func(w *world) v1alpha1.Connection { return watched(w.rotating(automatic), w) },
			ask: func(w *world, o v1alpha1.Connection) {
				w.before = w.current(scim(o))
				w.clock.advance(72 * time.Hour)
			},
			expect: func(w *world, o v1alpha1.Connection) { w.expectIdle(scim(o), w.before) },
		}, 1, one},
		{flow{
			name:    "cancellation",
			arrange: func(w *world) v1alpha1.Connection { return watched(w.rotating(), w) },
			ask: func(w *world, o v1alpha1.Connection) {
				w.before = w.next(scim(o))
				w.annotate(o, v1alpha1.AnnotationCancelRotation, w.before)
			},
			expect: func(w *world, o v1alpha1.Connection) {
				w.expectIdle(scim(o), w.before)
				Expect(scim(o).Status.BearerToken.CanceledLastFour).To(Equal(w.before))
				Expect(w.rotationsStarted()).To(Equal(1), "a request that was answered starts nothing again")
			},
		}, 2, one},
	}
}

var _ = Describe("A process that dies in a rotation", func() {
	words := map[int]string{1: "once", 2: "once or twice in a row"}
	for _, f := range transitions() {
		for _, position := range f.starts {
			f := f
			f.switches = func(s *stytchsim.Switches) { s.StartWhileRotating = position }
			It(fmt.Sprintf("at any call or write of the %s, %s, loses no token (start-while-rotating=%s)", f.name, words[f.rows], position), func(ctx context.Context) {
				Expect(f.crash(ctx, f.rows)).To(BeNumerically(">=", 3))
			})
		}
	}
})

var _ = Describe("A rotation", func() {
	It("goes through its whole life, with the fewest calls and writes, and says each thing once", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.settled(o)
		w.watchSecret(o)
		first := w.current(o)
		p := w.start()
		p.expectQuiet(o)

		w.askForRotation(o, "")
		const scim, rotate = "/v1/b2b/scim/organization/connection", "/v1/b2b/scim/organization/connection/scim-connection/rotate/"
		got := p.expectPass(o, "GET "+scim, "POST "+rotate+"start")
		Expect(got.writes).To(HaveLen(4), "what is about to happen, the proof, the token, status: %v", got.writes)
		w.expectRotating(o)
		message := w.expectCondition(o, v1alpha1.ConditionRotating, isTrueNow, v1alpha1.ReasonAwaitingAcknowledgement)
		Expect(message).To(ContainSubstring(v1alpha1.AnnotationAcknowledgeToken + "=" + w.next(o)))
		p.expectQuiet(o)
		w.start().expectQuiet(o)

		next := w.next(o)
		w.annotate(o, v1alpha1.AnnotationAcknowledgeToken, next)
		got = p.expectPass(o, "GET "+scim, "POST "+rotate+"complete")
		Expect(got.writes).To(HaveLen(3), "the proof, the Secret, status: %v", got.writes)
		w.expectIdle(o, first)
		Expect(w.current(o)).To(Equal(next))
		Expect(o.Status.BearerToken.IssuedAt).NotTo(BeNil())
		p.expectQuiet(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)).To(
			ContainSubstring("is ignored: it names \""+first), "what is left in Git is ignored, and said to be")
		for range 3 {
			w.clock.advance(resync)
			Expect(p.pass(o).writes).To(BeEmpty())
		}
		Expect(w.rotationsStarted()).To(Equal(1))
		Expect(w.eventReasons()).To(ContainElements("Created", "RotationStarted", "TokenRotated"))
		w.expectNowhereElse(p)
	})

	It("that is canceled leaves the current token and is not begun again by the request that stays", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.rotating()
		w.watchSecret(o)
		p := w.start()
		next := w.next(o)
		w.annotate(o, v1alpha1.AnnotationCancelRotation, next)
		p.settle(o)
		w.expectIdle(o, next)
		Expect(w.eventReasons()).To(ContainElement("RotationCanceled"))
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)).To(ContainSubstring("set it to " + w.current(o) + "-2"))
		w.start().expectQuiet(o)

		w.askForRotation(o, "-2")
		p.settle(o)
		w.expectRotating(o)
		Expect(w.rotationsStarted()).To(Equal(2))
		w.expectNowhereElse(p)
	})

	It("is begun by time, completed by itself, and begun again for the next token", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		automatic(o)
		w.settled(o)
		w.watchSecret(o)
		p := w.start()
		for range 2 {
			before := w.current(o)
			due := o.Status.BearerToken.ExpiresAt.Add(-720 * time.Hour)
			w.clock.advance(due.Sub(w.clock.Now()) - time.Minute)
			Expect(p.pass(o).result.RequeueAfter).To(BeNumerically("<=", time.Minute), "the moment wakes it")
			Expect(isTrue(o, v1alpha1.ConditionRotating)).To(BeFalse())
			w.clock.advance(time.Minute)
			p.settle(o)
			w.expectRotating(o)
			w.expectCondition(o, v1alpha1.ConditionRotating, isTrueNow, v1alpha1.ReasonOverlapping)
			w.clock.advance(o.Status.BearerToken.StartedAt.Add(72*time.Hour).Sub(w.clock.Now()) - time.Minute)
			p.settle(o)
			w.expectRotating(o)
			w.clock.advance(time.Minute)
			p.settle(o)
			w.expectIdle(o, before)
		}
		w.expectNowhereElse(p)
	})

	It("by time stops where a token does not live longer than renewBefore, and says so", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		o.Spec.BearerToken.Rotation = &v1alpha1.SCIMTokenRotation{
			RenewBefore: &metav1.Duration{Duration: 200 * time.Hour}, Completion: v1alpha1.RotationAutomatic, Overlap: &metav1.Duration{Duration: time.Minute},
		}
		w.settled(o)
		p := w.start()
		p.expectQuiet(o)
		_, err := w.sim.PatchConnection(o.Status.ConnectionID, map[string]any{"bearer_token_expires_at": w.clock.Now().Add(100 * time.Hour)})
		Expect(err).NotTo(HaveOccurred())
		w.clock.advance(resync)
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRenewBeforeTooLong)).To(ContainSubstring("Shorten renewBefore"))
		Expect(isTrue(o, v1alpha1.ConditionStalled)).To(BeTrue())
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
		Expect(w.rotationsStarted()).To(BeZero())
		edit(w, o, func(o *v1alpha1.SCIMConnection) { o.Spec.BearerToken.Rotation = nil })
		p.settle(o)
		w.expectKept(o)
	})

	It("that is canceled is not begun by time before the last tenth of the token's life", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		o.Spec.BearerToken.Rotation = &v1alpha1.SCIMTokenRotation{RenewBefore: &metav1.Duration{Duration: 20000 * time.Hour}}
		w.settled(o)
		p := w.start()
		issued, ends := o.Status.BearerToken.IssuedAt.Time, o.Status.BearerToken.ExpiresAt.Time
		w.clock.advance(ends.Add(-20000 * time.Hour).Sub(w.clock.Now()))
		p.settle(o)
		w.expectRotating(o)
		w.annotate(o, v1alpha1.AnnotationCancelRotation, w.next(o))
		p.settle(o)
		tenth := ends.Add(-ends.Sub(issued) / 10)
		w.clock.advance(tenth.Sub(w.clock.Now()) - time.Minute)
		p.settle(o)
		w.expectIdle(o, "")
		w.clock.advance(time.Minute + time.Second)
		p.settle(o)
		w.expectRotating(o)
	})

	It("is never begun by what stood in Git before the connection was recorded, so not in a restored cluster", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.settled(o)
		current, secret := w.current(o), w.tokenSecret(o)
		edit(w, o, func(o *v1alpha1.SCIMConnection) { o.Spec.DeletionPolicy = v1alpha1.DeletionRetain })
		w.delete(o)
		p := w.start()
		p.settle(o)

		restored := w.scim("restored")
		restored.Spec.ConnectionID, restored.Spec.BearerToken.SecretName = secret.Labels[v1alpha1.LabelConnection], secret.Name
		restored.Annotations = map[string]string{v1alpha1.AnnotationRotateToken: current, v1alpha1.AnnotationAcknowledgeToken: "abcd", v1alpha1.AnnotationCancelRotation: "abcd"}
		w.create(restored)
		p.settle(restored)
		w.expectIdle(restored, "")
		Expect(w.rotationsStarted()).To(BeZero())
		w.annotate(restored, v1alpha1.AnnotationRotateToken, current+"-now")
		p.settle(restored)
		w.expectRotating(restored)
	})

	It("that somebody else started is reported and left alone, and may be taken on by its token", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.settled(o)
		w.watchSecret(o)
		p := w.remembering(o)
		const theirs = "a-token-from-the-dashboard-7777"
		_, err := w.sim.PatchConnection(o.Status.ConnectionID, map[string]any{"next_bearer_token": theirs, "next_bearer_token_expires_at": w.clock.Now().AddDate(6, 0, 0)})
		Expect(err).NotTo(HaveOccurred())
		w.askForRotation(o, "") // before anybody here knows
		p.settle(o)
		Expect(w.rotationsStarted()).To(BeZero(), "theirs would be lost")
		Expect(w.expectCondition(o, v1alpha1.ConditionRotating, isTrueNow, v1alpha1.ReasonStartedElsewhere)).To(ContainSubstring("(next token ending in 7777) was started outside this manifest, so it is not changed"))
		w.annotate(o, v1alpha1.AnnotationAcknowledgeToken, "7777")
		p.settle(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)).To(ContainSubstring("To complete the rotation, store it there"))
		Expect(w.sim.VerifyToken(o.Status.ConnectionID, theirs).Which).To(Equal("next"))

		edit(w, w.tokenSecret(o), func(s *corev1.Secret) { s.Data[v1alpha1.SecretKeyNextToken] = []byte(theirs) })
		p.settle(o)
		w.expectKept(o)
		Expect(w.current(o)).To(Equal("7777"))
	})

	It("in the dashboard is seen by the last four, and the new token is taken when it is supplied", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.settled(o)
		p := w.start()
		p.expectQuiet(o)
		const theirs = "a-token-from-the-dashboard-7777"
		_, err := w.sim.PatchConnection(o.Status.ConnectionID, map[string]any{"bearer_token": theirs})
		Expect(err).NotTo(HaveOccurred())
		w.clock.advance(resync)
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)).To(ContainSubstring("contains a token that is not the connection's current token (ending in 7777)"))
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
		Expect(w.rotationsStarted()).To(BeZero())
		edit(w, w.tokenSecret(o), func(s *corev1.Secret) { s.Data[v1alpha1.SecretKeyToken] = []byte(theirs) })
		p.settle(o)
		w.expectIdle(o, "")
	})

	It("in the dashboard is believed at once when the new token is supplied before the next look", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.settled(o)
		p := w.remembering(o)
		const theirs = "a-token-from-the-dashboard-7777"
		_, err := w.sim.PatchConnection(o.Status.ConnectionID, map[string]any{"bearer_token": theirs})
		Expect(err).NotTo(HaveOccurred())
		edit(w, w.tokenSecret(o), func(s *corev1.Secret) { s.Data[v1alpha1.SecretKeyToken] = []byte(theirs) })
		p.expectPass(o, "GET /v1/b2b/scim/organization/connection")
		w.expectIdle(o, "")
	})

	It("of a connection that was taken over is how its token comes into the Secret", func(ctx context.Context) {
		w := newWorld(ctx)
		o := scimByHand(w).(*v1alpha1.SCIMConnection)
		_, err := w.sim.PatchConnection(o.Spec.ConnectionID, map[string]any{"next_bearer_token": ""})
		Expect(err).NotTo(HaveOccurred())
		w.create(o)
		p := w.start()
		p.settle(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)).To(ContainSubstring(v1alpha1.AnnotationRotateToken + "=" + w.current(o)))
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)

		wrong := w.secret("taken-token", map[string]string{v1alpha1.SecretKeyToken: "somebody-elses-token-0000"})
		wrong.Labels = map[string]string{v1alpha1.LabelConnection: o.Status.ConnectionID}
		w.create(wrong)
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)).To(ContainSubstring("contains a token that is not the connection's current token"))
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)

		w.askForRotation(o, "")
		p.rest(o)
		w.expectCondition(o, v1alpha1.ConditionRotating, isTrueNow, v1alpha1.ReasonAwaitingAcknowledgement)
		w.annotate(o, v1alpha1.AnnotationAcknowledgeToken, w.next(o))
		p.settle(o)
		w.expectToken(o)
		Expect(o.Status.BearerToken.Phase).To(Equal(v1alpha1.TokenIdle))
		w.expectNowhereElse(p)
	})

	It("is shown in the plan under Observe, and not sent", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.settled(o)
		edit(w, o, func(o *v1alpha1.SCIMConnection) { o.Spec.Management = v1alpha1.ManagementObserve })
		w.askForRotation(o, "")
		p := w.start()
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonPlanPending)
		Expect(o.Status.Plan).To(ConsistOf(v1alpha1.Change{Field: "bearer_token", Have: "…" + w.current(o), Want: "a new token"}))
		Expect(w.rotationsStarted()).To(BeZero())
		p.expectQuiet(o)
	})

	It("keeps no other change waiting when Stytch refuses it", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.settled(o)
		w.fault(stytchsim.Fault{Operation: "StartSCIMTokenRotation", Effect: stytchsim.FaultError, Status: http.StatusBadRequest, ErrorType: "bad_request"})
		edit(w, o, func(o *v1alpha1.SCIMConnection) { o.Spec.DisplayName = "Renamed" })
		w.askForRotation(o, "")
		p := w.start()
		p.pass(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)).To(ContainSubstring("StartSCIMTokenRotation returned 400 bad_request"))
		remote, _ := w.sim.Connection(o.Status.ConnectionID)
		Expect(remote.DisplayName).To(Equal("Renamed"))
		Expect(o.Status.BearerToken.Phase).To(Equal(v1alpha1.TokenIdle), "it did not happen")
		w.sim.RemoveFaults()
		w.clock.advance(resync)
		p.settle(o)
		w.expectRotating(o)
	})

	It("whose Secret cannot be written was certainly not started: nothing is waited for or canceled, and it starts once that is lifted", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.settled(o)
		lift := w.refuseSecrets(v1alpha1.SecretKeyToken)
		w.askForRotation(o, "")
		p := w.start()
		p.pass(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)).To(ContainSubstring("cannot be written"))
		Expect(o.Status.BearerToken.Phase).To(Equal(v1alpha1.TokenIdle))
		lift()
		w.clock.advance(resync)
		seq := w.seq()
		p.expectPass(o, "GET /v1/b2b/scim/organization/connection", "POST /v1/b2b/scim/organization/connection/scim-connection/rotate/start")
		w.expectRotating(o)
		Expect(w.sentSince(seq)).To(HaveLen(1))
	})

	It("offers no next token that ends like the current one", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.settled(o)
		alike := "a-token-that-could-not-be-told-apart-" + w.current(o)
		w.fault(stytchsim.Fault{Operation: "StartSCIMTokenRotation", Times: 1, Effect: stytchsim.FaultInvalidJSON, Body: fmt.Sprintf(
			`{"status_code":200,"request_id":"request-id-test-1","connection":{"connection_id":%q,"status":"active","bearer_token_last_four":%q,"next_bearer_token":%q}}`,
			o.Status.ConnectionID, w.current(o), alike)})
		w.askForRotation(o, "")
		p := w.start()
		for range 3 {
			p.pass(o)
			Expect(string(w.tokenSecret(o).Data[v1alpha1.SecretKeyNextToken])).NotTo(Equal(alike))
			w.clock.advance(time.Minute)
		}
		p.settle(o)
		w.expectRotating(o)
	})
})

var _ = Describe("A rotation comes through", func() {
	for name, move := range map[string]func(*stytchsim.Switches){
		"null for what is empty":        func(s *stytchsim.Switches) { s.Strings = "null" },
		"nothing for what is empty":     func(s *stytchsim.Switches) { s.Strings = "absent" },
		"times with nanoseconds":        func(s *stytchsim.Switches) { s.Timestamps = "nanoseconds" },
		"no times":                      func(s *stytchsim.Switches) { s.Timestamps = "absent" },
		"201 for what is created":       func(s *stytchsim.Switches) { s.CreateStatus = "201" },
		"yes to the next token at once": func(s *stytchsim.Switches) { s.NextToken = "works" },
	} {
		It("and comes to rest where Stytch says "+name, func(ctx context.Context) {
			w := newWorld(ctx, move)
			o := w.scim("directory")
			w.settled(o)
			w.watchSecret(o)
			before := w.current(o)
			p := w.start()
			w.askForRotation(o, "")
			p.settle(o)
			w.expectCondition(o, v1alpha1.ConditionRotating, isTrueNow, v1alpha1.ReasonAwaitingAcknowledgement)
			w.start().expectQuiet(o)
			w.annotate(o, v1alpha1.AnnotationAcknowledgeToken, w.next(o))
			p.settle(o)
			w.expectIdle(o, before)
			w.start().expectQuiet(o)
		})
	}
})

var _ = Describe("A start that is still on the wire", func() {
	// onTheWire brings a process to where its start has arrived at Stytch and has had no effect yet, and ends the process.
	onTheWire := func(w *world) (*v1alpha1.SCIMConnection, held) {
		GinkgoHelper()
		o := w.scim("directory")
		w.settled(o)
		w.watchSecret(o)
		w.askForRotation(o, "")
		h := w.hold("StartSCIMTokenRotation")
		first := w.start()
		first.catchUp()
		first.check()
		first.catchUp()
		go func() {
			defer GinkgoRecover()
			first.again(o)
		}()
		Eventually(h.arrived).Should(Receive())
		first.life.end()
		return o, h
	}

	It("is waited for by the next process, and canceled once it took effect, because nobody has what it brought", func(ctx context.Context) {
		w := newWorld(ctx)
		o, h := onTheWire(w)
		second := w.start()
		second.pass(o)
		w.expectCondition(o, v1alpha1.ConditionRotating, isTrueNow, v1alpha1.ReasonStarting)
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
		Expect(w.rotationsStarted()).To(BeZero())
		second.expectQuiet(o)
		h.release()
		Eventually(h.ended).Should(Receive())
		second.settle(o)
		w.expectRotating(o)
		Expect(w.rotationsStarted()).To(Equal(2))
		w.expectNowhereElse(second)
	})

	It("is made again once it is sure that it never took effect", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.settled(o)
		w.askForRotation(o, "")
		w.fault(stytchsim.Fault{Operation: "StartSCIMTokenRotation", Times: 1, Effect: stytchsim.FaultCutBeforeCommit})
		p := w.start()
		p.pass(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonUnavailable)
		p.pass(o)
		w.expectCondition(o, v1alpha1.ConditionRotating, isTrueNow, v1alpha1.ReasonStarting)
		w.clock.advance(time.Minute)
		Expect(p.pass(o).calls).NotTo(ContainElement(HavePrefix("POST")))
		p.settle(o)
		w.expectRotating(o)
		Expect(w.rotationsStarted()).To(Equal(1))
	})

	It("is refused where somebody else was faster, and theirs is left alone", func(ctx context.Context) {
		w := newWorld(ctx, func(s *stytchsim.Switches) { s.StartWhileRotating = "refuse" })
		o := w.scim("directory")
		w.settled(o)
		w.askForRotation(o, "")
		h := w.hold("StartSCIMTokenRotation")
		p := w.start()
		p.catchUp()
		p.check()
		p.catchUp()
		ended := make(chan struct{})
		go func() {
			defer GinkgoRecover()
			p.again(o)
			close(ended)
		}()
		Eventually(h.arrived).Should(Receive())
		_, err := w.sim.PatchConnection(o.Status.ConnectionID, map[string]any{"next_bearer_token": "a-token-from-the-dashboard-7777"})
		Expect(err).NotTo(HaveOccurred())
		h.release()
		Eventually(ended).Should(BeClosed())
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionRotating, isTrueNow, v1alpha1.ReasonStartedElsewhere)
		Expect(w.sim.VerifyToken(o.Status.ConnectionID, "a-token-from-the-dashboard-7777").Which).To(Equal("next"))
		Expect(o.Status.BearerToken.HandledRotate).To(BeEmpty(), "the request is open")
	})
})

// refuseSecrets has the API server's admission refuse every Secret of the world that holds a key, until what it returns is
// called.
func (w *world) refuseSecrets(key string) (lift func()) {
	GinkgoHelper()
	return w.refuse("secrets", "!has(object.data) || !('"+key+"' in object.data)", "'refused is ' + string(object.data['"+key+"'])",
		w.secret("probe", map[string]string{key: "x"}))
}

// refuseLabel has it refuse every object of a resource that has a label.
func (w *world) refuseLabel(resource, label string) (lift func()) {
	GinkgoHelper()
	probe := map[string]client.Object{"secrets": w.secret("probe", nil), "configmaps": w.configMap("probe", nil)}[resource]
	probe.SetLabels(map[string]string{label: "x"})
	return w.refuse(resource, "!has(object.metadata.labels) || !('"+label+"' in object.metadata.labels)", "'refused is the label'", probe)
}

// refuse has it refuse what an expression is not true of, such as a probe, and say so by another.
func (w *world) refuse(resource, expression, message string, probe client.Object) (lift func()) {
	GinkgoHelper()
	policy, binding := &unstructured.Unstructured{}, &unstructured.Unstructured{}
	for object, text := range map[*unstructured.Unstructured]string{
		policy: `{"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingAdmissionPolicy","metadata":{"name":"NAME"},"spec":{
			"matchConstraints":{"resourceRules":[{"apiGroups":[""],"apiVersions":["v1"],"operations":["CREATE","UPDATE"],"resources":["RESOURCE"]}]},
			"validations":[{"expression":"EXPRESSION","messageExpression":"MESSAGE"}]}}`,
		binding: `{"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingAdmissionPolicyBinding","metadata":{"name":"NAME"},"spec":{
			"policyName":"NAME","validationActions":["Deny"],"matchResources":{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"NAME"}}}}}`,
	} {
		Expect(object.UnmarshalJSON([]byte(strings.NewReplacer("NAME", w.namespace, "RESOURCE", resource, "EXPRESSION", expression, "MESSAGE", message).Replace(text)))).To(Succeed())
		w.create(object)
	}
	refused := func() bool {
		return apierrors.IsInvalid(api.Create(w.ctx, probe.DeepCopyObject().(client.Object), client.DryRunAll))
	}
	soon(refused, "the policy is in force")
	return func() {
		w.delete(binding)
		w.delete(policy)
		soon(func() bool { return !refused() }, "the policy is lifted")
	}
}

var _ = Describe("A Secret that takes no next token, although it can be written otherwise,", func() {
	It("costs nobody a token: it is said, tried again at the next look, and no more than once until then", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.settled(o)
		w.watchSecret(o)
		lift := w.refuseSecrets(v1alpha1.SecretKeyNextToken)
		edit(w, o, func(o *v1alpha1.SCIMConnection) { o.Spec.DisplayName = "Renamed" })
		w.askForRotation(o, "")
		p := w.start()
		for n := 1; n <= 2; n++ {
			p.pass(o)
			Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)).To(
				ContainSubstring("can be written, but not with a token (the API server returned Invalid)"))
			Expect(w.rotationsStarted()).To(Equal(n))
			w.clock.advance(resync)
		}
		remote, _ := w.sim.Connection(o.Status.ConnectionID)
		Expect(remote.DisplayName).To(Equal("Renamed"), "nothing else waits for it")
		lift()
		p.settle(o)
		w.expectRotating(o)
		w.expectNowhereElse(p)
	})

	It("is not quoted where the refusal quotes it, and its rotation is completed once that is lifted", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.rotating()
		w.watchSecret(o)
		before := w.current(o)
		lift := w.refuseSecrets(v1alpha1.SecretKeyNextToken)
		w.annotate(o, v1alpha1.AnnotationAcknowledgeToken, w.next(o))
		p := w.start()
		p.pass(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)).To(ContainSubstring("Secret directory-token cannot be written"))
		w.expectNowhereElse(p)
		Expect(w.current(o)).To(Equal(before))
		lift()
		w.clock.advance(resync)
		p.settle(o)
		w.expectIdle(o, before)
	})
})

var _ = Describe("A token that the Secret has lost", func() {
	// lost is a connection whose Secret was deleted, after which a rotation offers another token.
	lost := func(w *world) (*v1alpha1.SCIMConnection, *process, *corev1.Secret) {
		o := w.scim("directory")
		w.settled(o)
		secret := w.tokenSecret(o)
		w.delete(secret)
		p := w.start()
		p.rest(o)
		return o, p, secret
	}

	It("is replaced by a rotation that waits for its acknowledgement, while the old one works on", func(ctx context.Context) {
		w := newWorld(ctx)
		o, p, secret := lost(w)
		old := string(secret.Data[v1alpha1.SecretKeyToken])
		Expect(w.sim.VerifyToken(o.Status.ConnectionID, old).Accepted).To(BeTrue())
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
		w.expectCondition(o, v1alpha1.ConditionRotating, isTrueNow, v1alpha1.ReasonAwaitingAcknowledgement)
		Expect(w.eventReasons()).To(ContainElement("RotationStarted"))
		w.clock.advance(30 * 24 * time.Hour)
		p.rest(o)
		Expect(w.rotationsStarted()).To(Equal(1), "one, however long it waits")
		w.annotate(o, v1alpha1.AnnotationAcknowledgeToken, w.next(o))
		p.settle(o)
		w.expectIdle(o, lastFour([]byte(old)))
		w.expectNowhereElse(p)
	})

	It("is not replaced again by itself once that was canceled, and can be put back", func(ctx context.Context) {
		w := newWorld(ctx)
		o, p, secret := lost(w)
		w.annotate(o, v1alpha1.AnnotationCancelRotation, w.next(o))
		for range 3 {
			p.rest(o)
			w.clock.advance(resync)
		}
		Expect(w.rotationsStarted()).To(Equal(1))
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)
		edit(w, w.tokenSecret(o), func(s *corev1.Secret) {
			s.Data = map[string][]byte{v1alpha1.SecretKeyToken: secret.Data[v1alpha1.SecretKeyToken]}
		})
		p.settle(o)
		w.expectIdle(o, "")
	})

	It("can be put back while its replacement waits", func(ctx context.Context) {
		w := newWorld(ctx)
		o, p, secret := lost(w)
		edit(w, w.tokenSecret(o), func(s *corev1.Secret) { s.Data[v1alpha1.SecretKeyToken] = secret.Data[v1alpha1.SecretKeyToken] })
		p.settle(o)
		w.expectRotating(o)
	})

	It("is replaced whatever call or write the process dies at", func(ctx context.Context) {
		flow{
			name: "replacement",
			arrange: func(w *world) v1alpha1.Connection {
				return w.settled(w.scim("directory"))
			},
			ask: func(w *world, o v1alpha1.Connection) {
				w.kept = w.tokenSecret(o.(*v1alpha1.SCIMConnection))
				w.delete(w.kept)
				DeferCleanup(func() {
					Expect(w.sim.VerifyToken(o.CommonStatus().ConnectionID, string(w.kept.Data[v1alpha1.SecretKeyToken])).Accepted).To(BeTrue(), "the token that is in use")
				})
			},
			live: func(w *world, p *process, o v1alpha1.Connection) {
				p.rest(o)
				w.clock.advance(2 * time.Minute)
				p.rest(o)
			},
			expect: func(w *world, o v1alpha1.Connection) {
				w.expectCondition(o, v1alpha1.ConditionRotating, isTrueNow, v1alpha1.ReasonAwaitingAcknowledgement)
				next := w.tokenSecret(o.(*v1alpha1.SCIMConnection)).Data[v1alpha1.SecretKeyNextToken]
				Expect(w.sim.VerifyToken(o.CommonStatus().ConnectionID, string(next)).Which).To(Equal("next"))
			},
		}.crash(ctx, 1)
	})
})

var _ = Describe("While a rotation waits,", func() {
	It("a Secret that is deleted is not written over: it says what to do, and nothing is completed or canceled", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.rotating()
		secret, next := w.tokenSecret(o), w.next(o)
		w.delete(secret)
		p := w.start()
		p.rest(o)
		w.annotate(o, v1alpha1.AnnotationAcknowledgeToken, next)
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)).To(ContainSubstring("Store the next token under the key next-token again"))
		w.expectCondition(o, v1alpha1.ConditionRotating, isTrueNow, v1alpha1.ReasonNextTokenLost)
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
		Expect(w.exists(w.secret(secret.Name, nil))).To(BeFalse())
		Expect(w.sim.VerifyToken(o.Status.ConnectionID, string(secret.Data[v1alpha1.SecretKeyNextToken])).Which).To(Equal("next"))

		back := w.secret(secret.Name, nil)
		back.Data, back.Labels = secret.Data, secret.Labels
		w.create(back)
		p.settle(o)
		w.expectIdle(o, lastFour(secret.Data[v1alpha1.SecretKeyToken]))
	})

	It("a Secret that is deleted can be given up, and its tokens replaced", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.rotating()
		w.delete(w.tokenSecret(o))
		p := w.start()
		p.rest(o)
		w.annotate(o, v1alpha1.AnnotationCancelRotation, w.next(o))
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)).To(ContainSubstring(v1alpha1.AnnotationRotateToken + "=" + w.current(o) + "-2"))
		w.askForRotation(o, "-2")
		p.rest(o)
		w.annotate(o, v1alpha1.AnnotationAcknowledgeToken, w.next(o))
		p.settle(o)
		w.expectToken(o)
	})

	It("a Secret that is made immutable keeps it from being completed, until it can be written", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.rotating()
		w.watchSecret(o)
		secret := w.tokenSecret(o)
		edit(w, secret, func(s *corev1.Secret) { s.Immutable = new(true) })
		w.annotate(o, v1alpha1.AnnotationAcknowledgeToken, w.next(o))
		p := w.start()
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)).To(ContainSubstring("is immutable"))
		Expect(isTrue(o, v1alpha1.ConditionStalled)).To(BeTrue())
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
		w.observe = func() {}
		w.delete(secret)
		again := w.secret(secret.Name, nil)
		again.Data, again.Labels = secret.Data, secret.Labels
		w.create(again)
		p.settle(o)
		w.expectIdle(o, lastFour(secret.Data[v1alpha1.SecretKeyToken]))
	})

	for name, notes := range map[string]map[string]string{
		"an acknowledgement of another token": {v1alpha1.AnnotationAcknowledgeToken: "0000"},
		"a cancellation of another one":       {v1alpha1.AnnotationCancelRotation: "0000"},
		"both at once":                        {v1alpha1.AnnotationAcknowledgeToken: "next", v1alpha1.AnnotationCancelRotation: "next"},
		"another request":                     {v1alpha1.AnnotationRotateToken: "current-2"},
	} {
		It(name+" changes nothing, and is said", func(ctx context.Context) {
			w := newWorld(ctx)
			o := w.rotating()
			w.watchSecret(o)
			current, next := w.current(o), w.next(o)
			for key, value := range notes {
				w.annotate(o, key, strings.NewReplacer("next", next, "current", current).Replace(value))
			}
			p := w.start()
			seq := w.seq()
			p.settle(o)
			w.expectRotating(o)
			Expect(w.next(o)).To(Equal(next))
			for _, call := range w.callsSince(seq) {
				Expect(call.Method).To(Equal(http.MethodGet))
			}
			Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)).To(ContainSubstring("The annotation"))
		})
	}

	It("the end of the current token is said, and nothing is completed by that", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.rotating()
		p := w.start()
		w.clock.advance(o.Status.BearerToken.ExpiresAt.Sub(w.clock.Now()) + time.Hour)
		p.settle(o)
		next := w.next(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionExpiringSoon, isTrueNow, v1alpha1.ReasonExpired)).To(ContainSubstring("A rotation is in progress. See the condition Rotating"))
		Expect(w.expectCondition(o, v1alpha1.ConditionRotating, isTrueNow, v1alpha1.ReasonAwaitingAcknowledgement)).To(ContainSubstring(next))
		Expect(w.sim.VerifyToken(o.Status.ConnectionID, string(w.tokenSecret(o).Data[v1alpha1.SecretKeyNextToken])).Which).To(Equal("next"))
		w.annotate(o, v1alpha1.AnnotationAcknowledgeToken, next)
		p.settle(o)
		w.expectIdle(o, "")
	})

	It("what Stytch calls no rotation is looked at again, and nothing is lost", func(ctx context.Context) {
		for _, operation := range []string{"CompleteSCIMTokenRotation", "CancelSCIMTokenRotation"} {
			w := newWorld(ctx)
			o := w.rotating()
			w.watchSecret(o)
			next := w.next(o)
			w.fault(stytchsim.Fault{Operation: operation, Times: 2, Effect: stytchsim.FaultError, Status: http.StatusBadRequest, ErrorType: "scim_connection_not_rotating_token"})
			annotation := map[string]string{"CompleteSCIMTokenRotation": v1alpha1.AnnotationAcknowledgeToken, "CancelSCIMTokenRotation": v1alpha1.AnnotationCancelRotation}[operation]
			w.annotate(o, annotation, next)
			p := w.start()
			p.pass(o)
			Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonUnavailable)).To(ContainSubstring("scim_connection_not_rotating_token"))
			w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
			w.clock.advance(firstRetry)
			p.settle(o)
			Expect(w.nextLastFour(o)).To(BeEmpty())
			w.expectKept(o)
			if operation == "CompleteSCIMTokenRotation" {
				Expect(w.current(o)).To(Equal(next))
			}
		}
	})

	It("a next token that was issued anew behind its back is not completed by the acknowledgement of the old one", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.rotating()
		w.watchSecret(o)
		p := w.remembering(o)
		next := w.next(o)
		_, err := w.sim.PatchConnection(o.Status.ConnectionID, map[string]any{"next_bearer_token": "another-next-token-8888"})
		Expect(err).NotTo(HaveOccurred())
		w.annotate(o, v1alpha1.AnnotationAcknowledgeToken, next)
		p.settle(o)
		Expect(w.sim.VerifyToken(o.Status.ConnectionID, "another-next-token-8888").Which).To(Equal("next"))
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)).To(ContainSubstring("names \"" + next + "\", but the last four characters of the next token are \"8888\""))
		w.expectCondition(o, v1alpha1.ConditionRotating, isTrueNow, v1alpha1.ReasonStartedElsewhere)
	})
})

// nextLastFour is the last four of the next token, if there is one.
func (w *world) nextLastFour(o *v1alpha1.SCIMConnection) string {
	w.reload(o)
	return o.Status.BearerToken.NextLastFour
}

// rotationGauges are what a process's metrics show of rotations.
func (p *process) rotationGauges() map[string]float64 {
	GinkgoHelper()
	found := map[string]float64{}
	p.gather(p.rotations(), func(name string, labels map[string]string, value float64) {
		found[strings.Join([]string{name, labels["name"], labels["phase"]}, "/")] = value
	})
	return found
}

var _ = Describe("The gauges of a rotation", func() {
	It("show the phase of each token and since when a rotation waits, through restarts too", func(ctx context.Context) {
		const phase, start = "stytch_scim_token_phase/directory/", "stytch_scim_token_rotation_start_timestamp_seconds/directory/"
		w := newWorld(ctx)
		o := w.scim("directory")
		w.create(o)
		p := w.start()
		Expect(p.rotationGauges()).To(BeEmpty(), "nothing is known yet")
		p.settle(o)
		Expect(p.rotationGauges()).To(Equal(map[string]float64{phase + "Idle": 1, phase + "Rotating": 0}))
		w.askForRotation(o, "")
		p.settle(o)
		w.clock.advance(time.Hour)
		w.reload(o)
		waiting := map[string]float64{phase + "Idle": 0, phase + "Rotating": 1, start: float64(o.Status.BearerToken.StartedAt.Unix())}
		Expect(p.rotationGauges()).To(Equal(waiting))
		Expect(w.start().rotationGauges()).To(Equal(waiting))
		w.annotate(o, v1alpha1.AnnotationAcknowledgeToken, w.next(o))
		p.settle(o)
		Expect(p.rotationGauges()).To(Equal(map[string]float64{phase + "Idle": 1, phase + "Rotating": 0}))
		w.delete(o)
		p.settle(o)
		Expect(p.rotationGauges()).To(BeEmpty())
	})
})

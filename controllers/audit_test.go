package controllers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/go-logr/logr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// auditLine is a line of the audit log.
type auditLine struct {
	Operation, Outcome, ErrorType, RequestID, Project, Organization, Connection, Kind, Namespace, Name, UID, Note string
	Status, Generation                                                                                            int
	Drift                                                                                                         bool
	Fields                                                                                                        []string
	AppliedBy                                                                                                     map[string]string
}

// audited takes passes of an object until it is done, and returns the lines of the audit log, of which there has to be one for each call that
// changes something, and none of another sort that speaks of one.
func (p *process) audited(o v1alpha1.Connection) (lines []auditLine, raw []string) {
	GinkgoHelper()
	var calls []string
	for range 10 {
		p.catchUp()
		p.check()
		p.catchUp()
		var log bytes.Buffer
		before := p.life.eventCount()
		ctx := logr.NewContext(p.world.ctx, Log(logr.FromSlogHandler(slog.NewJSONHandler(&log, nil))))
		_, err := p.reconciler(o).Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(o)})
		made, _ := p.life.since(before)
		calls = append(calls, slices.DeleteFunc(made, func(call string) bool { return strings.HasPrefix(call, "GET ") })...)
		for line := range strings.Lines(log.String()) {
			var entry struct {
				Msg, Operation string
				Audit          json.RawMessage
			}
			Expect(json.Unmarshal([]byte(line), &entry)).To(Succeed())
			Expect(entry.Operation).To(BeEmpty(), "a second line about a call: %s", line)
			if entry.Audit == nil {
				continue
			}
			Expect(entry.Msg).To(Equal("Change in Stytch"))
			var audit auditLine
			Expect(json.Unmarshal(entry.Audit, &audit)).To(Succeed())
			lines, raw = append(lines, audit), append(raw, string(entry.Audit))
		}
		if p.done(o) || err != nil {
			break
		}
	}
	Expect(lines).To(HaveLen(len(calls)), "%v", calls)
	return lines, raw
}

// operations are those of lines, with their outcome.
func operations(lines []auditLine) []string {
	var names []string
	for _, line := range lines {
		names = append(names, line.Operation+" "+line.Outcome)
	}
	return names
}

var _ = Describe("The audit log", func() {
	flux := map[string]string{"kustomize.toolkit.fluxcd.io/name": "tenants", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}

	It("has one line for each change in Stytch: what, of which manifest, and who applied it", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		o.Labels = flux
		o.Spec.DeletionPolicy = v1alpha1.DeletionDelete
		w.create(o)
		p := w.start()
		lines, _ := p.audited(o)
		w.reload(o)
		Expect(operations(lines)).To(Equal([]string{"CreateSAMLConnection done", "UpdateSAMLConnection done"}))
		Expect(lines[0].Fields).To(Equal([]string{"display_name", "identity_provider"}))
		for _, line := range lines {
			Expect(line).To(And(
				HaveField("Status", 200), HaveField("Project", stytchsim.DefaultProjectID), HaveField("Organization", w.acme.ID),
				HaveField("Connection", o.Status.ConnectionID), HaveField("Kind", "SAMLConnection"), HaveField("Namespace", w.namespace), HaveField("Name", "okta"),
				HaveField("UID", string(o.UID)), HaveField("Generation", 1), HaveField("Drift", false), HaveField("AppliedBy", flux),
			))
		}
		Expect(lines[1].RequestID).To(Equal(o.Status.LastRequest.RequestID))
		Expect(lines[1].Fields).To(ContainElements("attribute_mapping", "idp_entity_id", "x509_certificate"))

		_, err := w.sim.PatchConnection(o.Status.ConnectionID, map[string]any{"idp_sso_url": "https://attacker.example.com"})
		Expect(err).NotTo(HaveOccurred())
		w.clock.advance(resync)
		lines, _ = p.audited(o)
		Expect(operations(lines)).To(Equal([]string{"UpdateSAMLConnection done"}))
		Expect(lines[0]).To(And(HaveField("Drift", true), HaveField("Fields", []string{"idp_sso_url"})))

		w.delete(o)
		lines, _ = p.audited(o)
		Expect(operations(lines)).To(Equal([]string{"DeleteSSOConnection done"}))
		Expect(lines[0]).To(And(HaveField("Connection", o.Status.ConnectionID), HaveField("Fields", []string{})))
	})

	It("has a line for what was refused, and for what may have taken effect", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.settled(o)
		p := w.start()
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "Another" })
		w.fault(stytchsim.Fault{Method: "PUT", Path: "/v1/b2b/sso/**", Status: 503, Commit: true, Times: 1})
		lines, _ := p.audited(o)
		Expect(operations(lines)).To(Equal([]string{"UpdateSAMLConnection unknown"}))
		Expect(lines[0].Status).To(Equal(503))
		w.fault(stytchsim.Fault{Method: "PUT", Path: "/v1/b2b/sso/**", Status: 400, ErrorType: "invalid_argument", Times: 1})
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "A third" })
		lines, _ = p.audited(o)
		Expect(operations(lines)).To(Equal([]string{"UpdateSAMLConnection refused"}))
		Expect(lines[0].ErrorType).To(Equal("invalid_argument"))
	})

	It("has one line each for a token that is rotated, without the tokens", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.create(o)
		p := w.start()
		lines, raw := p.audited(o)
		Expect(operations(lines)).To(ContainElement("CreateSCIMConnection done"))
		w.reload(o)
		edit(w, o, func(o *v1alpha1.SCIMConnection) {
			o.Annotations = map[string]string{v1alpha1.AnnotationRotateToken: o.Status.BearerToken.LastFour}
		})
		started, more := p.audited(o)
		Expect(operations(started)).To(Equal([]string{"StartSCIMTokenRotation done"}))
		expectNone(w.secretValues(), strings.Join(append(raw, more...), "\n"), "the audit log")
	})

	It("tells what a hostile manifest claims in one bounded line", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		o.Annotations = map[string]string{"argocd.argoproj.io/tracking-id": "a\n{\"audit\":{}}\u2028\x1b[31m" + strings.Repeat("x", 100_000), "example.com/ticket": "no"}
		w.create(o)
		lines, raw := w.start().audited(o)
		Expect(len(raw[0])).To(BeNumerically("<", 3000))
		Expect(raw[0]).NotTo(ContainSubstring("\n"))
		Expect(lines[0].AppliedBy).To(HaveLen(1))
		Expect(lines[0].AppliedBy["argocd.argoproj.io/tracking-id"]).To(HavePrefix("a\ufffd{\"audit\":{}}\ufffd\ufffd[31mx"))
	})

	It("is as operations.md shows it", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		o.Labels = flux
		w.settled(o)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.IDPSSOURL = "https://idp.example.com/sso2" })
		_, raw := w.start().audited(o)
		Expect(raw).To(HaveLen(1))
		page, err := os.ReadFile("../docs/operations.md")
		Expect(err).NotTo(HaveOccurred())
		_, section, _ := strings.Cut(string(page), "\n## Audit log\n")
		_, example, _ := strings.Cut(section, "```json\n")
		example, _, _ = strings.Cut(example, "```")
		var shown bytes.Buffer
		Expect(json.Compact(&shown, []byte(example))).To(Succeed())
		made := regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`).ReplaceAllString(raw[0], "00000000-0000-4000-8000-000000000000")
		Expect(strings.ReplaceAll(made, w.namespace, "acme")).To(Equal(shown.String()))
		var fields map[string]any
		Expect(json.Unmarshal([]byte(raw[0]), &fields)).To(Succeed())
		for name := range maps.Keys(fields) {
			Expect(section).To(MatchRegexp(fmt.Sprintf("(?m)^\\|[^|]*`%s`", name)), "the page explains each field")
		}
	})
})

package controllers

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// member is the member of acme in whose name the calls of a world are made, and the session that stands in the Secret.
type member struct {
	w       *world
	id      string
	session stytchsim.Session
	form    func(stytchsim.Session) string // what of a session stands in the Secret
}

func asToken(s stytchsim.Session) string { return s.Token }

func asJWT(s stytchsim.Session) string { return s.JWT }

// everyRight is what a member needs for everything.
func everyRight() []stytch.Right {
	all := []stytch.Right{{Resource: "stytch.organization", Action: "update.settings.implicit-roles"}}
	for _, resource := range []string{"stytch.sso", "stytch.scim"} {
		for _, action := range []string{"create", "get", "update", "delete"} {
			all = append(all, stytch.Right{Resource: resource, Action: action})
		}
	}
	return all
}

// memberOf is a member of an organization with one role, which permits everything.
func (w *world) memberOf(organization stytchsim.Organization, form func(stytchsim.Session) string) *member {
	GinkgoHelper()
	m := &member{w: w, form: form}
	m.permit(organization, everyRight()...)
	made, err := w.sim.AddMember(stytchsim.Member{OrganizationID: organization.ID, Roles: []string{"manager"}})
	Expect(err).NotTo(HaveOccurred())
	m.id = made.ID
	m.logIn()
	return m
}

// permit has the role of the members of an organization permit this and nothing else.
func (m *member) permit(organization stytchsim.Organization, rights ...stytch.Right) {
	GinkgoHelper()
	role := stytchsim.Role{ID: "manager"}
	for _, right := range rights {
		role.Permissions = append(role.Permissions, stytchsim.Permission{ResourceID: right.Resource, Actions: []string{right.Action}})
	}
	_, err := m.w.sim.PatchOrganization(organization.ID, map[string]any{"custom_roles": []stytchsim.Role{role}})
	Expect(err).NotTo(HaveOccurred())
}

// deny takes one right from the role of acme's members.
func (m *member) deny(right stytch.Right) {
	GinkgoHelper()
	m.permit(m.w.acme, slices.DeleteFunc(everyRight(), func(r stytch.Right) bool { return r == right })...)
}

// logIn makes another session of the member.
func (m *member) logIn() {
	GinkgoHelper()
	session, err := m.w.sim.AddSession(stytchsim.Session{MemberID: m.id, Expires: m.w.clock.Now().Add(24 * time.Hour)})
	Expect(err).NotTo(HaveOccurred())
	m.session = session
	m.w.issued.keep(session.Token, session.JWT)
}

// revoke ends the session that stands in the Secret.
func (m *member) revoke() {
	GinkgoHelper()
	Expect(m.w.sim.RemoveSession(m.session.ID)).To(Succeed())
}

// renew logs in again and writes the new session into the Secret, as somebody does who keeps it current.
func (m *member) renew() {
	GinkgoHelper()
	m.logIn()
	edit(m.w, m.w.secret("member", nil), func(s *corev1.Secret) { s.Data["session"] = []byte(m.form(m.session)) })
}

// keepSecret makes the Secret of the session.
func (m *member) keepSecret() {
	m.w.create(m.w.secret("member", map[string]string{"session": m.form(m.session)}))
}

// keep is issued's note of a value that nobody may see.
func (i *issued) keep(values ...string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tokens = append(i.tokens, values...)
}

// name has the StytchProject name the Secret of a member's session.
func (w *world) name() {
	GinkgoHelper()
	edit(w, w.project(), func(p *v1alpha1.StytchProject) {
		p.Spec.MemberSessionRef = &v1alpha1.SecretKeyRef{Name: "member", Key: "session"}
	})
}

// newMemberWorld is a world whose calls are made in the name of a member of acme who may do everything.
func newMemberWorld(ctx context.Context, form func(stytchsim.Session) string, switches ...func(*stytchsim.Switches)) (*world, *member) {
	GinkgoHelper()
	w := newWorld(ctx, switches...)
	m := w.memberOf(w.acme, form)
	m.keepSecret()
	w.name()
	return w, m
}

// expectInNameOfMember expects that every SSO and SCIM call since a seq was made in the name of a member, and no other call.
func (w *world) expectInNameOfMember(seq int) {
	GinkgoHelper()
	for _, call := range w.callsSince(seq) {
		asks := strings.HasPrefix(call.Path, "/v1/b2b/sso/") || strings.HasPrefix(call.Path, "/v1/b2b/scim/")
		Expect(call.MemberSession).To(Equal(asks), "%+v", call)
	}
}

// checks are the calls of a check of the StytchProjects.
func (p *process) checks() []string {
	GinkgoHelper()
	p.catchUp()
	before := p.life.eventCount()
	p.check()
	p.catchUp()
	calls, _ := p.life.since(before)
	return calls
}

// denial is something done for a connection that a member may not.
type denial struct {
	name  string
	right stytch.Right
	// kinds it is done with; all if there are none.
	kinds []string
	// do it with a connection that is in sync; nil for the creation.
	do func(w *world, o v1alpha1.Connection)
	// synced is the reason of Synced, where it is not PermissionDenied.
	synced string
	// operation that is refused; of a kind where it differs.
	operation map[string]string
}

func denials() []denial {
	sso := []string{"ExternalConnection", "OIDCConnection", "SAMLConnection"}
	of := func(prefix, suffix string) map[string]string {
		return map[string]string{
			"ExternalConnection": prefix + "ExternalConnection" + suffix, "OIDCConnection": prefix + "OIDCConnection" + suffix,
			"SAMLConnection": prefix + "SAMLConnection" + suffix, "SCIMConnection": prefix + "SCIMConnection" + suffix,
		}
	}
	rename := func(w *world, o v1alpha1.Connection) {
		edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().DisplayName = "Renamed" })
	}
	remove := func(w *world, o v1alpha1.Connection) {
		edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().DeletionPolicy = v1alpha1.DeletionDelete })
		w.delete(o)
	}
	resynced := func(w *world, _ v1alpha1.Connection) { w.clock.advance(resync) }
	right := func(half, action string) stytch.Right {
		return stytch.Right{Resource: "stytch." + half, Action: action}
	}
	list := map[string]string{
		"ExternalConnection": "ListSSOConnections", "OIDCConnection": "ListSSOConnections", "SAMLConnection": "ListSSOConnections", "SCIMConnection": "GetSCIMConnection",
	}
	gone := map[string]string{
		"ExternalConnection": "DeleteSSOConnection", "OIDCConnection": "DeleteSSOConnection", "SAMLConnection": "DeleteSSOConnection", "SCIMConnection": "DeleteSCIMConnection",
	}
	all := []denial{
		{name: "its tokens rotated", right: right("scim", "update"), kinds: []string{"SCIMConnection"}, do: func(w *world, o v1alpha1.Connection) {
			w.askForRotation(o.(*v1alpha1.SCIMConnection), "")
		}, operation: map[string]string{"SCIMConnection": "StartSCIMTokenRotation"}},
		{name: "its groups listed", right: right("scim", "get"), kinds: []string{"SCIMConnection"}, do: func(w *world, o v1alpha1.Connection) {
			w.push(o.(*v1alpha1.SCIMConnection), "Ops")
			edit(w, o.(*v1alpha1.SCIMConnection), func(o *v1alpha1.SCIMConnection) {
				o.Spec.GroupImplicitRoles = []v1alpha1.SCIMGroupRole{{GroupName: "Ops", Role: "viewer"}}
			})
		}, operation: map[string]string{"SCIMConnection": "ListSCIMGroups"}},
		{name: "its metadata read", right: right("sso", "update"), kinds: []string{"SAMLConnection"}, do: func(w *world, o v1alpha1.Connection) {
			w.publishMetadata("https://idp.example.com/metadata", "https://idp.example.com", newCertificate("read"))
			edit(w, o.(*v1alpha1.SAMLConnection), func(o *v1alpha1.SAMLConnection) {
				o.Spec.MetadataURL, o.Spec.IDPEntityID, o.Spec.IDPSSOURL, o.Spec.VerificationCertificates = "https://idp.example.com/metadata", "", "", nil
			})
		}, operation: map[string]string{"SAMLConnection": "UpdateSAMLConnectionByURL"}},
	}
	for half, kinds := range map[string][]string{"sso": sso, "scim": {"SCIMConnection"}} {
		all = append(all,
			denial{name: "created", right: right(half, "create"), kinds: kinds, operation: of("Create", "")},
			denial{name: "read", right: right(half, "get"), kinds: kinds, do: resynced, operation: list},
			denial{name: "updated", right: right(half, "update"), kinds: kinds, do: rename, operation: of("Update", "")},
			denial{name: "deleted", right: right(half, "delete"), kinds: kinds, do: remove, operation: gone, synced: v1alpha1.ReasonDeletionBlocked},
		)
	}
	return all
}

// expectDenied does it, and expects that the right is named that is missing, and that it goes on once the role has it.
func (d denial) expectDenied(ctx context.Context, kind kindOfSpecs) {
	GinkgoHelper()
	w, m := newMemberWorld(ctx, asToken)
	defer w.end()
	o, p := kind.manifest(w), w.start()
	if d.do != nil {
		w.create(o)
		p.settle(o)
		w.expectKept(o)
	}
	m.deny(d.right)
	seq := w.seq()
	if d.do == nil {
		w.create(o)
	} else {
		d.do(w, o)
	}
	p.pass(o)
	reason := v1alpha1.ReasonPermissionDenied
	if d.synced != "" {
		reason = d.synced
	}
	message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, reason)
	Expect(message).To(ContainSubstring(fmt.Sprintf("the action %q on %q", d.right.Action, d.right.Resource)))
	Expect(message).To(ContainSubstring("spec.memberSessionRef of the StytchProject"))
	Expect(isTrue(o, v1alpha1.ConditionStalled)).To(BeTrue())
	denied := w.callsSince(seq)
	Expect(denied[len(denied)-1].Operation).To(Equal(d.operation[kind.name]))
	Expect(denied[len(denied)-1].Status).To(Equal(http.StatusForbidden))

	m.permit(w.acme, everyRight()...)
	w.clock.advance(resync)
	p.settle(o)
	if w.exists(o) {
		Expect(isTrue(o, v1alpha1.ConditionStalled)).To(BeFalse(), "%+v", o.CommonStatus().Conditions)
	} else {
		Expect(w.remains(o)).To(BeFalse())
	}
	w.expectInNameOfMember(0)
}

var _ = Describe("In the name of a member whose role does not permit it, a connection is not", func() {
	for _, d := range denials() {
		for _, kind := range kindsOfSpecs() {
			if len(d.kinds) > 0 && !slices.Contains(d.kinds, kind.name) {
				continue
			}
			It(fmt.Sprintf("%s, and the message says which action is missing (%s)", d.name, kind.name), func(ctx context.Context) {
				d.expectDenied(ctx, kind)
			})
		}
	}
})

// giveRoles has a manifest assign a role, and other settings differ.
func giveRoles(w *world, o v1alpha1.Connection) string {
	GinkgoHelper()
	edit(w, o, func(o v1alpha1.Connection) {
		o.CommonSpec().DisplayName = "Renamed"
		switch o := o.(type) {
		case *v1alpha1.SAMLConnection:
			o.Spec.ImplicitRoles = []string{"editor"}
			o.Spec.AttributeMapping["email"] = "mail"
		case *v1alpha1.ExternalConnection:
			o.Spec.ImplicitRoles = []string{"editor"}
		case *v1alpha1.SCIMConnection:
			o.Spec.GroupImplicitRoles = []v1alpha1.SCIMGroupRole{{GroupID: w.push(o, "Ops"), Role: "editor"}}
		}
	})
	switch o.(type) {
	case *v1alpha1.SAMLConnection:
		return "saml_connection_implicit_role_assignments"
	case *v1alpha1.ExternalConnection:
		return "external_connection_implicit_role_assignments"
	}
	return "scim_group_implicit_role_assignments"
}

var _ = Describe("Role assignments that a member may not make", func() {
	implicit := stytch.Right{Resource: "stytch.organization", Action: "update.settings.implicit-roles"}
	for _, where := range []string{"in-addition", "instead"} {
		for _, kind := range kindsOfSpecs() {
			if kind.name == "OIDCConnection" {
				continue
			}
			It(fmt.Sprintf("hold nothing else back, and are made once it may (%s, %s)", kind.name, where), func(ctx context.Context) {
				w, m := newMemberWorld(ctx, asToken, func(s *stytchsim.Switches) { s.ImplicitRoles = where })
				o := kind.manifest(w)
				w.settled(o)
				field := giveRoles(w, o)
				before := w.field(o, field)
				m.deny(implicit)
				p := w.start()
				p.rest(o)
				message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonPermissionDenied)
				Expect(message).To(ContainSubstring("Stytch rejected " + field + ": "))
				Expect(message).To(ContainSubstring(`the action "update.settings.implicit-roles" on "stytch.organization"`))
				Expect(w.field(o, "display_name")).To(Equal("Renamed"))
				Expect(w.field(o, field)).To(Equal(before))
				if kind.name == "SAMLConnection" {
					Expect(w.field(o, "attribute_mapping")).To(HaveKeyWithValue("email", "mail"))
				}
				w.clock.advance(resync)
				Expect(p.pass(o).calls).To(HaveLen(2), "a list, and what stays denied")

				m.permit(w.acme, everyRight()...)
				w.clock.advance(resync)
				p.settle(o)
				w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
				Expect(w.field(o, field)).NotTo(Equal(before))
				w.expectInNameOfMember(0)
			})
		}
	}
})

var _ = Describe("A member's session", func() {
	for form, of := range map[string]func(stytchsim.Session) string{"token": asToken, "JWT": asJWT} {
		It("comes with every SSO and SCIM call and with no other, and stands nowhere but in its Secret ("+form+")", func(ctx context.Context) {
			w, m := newMemberWorld(ctx, of)
			all := w.everything(v1alpha1.DeletionDelete)
			slug := w.oidc("by-slug")
			slug.Spec.Organization = "acme"
			slug.Spec.DisplayName = "By slug"
			misspelled := w.saml("misspelled")
			misspelled.Spec.ImplicitRoles = []string{"nobody"}
			misspelled.Spec.DisplayName = "Misspelled"
			p := w.start()
			for _, o := range []v1alpha1.Connection{slug, misspelled} {
				w.create(o)
				p.rest(o)
			}
			for _, o := range all {
				edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().DisplayName += ", renamed" })
				p.settle(o)
				w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
			}
			w.fault(stytchsim.Fault{Method: http.MethodPut, Status: http.StatusBadRequest, ErrorType: "bad_request", ErrorMessage: "What is " + of(m.session) + "?"})
			edit(w, slug, func(o *v1alpha1.OIDCConnection) { o.Spec.DisplayName = "Refused" })
			p.rest(slug)
			w.expectCondition(slug, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)
			accepting(w)
			w.expectNowhereElse(p)
			for _, o := range append(all, slug, misspelled) {
				edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().DeletionPolicy = v1alpha1.DeletionDelete })
				w.delete(o)
			}
			for range 3 {
				for _, o := range append(all, slug, misspelled) {
					if w.exists(o) {
						p.pass(o)
					}
				}
			}
			w.expectNowhereElse(p)
			operations := map[string]bool{}
			for _, call := range w.sim.Calls() {
				operations[call.Operation] = true
			}
			for _, operation := range []string{"Whoami", "GetOrganization", "GetRBACPolicy", "ListSSOConnections", "GetSCIMConnection", "DeleteSSOConnection", "DeleteSCIMConnection", "UpdateOIDCConnection"} {
				Expect(operations).To(HaveKey(operation))
			}
			w.expectInNameOfMember(0)
		})

		It("that is renewed costs no check and no list: what it blocked goes on, and what is in sync stays quiet ("+form+")", func(ctx context.Context) {
			w, m := newMemberWorld(ctx, of)
			quiet, blocked := w.scim("quiet"), w.saml("blocked")
			w.settled(quiet)
			w.create(blocked)
			p := w.start()
			p.settle(quiet)
			p.settle(blocked)
			m.revoke()
			edit(w, blocked, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "Renamed" })
			p.expectPass(blocked, "PUT /v1/b2b/sso/saml/organization/connections/saml-connection")
			message := w.expectCondition(blocked, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonCredentialsRejected)
			Expect(message).To(ContainSubstring("spec.memberSessionRef of the StytchProject references has expired, was revoked or is invalid"))
			Expect(message).NotTo(ContainSubstring("project's current secret"))
			p.expectQuiet(quiet)

			m.renew()
			Expect(p.checks()).To(BeEmpty())
			project, _ := w.projectNow()
			Expect(project.Status.Inputs).To(HaveLen(2))
			secret := w.secret("member", nil)
			w.reload(secret)
			Expect(project.Status.Inputs[1]).To(Equal(v1alpha1.Input{Kind: "Secret", Name: "member", UID: string(secret.UID), ResourceVersion: secret.ResourceVersion}))
			p.expectQuiet(quiet)
			p.expectPass(blocked, "PUT /v1/b2b/sso/saml/organization/connections/saml-connection")
			w.expectCondition(blocked, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)

			By("where a pass comes before the session was taken in, too")
			m.renew()
			edit(w, blocked, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "Renamed meanwhile" })
			Expect(p.saml.awaitingSession(ctx, w.project())).To(BeEmpty())
			p.catchUp()
			Expect(p.again(blocked).quiet()).To(BeTrue())
			Expect(p.saml.awaitingSession(ctx, w.project())).To(HaveLen(1))
			p.settle(blocked)
			Expect(p.saml.awaitingSession(ctx, w.project())).To(BeEmpty())

			By("after a restart, too")
			m.renew()
			p = w.start()
			Expect(p.checks()).To(BeEmpty())
			p.expectQuiet(quiet)
			p.expectQuiet(blocked)
			edit(w, blocked, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "Renamed again" })
			p.settle(blocked)
			w.expectCondition(blocked, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
			w.expectInNameOfMember(0)
		})
	}

	It("that kept a list from being read does not keep the next one waiting", func(ctx context.Context) {
		w, m := newMemberWorld(ctx, asJWT)
		all := w.everything(v1alpha1.DeletionRetain)
		w.clock.advance(resync) // longer than a JWT is valid
		p := w.start()
		for _, o := range all {
			p.settle(o)
		}
		w.clock.advance(resync)
		for _, o := range all {
			p.rest(o)
			w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonCredentialsRejected)
		}
		seq := w.seq()
		m.renew()
		for _, o := range all {
			p.settle(o)
			w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		}
		Expect(w.callsSince(seq)).To(HaveLen(2), "one list of each half")
		w.expectInNameOfMember(0)
	})

	It("that Stytch refuses as it refuses a project's secret has the secret checked, and the message names both", func(ctx context.Context) {
		w, m := newMemberWorld(ctx, asToken, func(s *stytchsim.Switches) { s.EndedSession = "401" })
		o := w.saml("okta")
		w.settled(o)
		m.revoke()
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "Renamed" })
		p := w.start()
		p.rest(o)
		message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonCredentialsRejected)
		Expect(message).To(ContainSubstring("Store the project's current secret"))
		Expect(message).To(ContainSubstring("If the StytchProject is Ready, Stytch accepts that secret. Then store a current session token"))
		Expect(w.said(v1alpha1.ConditionReady, v1alpha1.ReasonVerified)).NotTo(BeEmpty())
		m.renew()
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		w.expectInNameOfMember(0)
	})

	It("of another organization is said to be that, and reads and changes nothing", func(ctx context.Context) {
		w := newWorld(ctx)
		w.memberOf(w.partner, asToken).keepSecret()
		w.name()
		for _, kind := range kindsOfSpecs() {
			o := kind.manifest(w)
			w.create(o)
			p := w.start()
			p.settle(o)
			message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonCredentialsRejected)
			Expect(message).To(ContainSubstring("belongs to a member of another organization"))
		}
		for _, call := range w.sim.Calls() {
			Expect(call.Operation == "Whoami" || call.Status == http.StatusForbidden).To(BeTrue(), "%+v", call)
		}
		w.expectInNameOfMember(0)
	})

	It("that is not there is waited for, at the start and later, and nothing is sent without it", func(ctx context.Context) {
		w := newWorld(ctx)
		m := w.memberOf(w.acme, asToken)
		w.name()
		o := w.saml("okta")
		w.create(o)
		p := w.start()
		p.rest(o)
		message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)
		Expect(message).To(Equal("StytchProject default is not ready: Secret member, referenced by spec.memberSessionRef, does not exist in this namespace. " +
			`Create it with a session token or session JWT of the member under the key "session".`))
		Expect(w.sim.Calls()).To(BeEmpty())
		m.keepSecret()
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)

		seq := w.seq()
		w.delete(w.secret("member", nil))
		Expect(p.pass(o).quiet()).To(BeTrue())
		w.clock.advance(resync)
		p.rest(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "Renamed" })
		p.rest(o)
		Expect(w.callsSince(seq)).To(BeEmpty())
		m.logIn()
		m.keepSecret()
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		w.expectInNameOfMember(0)
	})

	DescribeTable("is taken as people store it, or refused:", func(ctx context.Context, stored func(session string) []byte, reason, says string) {
		w := newWorld(ctx)
		m := w.memberOf(w.acme, asToken)
		secret := w.secret("member", nil)
		secret.Data = map[string][]byte{"session": stored(m.session.Token)}
		w.create(secret)
		w.name()
		o := w.saml("okta")
		w.create(o)
		p := w.start()
		p.settle(o)
		status := isFalseNow
		if reason == v1alpha1.ReasonInSync {
			status = isTrueNow
		}
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, status, reason)).To(ContainSubstring(says))
		w.expectInNameOfMember(0)
	},
		Entry("with a line break", func(s string) []byte { return []byte(s + "\r\n") }, v1alpha1.ReasonInSync, ""),
		Entry("with a byte order mark", func(s string) []byte { return []byte("\ufeff" + s) }, v1alpha1.ReasonInSync, ""),
		Entry("empty", func(string) []byte { return []byte("\n") }, v1alpha1.ReasonInputMissing, `Secret member has no value for the key "session"`),
		Entry("as a header", func(s string) []byte { return []byte("Bearer " + s) }, v1alpha1.ReasonInvalid, "contains spaces, control characters"),
		Entry("in two lines", func(s string) []byte { return []byte(s[:9] + "\n" + s[9:]) }, v1alpha1.ReasonInvalid, "Store a session token or session JWT of the member, and nothing else."),
		Entry("in UTF-16", func(s string) []byte { return utf16LE(s) }, v1alpha1.ReasonInvalid, "is encoded in UTF-16"),
		Entry("not as text", func(s string) []byte { return append([]byte(s), 0xff, 0xfe) }, v1alpha1.ReasonInvalid, "is not UTF-8 text"),
	)

	It("that the StytchProject does not name any more is not sent: what was read for the member is not used", func(ctx context.Context) {
		w, _ := newMemberWorld(ctx, asToken)
		o := w.saml("okta")
		w.settled(o)
		p := w.start()
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "Renamed" })
		p.settle(o)
		seq := w.seq()
		w.expectInNameOfMember(0)
		edit(w, w.project(), func(p *v1alpha1.StytchProject) { p.Spec.MemberSessionRef = nil })
		Expect(p.checks()).To(BeEmpty())
		p.expectQuiet(o)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "Renamed again" })
		p.expectPass(o, "GET /v1/b2b/sso/organization", "PUT /v1/b2b/sso/saml/organization/connections/saml-connection")
		for _, call := range w.callsSince(seq) {
			Expect(call.MemberSession).To(BeFalse())
		}
	})

	It("of one StytchProject shows nothing to another one in the same namespace", func(ctx context.Context) {
		w, _ := newMemberWorld(ctx, asToken)
		other := w.project()
		other.Name = "alone"
		w.create(other)
		p := w.start()
		calls := 0
		for i, project := range []string{"default", "alone", "default", "alone"} {
			o := w.oidc(fmt.Sprintf("connection-%d", i))
			o.Spec.ProjectRef.Name, o.Spec.DisplayName = project, o.Name
			w.create(o)
			for _, call := range p.settle(o).calls {
				if call == "GET /v1/b2b/sso/"+w.acme.ID {
					calls++
				}
			}
		}
		Expect(calls).To(Equal(2))
	})
})

// leaveWith has everything deleted: the manifests, the StytchProject, and these Secrets before.
func (w *world) leaveWith(all []v1alpha1.Connection, secrets ...string) {
	GinkgoHelper()
	for _, name := range secrets {
		w.delete(w.secret(name, nil))
	}
	w.delete(w.project())
	for _, o := range all {
		w.delete(o)
	}
}

// passes takes passes of manifests that are being deleted; of several connections the default one goes last.
func (p *process) passes(all []v1alpha1.Connection) {
	GinkgoHelper()
	for range 2 {
		for _, o := range all {
			if p.world.exists(o) {
				p.pass(o)
			}
		}
	}
}

var _ = Describe("Deletions in the name of a member", func() {
	for _, secrets := range [][]string{{"member"}, {"stytch"}, {"stytch", "member"}} {
		name := strings.Join(secrets, " and ")
		It("use the session and the credentials that were there last, where a Secret is gone ("+name+")", func(ctx context.Context) {
			w, _ := newMemberWorld(ctx, asToken)
			all := w.everything(v1alpha1.DeletionDelete)
			p := w.start()
			p.catchUp()
			p.check()
			w.leaveWith(all, secrets...)
			p.passes(all)
			Expect(w.made()).To(BeEmpty())
			w.expectInNameOfMember(0)
		})

		It("say what is missing after a restart, and use nothing else ("+name+")", func(ctx context.Context) {
			w, m := newMemberWorld(ctx, asToken)
			all := w.everything(v1alpha1.DeletionDelete)
			w.leaveWith(all, secrets...)
			seq := w.seq()
			p := w.start()
			p.passes(all)
			for _, o := range all {
				message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonDeletionBlocked)
				Expect(message).To(ContainSubstring("its Secret " + secrets[0] + " does not exist, and the manager was restarted since"))
				Expect(message).To(ContainSubstring("deletionPolicy: Retain"))
			}
			Expect(w.callsSince(seq)).To(BeEmpty())
			for _, secret := range secrets {
				if secret == "member" {
					m.keepSecret()
				} else {
					w.createSecret()
				}
			}
			p.passes(all)
			Expect(w.made()).To(BeEmpty())
			w.expectInNameOfMember(0)
		})
	}

	It("use a session that is renewed after the project's Secret is gone, and say so where it ended", func(ctx context.Context) {
		w, m := newMemberWorld(ctx, asToken)
		all := w.everything(v1alpha1.DeletionDelete)
		p := w.start()
		p.catchUp()
		p.check()
		m.revoke()
		w.leaveWith(all, "stytch")
		p.passes(all)
		for _, o := range all {
			Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonDeletionBlocked)).To(ContainSubstring("has expired, was revoked or is invalid"))
		}
		m.renew()
		p.passes(all)
		Expect(w.made()).To(BeEmpty())
		w.expectInNameOfMember(0)
	})

	It("wait where the member was named only after the credentials had gone", func(ctx context.Context) {
		w := newWorld(ctx)
		m := w.memberOf(w.acme, asToken)
		all := w.everything(v1alpha1.DeletionDelete)
		p := w.start()
		p.catchUp()
		p.check()
		w.leaveWith(all, "stytch")
		w.name()
		seq := w.seq()
		p.passes(all)
		for _, o := range all {
			Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonDeletionBlocked)).To(ContainSubstring("Secret member does not exist"))
		}
		Expect(w.callsSince(seq)).To(BeEmpty())
		m.keepSecret()
		p.passes(all)
		Expect(w.made()).To(BeEmpty())
		w.expectInNameOfMember(seq)
	})
})

// utf16LE is ASCII text as Windows tools store it.
func utf16LE(s string) []byte {
	stored := []byte{0xff, 0xfe}
	for _, c := range []byte(s) {
		stored = append(stored, c, 0)
	}
	return stored
}

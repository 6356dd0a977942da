package controllers

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf8"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// hostileAnswers is how many answers each kind gets.
const hostileAnswers = 12

var _ = Describe("Answers that nobody expects", func() {
	for _, kind := range kindsOfSpecs() {
		It("leave status of a "+kind.name+" as the API server takes it, and a Synced condition", func(ctx SpecContext) {
			w := newWorld(ctx)
			p := w.start()
			o := kind.manifest(w)
			w.create(o)
			p.settle(o)
			w.reload(o)
			Expect(o.CommonStatus().ConnectionID).NotTo(BeEmpty())
			h := &hostile{Rand: rand.New(rand.NewPCG(1, 2)), certificates: []string{newCertificate("a"), newCertificate("b"), "MAA=", "MII…", ""}}
			for i := range hostileAnswers {
				connection := h.connection(o.CommonStatus().ConnectionID, w.acme.ID)
				w.hostileAnswers(connection)
				w.clock.advance(2 * resync)
				got := p.pass(o)
				if _, ofStytch := errors.AsType[*stytch.Error](got.err); !ofStytch {
					Expect(got.err).NotTo(HaveOccurred(), "answer %d: %.3000s", i, connection)
				}
				w.reload(o)
				synced := meta.FindStatusCondition(o.CommonStatus().Conditions, v1alpha1.ConditionSynced)
				Expect(synced).NotTo(BeNil(), "answer %d: %.3000s", i, connection)
				Expect(synced.ObservedGeneration).To(Equal(o.GetGeneration()))
				expectStored(o, connection)
			}
		})
	}
})

// hostileAnswers make Stytch answer every read and update with a connection.
func (w *world) hostileAnswers(connection string) {
	GinkgoHelper()
	w.sim.RemoveFaults()
	list := `{"more":1e999,"request_id":"r","saml_connections":[%[1]s],"oidc_connections":[%[1]s],"external_connections":[%[1]s]}`
	for path, body := range map[string]string{
		"GET /v1/b2b/sso/*":             fmt.Sprintf(list, connection),
		"GET /v1/b2b/scim/*/connection": `{"connection":` + connection + `,"status_code":200}`,
		"PUT /v1/b2b/**":                `{"request_id":"r","connection":` + connection + `,"warning":{"a":[]}}`,
	} {
		method, path, _ := strings.Cut(path, " ")
		w.fault(stytchsim.Fault{Method: method, Path: path, Effect: stytchsim.FaultInvalidJSON, Body: body})
	}
}

// expectStored looks at what the API server holds of what was within limits.
func expectStored(o v1alpha1.Connection, connection string) {
	GinkgoHelper()
	var sent struct {
		ACSURL      string `json:"acs_url"`
		RedirectURL string `json:"redirect_url"`
		BaseURL     string `json:"base_url"`
	}
	Expect(json.Unmarshal([]byte(connection), &sent)).To(Succeed())
	switch o := o.(type) {
	case *v1alpha1.SAMLConnection:
		expectFits(o.Status.ACSURL, sent.ACSURL)
	case *v1alpha1.OIDCConnection:
		expectFits(o.Status.RedirectURL, sent.RedirectURL)
	case *v1alpha1.SCIMConnection:
		expectFits(o.Status.BaseURL, sent.BaseURL)
	}
}

func expectFits(stored, sent string) {
	GinkgoHelper()
	const most = 1024 // characters of a URL in status
	if utf8.RuneCountInString(sent) > most {
		Expect(utf8.RuneCountInString(stored)).To(Equal(most))
		sent = strings.TrimSuffix(stored, "…") + "…"
	}
	Expect(stored).To(Equal(sent))
}

// hostile makes values of JSON that are valid and that nobody expects.
type hostile struct {
	*rand.Rand
	certificates []string
}

func one[T any](h *hostile, of ...T) T { return of[h.IntN(len(of))] }

// text is a string. Some are not UTF-8.
func (h *hostile) text() string {
	n := one(h, 0, 1, 36, 127, 128, 129, 255, 256, 257, 1023, 1024, 1025, 5000)
	unit := one(h, "x", "ü", "\U0001f469\u200d\U0001f680", "\u0000", "\n", "\u200b", "\ufeff", "\u202e", "é", `"`, "Ω", "-----BEGIN "+"RSA PRIVATE KEY-----")
	raw, err := json.Marshal(strings.Repeat(unit, n/len([]rune(unit))) + one(h, "", " ", "x"))
	Expect(err).NotTo(HaveOccurred())
	return strings.ReplaceAll(string(raw), "Ω", "\xff")
}

func (h *hostile) time() string {
	return one(h, `null`, `""`, `5`, `{}`, `"0000-01-01T00:00:00Z"`, `"0001-01-01T00:00:00+23:59"`, `"9999-12-31T23:59:59-23:59"`, `"9999-12-31T23:59:59.999999999Z"`,
		`"10000-01-01T00:00:00Z"`, `"2026-02-30T00:00:00Z"`, `"2026-01-01T00:00:60Z"`, `"2026-01-01T00:00:00.123456789Z"`, `"2262-04-12T00:00:00Z"`)
}

// list has up to most elements; some are null.
func (h *hostile) list(most int, element func() string) string {
	var all []string
	for range one(h, 0, 1, most/2, most) {
		all = append(all, element())
	}
	return one(h, "["+strings.Join(all, ",")+"]", "["+strings.Join(all, ",")+"]", "null")
}

func (h *hostile) certificate() string {
	pem, err := json.Marshal(one(h, h.certificates...))
	Expect(err).NotTo(HaveOccurred())
	return fmt.Sprintf(`{"certificate_id":%s,"certificate":%s,"created_at":%s,"expires_at":%s,"issuer":%s}`, h.text(), pem, h.time(), h.time(), h.text())
}

func (h *hostile) role() string {
	return fmt.Sprintf(`{"role_id":"r%d","group":"g","group_id":"i","group_name":"n","new":null}`, h.IntN(1e6))
}

func (h *hostile) mapping() string {
	var all []string
	for i := range one(h, 0, 1, 3000) {
		all = append(all, fmt.Sprintf(`"k%d":%s`, i, one(h, `"v"`, `1e400`, `{"a":[null]}`, `null`, `[[[]]]`)))
	}
	return "{" + strings.Join(all, ",") + "}"
}

// connection is the connection of a manifest, of any kind, with all other fields. It is not so large that it is not read.
func (h *hostile) connection(id, organization string) string {
	for {
		if connection := h.anyConnection(id, organization); len(connection) < 1000<<10 {
			return connection
		}
	}
}

func (h *hostile) anyConnection(id, organization string) string {
	fields := []string{
		fmt.Sprintf(`"connection_id":%q,"organization_id":%q`, id, organization),
		`"status":` + one(h, `"active"`, `"pending"`, `"ACTIVE"`, `""`, h.text()),
		`"attribute_mapping":` + h.mapping(), `"new":` + h.mapping(),
		`"verification_certificates":` + h.list(20, h.certificate), `"signing_certificates":` + h.list(20, h.certificate),
		`"encryption_private_keys":` + h.list(10, func() string { return `{"private_key_id":` + h.text() + `}` }),
		`"idp_initiated_auth_disabled":` + one(h, "true", "false", "null"), `"allow_gateway_callback":` + one(h, "true", "false", "null"),
		`"client_secret":` + one(h, `null`, `1`, `{}`, h.text()),
		`"bearer_token_expires_at":` + h.time(), `"next_bearer_token_expires_at":null`,
	}
	for _, name := range []string{
		"display_name", "identity_provider", "idp_entity_id", "idp_sso_url", "acs_url", "audience_uri", "alternative_audience_uri",
		"alternative_acs_url", "nameid_format", "redirect_url", "client_id", "issuer", "authorization_url", "token_url", "userinfo_url",
		"jwks_url", "custom_scopes", "base_url", "bearer_token_last_four",
	} {
		fields = append(fields, fmt.Sprintf("%q:%s", name, h.text()))
	}
	for _, name := range []string{
		"saml_connection_implicit_role_assignments", "saml_group_implicit_role_assignments", "scim_group_implicit_role_assignments",
		"external_connection_implicit_role_assignments", "external_group_implicit_role_assignments",
	} {
		fields = append(fields, fmt.Sprintf("%q:%s", name, h.list(3000, h.role)))
	}
	return "{" + strings.Join(fields, ",") + "}"
}

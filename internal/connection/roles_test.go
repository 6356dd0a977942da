package connection_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// assigning is a step that assigns roles to everybody.
func assigning(roles ...string) connection.Step {
	return connection.Step{Action: connection.Update, Changes: []connection.Change{{
		Field: "roles", Topic: connection.TopicMapping, Have: connection.Roles(nil), Want: connection.Roles(roles),
	}}}
}

// numbered are n role IDs.
func numbered(prefix string, n int) (roles []string) {
	for i := range n {
		roles = append(roles, fmt.Sprintf("%s%02d", prefix, i))
	}
	return roles
}

// quotedList is a list of names as a message has it.
func quotedList(names ...string) string { return `"` + strings.Join(names, `", "`) + `"` }

func TestUnknownRolesAreNamedWithThoseThatThereAre(t *testing.T) {
	known := []string{"admin", "editor"}
	for _, test := range []struct {
		name         string
		roles, known []string
		want         string // after what is said of the plan
	}{
		{"one is unknown", []string{"edtor"}, known, `Unknown role: "edtor". Stytch has these roles, in the RBAC policy of the project and in the organization: "admin", "editor". Use one of them, or create the role in Stytch.`},
		{"two of three are", []string{"viewer", "admin", "edtor"}, known, `Unknown roles: "edtor", "viewer". Stytch has these roles, in the RBAC policy of the project and in the organization: "admin", "editor". Use one of them, or create the role in Stytch.`},
		{"all exist", known, known, ""},
		{"nobody knows", []string{"edtor"}, nil, ""},
		{"capitals count", []string{"Admin"}, []string{"admin"}, `Unknown role: "Admin". Stytch has these roles, in the RBAC policy of the project and in the organization: "admin". Use one of them, or create the role in Stytch.`},
		{"odd names are quoted", []string{"a \"b\"\n", "ä, é"}, []string{" "}, `Unknown roles: "a \"b\"\n", "ä, é". Stytch has these roles, in the RBAC policy of the project and in the organization: " ". Use one of them, or create the role in Stytch.`},
		{"many", numbered("u", 12), numbered("k", 27), "Unknown roles: " + quotedList(numbered("u", 10)...) + " and 2 more. Stytch has these roles, in the RBAC policy of the project and in the organization: " + quotedList(numbered("k", 25)...) + " and 2 more. Use one of them, or create the role in Stytch."},
		{"long", []string{strings.Repeat("u", 200)}, []string{strings.Repeat("k", 200)}, "Unknown role: " + quotedList(strings.Repeat("u", 63)+"…") + ". Stytch has these roles, in the RBAC policy of the project and in the organization: " + quotedList(strings.Repeat("k", 63)+"…") + ". Use one of them, or create the role in Stytch."},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &script{plan: []connection.Step{assigning(test.roles...)}}
			foreseen := s.kind().Foresee(SAMLManifest(), readInputs)
			before, after := foreseen.Finding(nil).Message, foreseen.Finding(test.known).Message
			Same(t, "what a creation says", strings.TrimSpace(strings.TrimPrefix(after, before)), test.want)

			o := SAMLManifest()
			o.Spec.Management = v1alpha1.ManagementObserve
			c := connection.Converge(s.kind(), o, connection.Identity{ID: foundID}, nobodyElse, Noon)
			c.Next(glimpse{}, Noon, readInputs, later)
			end, _ := errors.AsType[connection.Finding](c.Known(test.known).End)
			Same(t, "the reason", end.Reason, v1alpha1.ReasonPlanPending)
			Same(t, "what an update says", strings.TrimSpace(strings.TrimPrefix(end.Message,
				"Stytch differs from the manifest in: roles. Nothing is sent because management is Observe. See status.plan for the values.")), test.want)
		})
	}
}

func TestRolesAreAskedForOnceAnUpdateWithThemWasRefused(t *testing.T) {
	refused := answerOf(stytch.Rejected, 400, "invalid_rbac_role_id")
	mapping := connection.Step{Action: connection.Update, Changes: []connection.Change{changeOf("mapping", connection.TopicMapping, "new")}}
	for _, test := range []struct {
		name    string
		step    connection.Step
		refused *stytch.Error
		asks    []string
	}{
		{"refused for its value", assigning("edtor", "admin"), refused, []string{"admin", "edtor"}},
		{"which assigns none", assigning(), refused, nil},
		{"without roles", mapping, refused, nil},
		{"refused for the plan of the project", assigning("edtor"), answerOf(stytch.Rejected, 400, "rbac_not_available_for_billing_tier"), nil},
		{"not allowed", assigning("edtor"), answerOf(stytch.PermissionDenied, 403, "forbidden"), nil},
		{"with no response", assigning("edtor"), answerLost(), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &script{plan: []connection.Step{test.step}}
			c := connection.Converge(s.kind(), SAMLManifest(), connection.Identity{ID: foundID}, nobodyElse, Noon)
			move := c.Next(glimpse{}, Noon, readInputs, later)
			Same(t, "what is asked for before the update", move.Roles, []string(nil))
			if move = c.Failed(test.refused, Noon); move.End == nil {
				move = c.Next(glimpse{}, Noon, readInputs, later)
			}
			Same(t, "what is asked for", move.Roles, test.asks)
		})
	}
}

func TestARefusalStandsAsItIsWhereRolesCannotBeRead(t *testing.T) {
	said := func(known ...string) string {
		s := &script{plan: []connection.Step{assigning("edtor")}, complaints: []connection.Problem{mentioned}}
		c := connection.Converge(s.kind(), SAMLManifest(), connection.Identity{ID: foundID}, nobodyElse, Noon)
		c.Next(glimpse{}, Noon, readInputs, later)
		c.Failed(answerOf(stytch.Rejected, 400, "invalid_rbac_role_id"), Noon)
		c.Next(glimpse{}, Noon, readInputs, later)
		end, _ := errors.AsType[connection.Finding](c.Known(known).End)
		Same(t, "the reason", end.Reason, v1alpha1.ReasonRejected)
		return end.Message
	}
	const refusal = "Mentioned. Stytch rejected roles: UpdateSAMLConnection returned 400 invalid_rbac_role_id. Fix the manifest or the object it refers to in Stytch. Retrying at the next resync."
	Same(t, "where they cannot be read", said(), refusal)
	Same(t, "where the role exists", said("edtor"), refusal)
	Same(t, "where it does not", said("editor"), refusal+` Unknown role: "edtor". Stytch has these roles, in the RBAC policy of the project and in the organization: "editor". Use one of them, or create the role in Stytch.`)
}

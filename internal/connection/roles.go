package connection

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits of a message about roles: how many it names of those that are unknown and of those that there are, and how long a name is.
const (
	maxUnknownRoles = 10
	maxKnownRoles   = 25
	maxRoleName     = 64
)

// assigned are the roles that steps assign, in order, each once: those of lists that are as they should be are not among them.
func assigned(steps []Step) []string {
	var roles []string
	for _, s := range steps {
		for _, c := range s.Changes {
			list, _ := c.Want.Send.([]RoleAssignment)
			for _, r := range list {
				roles = append(roles, r.RoleID)
			}
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

// unknownRoles says which of these roles there are not, and which there are. False where all exist, or where it is not known which
// do: known is empty.
func unknownRoles(roles, known []string) (Problem, bool) {
	unknown := slices.DeleteFunc(slices.Clone(roles), func(r string) bool { return slices.Contains(known, r) })
	if len(unknown) == 0 || len(known) == 0 {
		return Problem{}, false
	}
	what := "Unknown role"
	if len(unknown) > 1 {
		what += "s"
	}
	return Problem{Message: fmt.Sprintf(
		"%s: %s. Stytch has these roles, in the RBAC policy of the project and in the organization: %s. Use one of them, or create the role in Stytch.",
		what, namesOf(unknown, maxUnknownRoles), namesOf(known, maxKnownRoles))}, true
}

// namesOf lists the first of some roles in quotes, and says how many more there are.
func namesOf(roles []string, limit int) string {
	var names []string
	for _, r := range roles[:min(len(roles), limit)] {
		names = append(names, strconv.Quote(CutTo(maxRoleName, r)))
	}
	list := strings.Join(names, ", ")
	if more := len(roles) - limit; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}

package scim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Limits of what status keeps of a group.
const (
	maxFoundName = 256
	maxFoundID   = 128
)

// foundGroups are the groups that have the names now, or had them when they were last found.
func foundGroups(o manifest, r resolution, byName map[string][]string) []v1alpha1.SCIMFoundGroup {
	var found []v1alpha1.SCIMFoundGroup
	for _, name := range r.names {
		group := foundBefore(o, name)
		if ids := byName[name]; len(ids) == 1 {
			group = v1alpha1.SCIMFoundGroup{Name: name, GroupID: ids[0]}
		} else {
			group.RenamedTo = r.nameOf(group.GroupID, name)
		}
		if group.GroupID != "" && len(group.GroupID) <= maxFoundID && utf8.RuneCountInString(name) <= maxFoundName {
			found = append(found, group)
		}
	}
	return found
}

// foundBefore is the group that a name was found to be, as status has it.
func foundBefore(o manifest, name string) v1alpha1.SCIMFoundGroup {
	if o.Status.Groups != nil {
		for _, known := range o.Status.Groups.Found {
			if known.Name == name {
				return known
			}
		}
	}
	return v1alpha1.SCIMFoundGroup{}
}

// nameOf is the name of a group, if it is another one than before; "" where there is no such group.
func (r resolution) nameOf(id, before string) string {
	i := slices.IndexFunc(r.groups, func(g stytch.SCIMGroup) bool { return g.ID == id })
	if id == "" || i < 0 || r.groups[i].Name == before {
		return ""
	}
	return connection.Cut(r.groups[i].Name)
}

// renamedGroups warns of groups that were renamed since status was written: their members have lost the roles.
func renamedGroups(was, is manifest) []connection.Warning {
	if is.Status.Groups == nil {
		return nil
	}
	var renamed []string
	for _, g := range is.Status.Groups.Found {
		if g.RenamedTo != "" && g.RenamedTo != foundBefore(was, g.Name).RenamedTo {
			renamed = append(renamed, fmt.Sprintf("%q to %q (%s)", g.Name, g.RenamedTo, g.GroupID))
		}
	}
	if len(renamed) == 0 {
		return nil
	}
	return []connection.Warning{{Reason: "GroupRenamed", Message: fmt.Sprintf(
		"The identity provider renamed groups of spec.groupImplicitRoles: %s. Fix the names in the manifest, or use groupID.", strings.Join(renamed, ", "))}}
}

// explained are the names of groups that are not there, each with what may be meant instead.
func (r resolution) explained() []string {
	almost := map[string]string{}
	for _, g := range r.groups {
		if known, is := almost[folded(g.Name)]; !is || g.Name < known {
			almost[folded(g.Name)] = g.Name
		}
	}
	list := make([]string, 0, len(r.pending))
	for _, name := range r.pending {
		said := connection.Quoted([]string{name})
		group, is := almost[folded(name)]
		i := slices.IndexFunc(r.found, func(g v1alpha1.SCIMFoundGroup) bool { return g.Name == name && g.RenamedTo != "" })
		switch {
		case i >= 0:
			said += fmt.Sprintf(" (the group was renamed to %q)", r.found[i].RenamedTo)
		case is:
			said += fmt.Sprintf(" (there is %s, which differs only in %s)", quoted(group, name), difference(group, name))
		}
		list = append(list, said)
	}
	return list
}

// folded is a name without what people overlook: case, white space, what nobody sees, and the form of composed characters.
func folded(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.C, r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, norm.NFKC.String(name))
	return strings.Join(strings.Fields(strings.ToLower(strings.ToUpper(name))), " ")
}

// difference of two names that are the same when they are folded.
func difference(a, b string) string {
	composed := func(s string) string { return norm.NFKC.String(s) }
	spaced := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	switch {
	case composed(a) == composed(b):
		return "its Unicode form"
	case strings.EqualFold(a, b):
		return "case"
	case spaced(a) == spaced(b):
		return "white space"
	}
	return "case, white space, invisible characters or its Unicode form"
}

// quoted is the name of a group, in ASCII where it would look like the other one.
func quoted(group, name string) string {
	if norm.NFKC.String(group) == norm.NFKC.String(name) {
		return strconv.QuoteToASCII(connection.Cut(group))
	}
	return strconv.Quote(connection.Cut(group))
}

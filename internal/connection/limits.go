package connection

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// maxShown is how many characters of a value status shows.
const maxShown = 256

// Cut shortens a value to what status shows of it.
func Cut(s string) string { return CutTo(maxShown, s) }

// CutTo shortens a string to what status takes: a longer one would make every write of status be refused.
func CutTo(limit int, s string) string {
	runes := []rune(s)
	if len(runes) <= limit {
		return s
	}
	return string(runes[:limit-1]) + "…"
}

// CutNote says which fields of status hold only a part of what there is.
func CutNote(fields []string) string {
	slices.Sort(fields)
	return fmt.Sprintf("Status is too small for all of %s, and has only the first part.", strings.Join(slices.Compact(fields), ", "))
}

// Quoted lists names in quotes, as they may hold commas, white space and what nobody sees. A longer one is shortened.
func Quoted(names []string) string {
	list := make([]string, 0, len(names))
	for _, name := range names {
		list = append(list, strconv.Quote(Cut(name)))
	}
	return strings.Join(list, ", ")
}

// Padded says that a text starts or ends with white space or with something that nobody sees.
func Padded(s string) bool {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.In(r, unicode.Z, unicode.C) }) != s
}

// PaddedGroups mentions names of groups with white space at an end: an identity provider may send them like that.
func PaddedGroups(names []string) []Problem {
	var padded []string
	for _, name := range names {
		if Padded(name) {
			padded = AddOnce(padded, name)
		}
	}
	if len(padded) == 0 {
		return nil
	}
	return []Problem{{Message: "spec.groupImplicitRoles contains names of groups that start or end with white space or an invisible character, which is a part of the name: " +
		Quoted(padded) + ". If the identity provider does not send them like that, fix them."}}
}

// PaddedGroupRoles mentions the same of roles that are given by the names of groups.
func PaddedGroupRoles(list []v1alpha1.GroupRole) []Problem {
	var names []string
	for _, g := range list {
		names = append(names, g.Group)
	}
	return PaddedGroups(names)
}

// maxRecorded is the longest value that a record holds to want it from then on.
const maxRecorded = 4096

// Recordable is a value as a record can hold it. One that is too long is not recorded: half of it must not be wanted.
func Recordable(s string) string {
	if len(s) > maxRecorded {
		return ""
	}
	return s
}

package connection

import (
	"fmt"
	"slices"
	"strings"
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

// maxRecorded is the longest value that a record holds to want it from then on.
const maxRecorded = 4096

// Recordable is a value as a record can hold it. One that is too long is not recorded: half of it must not be wanted.
func Recordable(s string) string {
	if len(s) > maxRecorded {
		return ""
	}
	return s
}

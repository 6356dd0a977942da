package stytch

import (
	"slices"
	"strings"
)

// identified is a connection of any kind.
type identified interface {
	key() string
	owner() string
}

// Find returns the connection with that ID from a list that is ordered by
// connection ID, as all lists of this package are.
func Find[C identified](list []C, connectionID string) (C, bool) {
	i, found := search(list, connectionID)
	if !found {
		var none C
		return none, false
	}
	return list[i], true
}

func search[C identified](list []C, connectionID string) (int, bool) {
	return slices.BinarySearchFunc(list, connectionID, func(c C, id string) int { return strings.Compare(c.key(), id) })
}

// replaced returns a copy of the list with c in its place, instead of a
// connection of the same ID. Lists are never changed: others read them
// concurrently.
func replaced[C identified](list []C, c C) []C {
	i, found := search(list, c.key())
	after := i
	if found {
		after++
	}
	out := make([]C, 0, len(list)+1)
	out = append(out, list[:i]...)
	out = append(out, c)
	return append(out, list[after:]...)
}

// without returns the list without the connection of that ID.
func without[C identified](list []C, connectionID string) []C {
	i, found := search(list, connectionID)
	if !found {
		return list
	}
	return slices.Concat(list[:i], list[i+1:]) // nil when it was the last
}

// except returns a copy of the list without the entries for which gone is true;
// nil if none is left.
func except[T any](list []T, drop func(T) bool) []T {
	var left []T
	for _, entry := range list {
		if !drop(entry) {
			left = append(left, entry)
		}
	}
	return left
}

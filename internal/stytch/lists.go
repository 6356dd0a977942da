package stytch

import (
	"slices"
	"strings"
)

// identified is a connection of any kind.
type identified interface{ key() string }

// Find returns the connection with that ID from a list ordered by connection ID,
// as all lists of this package are.
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

// placed returns a copy of the list in which c stands at its place, instead of
// what stood there. Lists are never changed: others are reading them.
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

// without returns the list without that connection.
func without[C identified](list []C, connectionID string) []C {
	i, found := search(list, connectionID)
	if !found {
		return list
	}
	return slices.Concat(list[:i], list[i+1:]) // nil when it was the last
}

// except returns a copy of the list without what is gone; nil when that is all.
func except[T any](list []T, drop func(T) bool) []T {
	var left []T
	for _, entry := range list {
		if !drop(entry) {
			left = append(left, entry)
		}
	}
	return left
}

package connection

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

const (
	// maxUnknown is how many unknown annotations are mentioned.
	maxUnknown = 8
	// maxTypos is how many characters a near miss may differ in.
	maxTypos = 3
)

// UnknownAnnotations mentions the annotations of our prefix that the operator does not know, each with the one that is most likely
// meant; empty for none. Values are never quoted.
func UnknownAnnotations(o v1alpha1.Connection) string {
	var said []string
	for _, key := range slices.Sorted(maps.Keys(o.GetAnnotations())) {
		name, ours := strings.CutPrefix(key, v1alpha1.AnnotationPrefix)
		if !ours || slices.Contains(v1alpha1.ManifestAnnotations(), key) || len(said) == maxUnknown {
			continue
		}
		if near := nearest(name); near != "" {
			said = append(said, fmt.Sprintf("The annotation %s is unknown and ignored. Did you mean %s?", key, near))
		} else {
			said = append(said, fmt.Sprintf("The annotation %s is unknown and ignored. Remove it.", key))
		}
	}
	return join(said...)
}

// nearest is the annotation whose name is nearest to a name; empty where none is near.
func nearest(name string) (near string) {
	best := min(maxTypos, len(name)/2) + 1
	for _, key := range v1alpha1.ManifestAnnotations() {
		known := strings.TrimPrefix(key, v1alpha1.AnnotationPrefix)
		if typos := distance(simplified(name), simplified(known)); typos < best {
			best, near = typos, known
		}
	}
	return near
}

// simplified is a name without what people mix up.
func simplified(name string) string {
	return strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(name))
}

// distance is how many characters have to be added, removed or replaced to make one word of the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			if a[i] != b[j] {
				diagonal = 1 + min(diagonal, above, row[j])
			}
			row[j+1], diagonal = diagonal, above
		}
	}
	return row[len(b)]
}

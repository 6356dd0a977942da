package connection

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// markedName is the longest part of a real name that stands in a provisional name.
const markedName = 200

// Mark makes a connection that is being created recognisable as its manifest's after a crash: of a code that only who has the
// project's secret can compute from the manifest's uid, so that nobody can make a connection that looks like it.
func Mark(code []byte) string { return hex.EncodeToString(code[:4]) }

// UIDMark is the mark that versions without a record made, of the uid alone.
func UIDMark(uid types.UID) string {
	sum := sha256.Sum256([]byte(uid))
	return Mark(sum[:])
}

// MarkOf is the mark that the connection of a manifest is created with.
func MarkOf(o v1alpha1.Connection) string { return cmp.Or(RecordOf(o).Mark, UIDMark(o.GetUID())) }

// Marks are those that a connection may bear which was created for a manifest.
func Marks(o v1alpha1.Connection) []string { return []string{MarkOf(o), UIDMark(o.GetUID())} }

// IsMarkLabel says that the label of a Secret is the mark of a manifest's creation.
func IsMarkLabel(label string, o v1alpha1.Connection) bool {
	mark, marked := strings.CutPrefix(label, "new-")
	return marked && slices.Contains(Marks(o), mark)
}

// MarkLabel is a mark as the value of a label.
func MarkLabel(mark string) string { return "new-" + mark }

// ProvisionalName is the display name that a connection is created with. The real name takes its place once the connection's
// ID is recorded.
func ProvisionalName(name, mark string) string {
	if runes := []rune(name); len(runes) > markedName {
		name = string(runes[:markedName])
	}
	return name + marking(mark)
}

// IsNew says that a connection still bears the mark of its creation for a manifest.
func IsNew(o v1alpha1.Connection, displayName string) bool { return marked(displayName, Marks(o)) }

func marked(displayName string, marks []string) bool {
	return slices.ContainsFunc(marks, func(mark string) bool { return strings.HasSuffix(displayName, marking(mark)) })
}

// bearsMark says that a name ends like that of a connection that is being created, for whichever manifest.
func bearsMark(name string) bool {
	at := len(name) - len(marking("00000000"))
	if at < 0 {
		return false
	}
	mark := strings.TrimSuffix(strings.TrimPrefix(name[at:], " [new "), "]")
	_, err := hex.DecodeString(mark)
	return err == nil && name[at:] == marking(mark)
}

func marking(mark string) string { return " [new " + mark + "]" }

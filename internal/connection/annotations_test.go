package connection_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
)

func TestUnknownAnnotationsAreMentionedWithTheNearMiss(t *testing.T) {
	const prefix, ignored = "The annotation connections.stytch-operator.dev/", " is unknown and ignored. "
	for _, test := range []struct{ name, want string }{
		{"rotate-tokn", prefix + "rotate-tokn" + ignored + "Did you mean rotate-token?"},
		{"rotateToken", prefix + "rotateToken" + ignored + "Did you mean rotate-token?"},
		{"resync", prefix + "resync" + ignored + "Remove it."},
		{"request-resync", prefix + "request-resync" + ignored + "Remove it."},
		{"resync_requested", prefix + "resync_requested" + ignored + "Did you mean resync-requested?"},
		{"acknowledge-tokens", prefix + "acknowledge-tokens" + ignored + "Did you mean acknowledge-token?"},
		{"refresh-meta-data", prefix + "refresh-meta-data" + ignored + "Did you mean refresh-metadata?"},
		{"proved-writable", prefix + "proved-writable" + ignored + "Remove it."},
		{"x", prefix + "x" + ignored + "Remove it."},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := inForce()
			o.Annotations = map[string]string{v1alpha1.AnnotationPrefix + test.name: "a value", "others/" + test.name: "1"}
			Same(t, "the note", connection.UnknownAnnotations(o), test.want)
		})
	}
	known := inForce()
	known.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}"}
	for _, key := range v1alpha1.ManifestAnnotations() {
		known.Annotations[key] = "1"
	}
	Same(t, "the note of those that are known", connection.UnknownAnnotations(known), "")
}

func TestOnlySomeOfManyUnknownAnnotationsAreMentionedInOneOrder(t *testing.T) {
	o := inForce()
	o.Annotations = map[string]string{}
	for i := range 1000 {
		o.Annotations[fmt.Sprintf("%s%03d", v1alpha1.AnnotationPrefix, i)] = "1"
	}
	note := connection.UnknownAnnotations(o)
	Same(t, "how many are mentioned", strings.Count(note, "unknown"), 8)
	for range 10 {
		Same(t, "the note", connection.UnknownAnnotations(o), note)
	}
}

func TestANoteStandsInSyncedAloneAndChangesNoReason(t *testing.T) {
	for _, reason := range []string{v1alpha1.ReasonInSync, v1alpha1.ReasonConflict, v1alpha1.ReasonUnavailable} {
		report := connection.Report{Reason: reason, Message: "What is.", Remote: &connection.Remote{State: "active"}}
		plain := connection.Judge(v1alpha1.ConnectionStatus{}, 1, report, Noon)
		report.Note = "A note."
		for i, c := range connection.Judge(v1alpha1.ConnectionStatus{}, 1, report, Noon).Conditions {
			want := plain.Conditions[i]
			if c.Type == v1alpha1.ConditionSynced {
				want.Message = "What is. A note."
			}
			Same(t, reason+" "+c.Type, c, want)
		}
	}
}

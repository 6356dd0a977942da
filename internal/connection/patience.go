package connection

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// Waits says that a reason means that a manifest waits for an object of its namespace: that may come right after the manifest, or
// never because its name has a typo. A source that is given by its ID is another organization's, whose people may take weeks.
func (k Kind[O, R]) Waits(o O, reason string) bool {
	switch reason {
	case v1alpha1.ReasonInputMissing:
		return true
	case v1alpha1.ReasonSourceNotReady:
		for _, ref := range k.Names(o) {
			if ref.Kind != KindSecret && ref.Kind != KindConfigMap {
				return true
			}
		}
	}
	return false
}

// wait is since when a manifest waits without a break; nil where it does not. An edit begins anew, since what it names may come right
// after it.
func wait(since *metav1.Time, waits, edited bool, now time.Time) *metav1.Time {
	switch {
	case !waits:
		return nil
	case since != nil && !edited:
		return since
	}
	return &metav1.Time{Time: now}
}

// PatienceEnds is when a manifest that waits is stalled; zero for never, which is what no patience means.
func PatienceEnds(since *metav1.Time, patience time.Duration) time.Time {
	if since == nil || patience == 0 {
		return time.Time{}
	}
	return since.Add(patience)
}

// remedyOf is who goes on: with what was waited for too long, somebody has to.
func remedyOf(reason string, since *metav1.Time, patience time.Duration, now time.Time) remedy {
	who := ruleOf(reason).remedy
	if end := PatienceEnds(since, patience); who == itself && !end.IsZero() && !end.After(now) {
		return somebody
	}
	return who
}

package connection

import (
	"cmp"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// Questions are when a process's watch brought what a manifest asks of Stytch, and what no list can answer that was begun before: a
// generation of the spec, which may follow the advice of the last verdict, and a request. So what comes together shares a list.
type Questions struct {
	// Generation of the spec, and when it came: zero where status said of it already, before this process, that the manifest may
	// have no connection.
	Generation int64
	Edited     time.Time
	// Request is the value of the annotation resync-requested, and Requested, when it came.
	Request   string
	Requested time.Time
}

// Brought are the questions after the watch brought a manifest at a time. The watch may bring an old one after a newer one was read.
func (q Questions) Brought(o v1alpha1.Connection, now time.Time) Questions {
	if o.GetGeneration() > q.Generation {
		known := q.Generation == 0 && refused(o) && o.CommonStatus().ObservedGeneration == o.GetGeneration()
		q.Generation, q.Edited = o.GetGeneration(), now
		if known {
			q.Edited = time.Time{}
		}
	}
	if request := requested(o); request != q.Request {
		q.Request, q.Requested = request, now
	}
	return q
}

// Rest says that a process which has not listed the organization for a manifest yet leaves it as status says until the next slot:
// the manifest may have no connection, nobody asked since, the manifest that it is in conflict with has let nothing go, and nothing
// else but a list could tell otherwise.
func (q Questions) Rest(o v1alpha1.Connection, holder func(id string) string) bool {
	if !q.Edited.IsZero() || ResyncRequested(o) != "" || !refused(o) {
		return false
	}
	id, contradicts := claimOf(o)
	id = cmp.Or(id, o.CommonStatus().ConflictingConnectionID)
	return endedIn(o, v1alpha1.ReasonRemoteMissing) || id == "" || contradicts || holder(id) != ""
}

// Outdated says that a verdict may be due to its list, which was begun before this generation came: a newer one may show another.
func (q Questions) Outdated(o v1alpha1.Connection, verdict Verdict, begun time.Time) bool {
	id, _ := claimOf(o)
	return (verdict == Missing || verdict == Conflict && id == "") && begun.Before(q.Edited)
}

// listInterval is how long after a list of an organization another one may be begun for a question.
const listInterval = 10 * time.Second

// MayAsk is when a list may be begun for a question, of an organization that was last listed at a time, and whether that has come.
func MayAsk(listed, now time.Time) (at time.Time, may bool) {
	at = listed.Add(listInterval)
	return at, !now.Before(at)
}

// ResyncRequested is the resync that is asked for and was not handled yet, as status shows it; empty for none.
func ResyncRequested(o v1alpha1.Connection) string {
	request := requested(o)
	if request == o.CommonStatus().LastHandledResync {
		return ""
	}
	return request
}

func requested(o v1alpha1.Connection) string {
	return Echo(o.GetAnnotations()[v1alpha1.AnnotationResyncRequested])
}

// resyncAdvice is what to do about a verdict that something has changed in Stytch since.
const resyncAdvice = "set a new value for the annotation " + v1alpha1.AnnotationResyncRequested

// maxEcho is how many characters of a request status shows.
const maxEcho = 256

// Echo is the value of an annotation that asks for something, as status shows it once it was handled. Two long ones must not be
// taken for the same.
func Echo(request string) string {
	if utf8.RuneCountInString(request) > maxEcho {
		return Hash(request)
	}
	return request
}

// claimOf is the ID of the connection that a manifest, as the API server has it, records or names, and whether it names another than
// it records.
func claimOf(o v1alpha1.Connection) (id string, contradicts bool) {
	recorded, named := RecordOf(o).ID, o.CommonSpec().ConnectionID
	w, state := readWritten(o)
	other := state == writtenHere && w.ID != "" && w.ID != recorded || named != "" && named != recorded
	if state != writtenElsewhere {
		w.ID = ""
	}
	return cmp.Or(recorded, named, w.ID), recorded != "" && other
}

// refused says that the last pass found that the manifest may have no connection.
func refused(o v1alpha1.Connection) bool {
	return endedIn(o, v1alpha1.ReasonRemoteMissing) || endedIn(o, v1alpha1.ReasonConflict)
}

// endedIn says that Synced has a reason.
func endedIn(o v1alpha1.Connection, reason string) bool {
	synced := meta.FindStatusCondition(o.CommonStatus().Conditions, v1alpha1.ConditionSynced)
	return synced != nil && synced.Reason == reason
}

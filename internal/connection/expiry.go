package connection

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// Expiry is the end of something that a connection depends on.
type Expiry struct {
	// What ends, in one word, such as verification_certificate, and which of several.
	What, Which string
	// Name of it in a sentence, and what to do about it.
	Name, Advice string
	At           time.Time
}

// AddExpiry adds an end to a list, where it is known and not in the list already.
func AddExpiry(list []Expiry, at *metav1.Time, e Expiry) []Expiry {
	if at == nil || slices.ContainsFunc(list, func(known Expiry) bool { return known.What == e.What && known.Which == e.Which }) {
		return list
	}
	e.At = at.Time
	return append(list, e)
}

// Expiring says what expires within the window, or has expired. Reason is empty where nothing does.
func Expiring(expiries []Expiry, window time.Duration, now time.Time) (reason, message string) {
	var problems []Problem
	for _, e := range expiries {
		verb := "expires"
		switch {
		case !now.Before(e.At):
			reason, verb = v1alpha1.ReasonExpired, "expired"
		case now.Before(e.At.Add(-window)):
			continue
		case reason == "":
			reason = v1alpha1.ReasonExpiring
		}
		problems = append(problems, Problem{Message: fmt.Sprintf("%s %s at %s. %s.", e.Name, verb, FormatTime(e.At), e.Advice)})
	}
	return reason, Sentences(problems)
}

// FormatTime is a time in a sentence.
func FormatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// NextMoment is the next time at which Expiring says something else; zero where there is none.
func NextMoment(expiries []Expiry, window time.Duration, now time.Time) time.Time {
	var next time.Time
	for _, e := range expiries {
		for _, at := range []time.Time{e.At.Add(-window), e.At} {
			if at.After(now) && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
	}
	return next
}

// StatusTime is a time as status keeps it, to the second, so that a value that was read back equals the one that was written. Nil
// where there is none.
func StatusTime(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	return new(metav1.NewTime(t).Rfc3339Copy())
}

package connection_test

import (
	"testing"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/external"
	"github.com/stytch-operator/stytch-operator/internal/connection/oidc"
)

func ending(name string, at time.Time) connection.Expiry {
	return connection.Expiry{What: "x", Which: name, Name: name, Advice: "Do something", At: at}
}

func TestWhatEndsWithinTheWindowIsSaid(t *testing.T) {
	const window = 30 * 24 * time.Hour
	at := Noon
	for _, test := range []struct {
		name    string
		list    []connection.Expiry
		reason  string
		message string
		next    time.Time
	}{
		{"nothing where nothing ends", nil, "", "", time.Time{}},
		{"nothing long before", []connection.Expiry{ending("A", at.Add(window+time.Second))}, "", "", at.Add(time.Second)},
		{"what ends at the window's edge", []connection.Expiry{ending("A", at.Add(window))}, v1alpha1.ReasonExpiring, "A expires at 2026-04-03T12:00:00Z. Do something.", at.Add(window)},
		{"what ends in a second", []connection.Expiry{ending("A", at.Add(time.Second))}, v1alpha1.ReasonExpiring, "A expires at 2026-03-04T12:00:01Z. Do something.", at.Add(time.Second)},
		{"what ends now", []connection.Expiry{ending("A", at)}, v1alpha1.ReasonExpired, "A expired at 2026-03-04T12:00:00Z. Do something.", time.Time{}},
		{"what ended", []connection.Expiry{ending("A", at.Add(-window))}, v1alpha1.ReasonExpired, "A expired at 2026-02-02T12:00:00Z. Do something.", time.Time{}},
		{
			"what ended and what ends",
			[]connection.Expiry{ending("A", at.Add(-time.Hour)), ending("B", at.Add(time.Hour)), ending("C", at.Add(2*window))},
			v1alpha1.ReasonExpired,
			"A expired at 2026-03-04T11:00:00Z. Do something. B expires at 2026-03-04T13:00:00Z. Do something.", at.Add(time.Hour),
		},
		{
			"what ends and what ended",
			[]connection.Expiry{ending("B", at.Add(time.Hour)), ending("A", at.Add(-time.Hour))},
			v1alpha1.ReasonExpired,
			"B expires at 2026-03-04T13:00:00Z. Do something. A expired at 2026-03-04T11:00:00Z. Do something.", at.Add(time.Hour),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			reason, message := connection.Expiring(test.list, window, at)
			Same(t, "the reason", reason, test.reason)
			Same(t, "the message", message, test.message)
			Same(t, "the next moment", connection.NextMoment(test.list, window, at), test.next)
		})
	}
}

func TestBetweenTwoMomentsNothingElseIsSaid(t *testing.T) {
	const window = 100 * time.Hour
	list := []connection.Expiry{ending("A", Noon.Add(130*time.Hour)), ending("B", Noon.Add(50*time.Hour)), ending("C", Noon.Add(150*time.Hour))}
	now, moments := Noon, 0
	for {
		reason, message := connection.Expiring(list, window, now)
		next := connection.NextMoment(list, window, now)
		until := next
		if next.IsZero() {
			until = now.Add(1000 * time.Hour)
		}
		for _, later := range []time.Time{now.Add(time.Second), until.Add(-time.Second)} {
			r, m := connection.Expiring(list, window, later)
			Same(t, "what is said later", []string{r, m}, []string{reason, message})
			Same(t, "the next moment later", connection.NextMoment(list, window, later), next)
		}
		if next.IsZero() {
			break
		}
		_, m := connection.Expiring(list, window, next)
		if m == message {
			t.Errorf("at %s the same is said as before: %s", next, m)
		}
		now, moments = next, moments+1
	}
	Same(t, "the moments", moments, 4)
}

func TestKindsWithoutEndsHaveNone(t *testing.T) {
	Same(t, "External", external.Kind().Ends(ExternalManifest()), []connection.Expiry(nil))
	Same(t, "OIDC", oidc.Kind().Ends(OIDCManifest()), []connection.Expiry(nil))
}

func TestExpiringSoonStandsWhileSomethingEndsSoonAndLeavesReadyAlone(t *testing.T) {
	report := connection.Report{Reason: v1alpha1.ReasonInSync, Message: "Equal.", Remote: active(), Expiring: v1alpha1.ReasonExpiring, ExpiringMessage: "A expires."}
	status := connection.Judge(settled(), 3, report, Noon)
	Same(t, "ExpiringSoon", conditionWords(status, "ExpiringSoon"), words("True Expiring"))
	Same(t, "its message", apimeta.FindStatusCondition(status.Conditions, "ExpiringSoon").Message, "A expires.")
	Same(t, "Ready", conditionWords(status, "Ready"), words("True Active"))
	honest(t, status, 3)
	Same(t, "the status of the same finding", connection.Judge(status, 3, report, Noon.Add(time.Hour)), status)

	report.Expiring, report.ExpiringMessage = v1alpha1.ReasonExpired, "A expired."
	expired := connection.Judge(status, 3, report, Noon.Add(time.Hour))
	Same(t, "ExpiringSoon once it ended", conditionWords(expired, "ExpiringSoon"), words("True Expired"))
	Same(t, "Ready then", conditionWords(expired, "Ready"), words("True Active"))

	report.Expiring = ""
	Same(t, "ExpiringSoon once it is over", conditionWords(connection.Judge(expired, 3, report, Noon), "ExpiringSoon"), words(""))
	for _, row := range theTable() {
		r := row.report()
		r.Expiring, r.ExpiringMessage = v1alpha1.ReasonExpiring, "A expires."
		got := connection.Judge(settled(), 4, r, Noon)
		without := connection.Judge(settled(), 4, row.report(), Noon)
		Same(t, "ExpiringSoon beside "+row.reason, conditionWords(got, "ExpiringSoon"), words("True Expiring"))
		apimeta.RemoveStatusCondition(&got.Conditions, "ExpiringSoon")
		Same(t, "the rest beside "+row.reason, got, without)
	}
}

func TestAWarningAloneChangesNothingElse(t *testing.T) {
	was := settled()
	before := InJSON(t, was)
	status := connection.Warn(was, 3, v1alpha1.ReasonExpiring, "A expires.", Noon)
	Same(t, "the status that was given", InJSON(t, was), before)
	Same(t, "ExpiringSoon", conditionWords(status, "ExpiringSoon"), words("True Expiring"))
	Same(t, "the same again", connection.Warn(status, 3, v1alpha1.ReasonExpiring, "A expires.", Noon.Add(time.Hour)), status)
	Same(t, "and back", InJSON(t, connection.Warn(status, 3, "", "", Noon)), before)
}

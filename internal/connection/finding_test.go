package connection_test

import (
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func TestWhatFailedIsTriedAgainByItsClass(t *testing.T) {
	asUsual := connection.Again{}
	for class, want := range map[stytch.Class]connection.Again{
		stytch.Throttled:            {At: Noon.Add(20 * time.Second)},
		stytch.Unavailable:          {BackOff: true},
		stytch.Rejected:             asUsual,
		stytch.CredentialsRejected:  asUsual,
		stytch.SessionRejected:      asUsual,
		stytch.PermissionDenied:     asUsual,
		stytch.NotFound:             asUsual,
		stytch.OrganizationNotFound: asUsual,
	} {
		t.Run(class.String(), func(t *testing.T) {
			failed := answerOf(class, 400, "some_error")
			failed.RetryAfter = 20 * time.Second
			Same(t, "again", connection.After(failed), want)
		})
	}
}

func TestAReadingThatFailsIsNotSpokenOfWhileTheConnectionIsMostLikelyAsItWas(t *testing.T) {
	lost, throttled := answerLost(), answerOf(stytch.Throttled, 429, "too_many_requests")
	refused := answerOf(stytch.CredentialsRejected, 401, "unauthorized_credentials")
	until := Noon.Add(time.Hour)
	next := connection.Again{At: until}
	for _, test := range []struct {
		name   string
		failed *stytch.Error
		since  time.Time
		met    bool
		again  connection.Again
		silent bool
	}{
		{"no answer since this slot, and all was met", lost, later, true, next, true},
		{"no answer since this slot began, and all was met", lost, Noon, true, next, true},
		{"no answer since an earlier slot, and all was met", lost, earlier, true, next, false},
		{"no answer since this slot, and not all was met", lost, later, false, next, false},
		{"throttled since this slot, and all was met", throttled, later, true, next, true},
		{"refused since this slot, and all was met", refused, later, true, connection.Again{}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			again, silent := connection.AfterReading(&stytch.ReadError{Err: test.failed, Since: test.since, Until: until}, test.met, Noon)
			Same(t, "again", again, test.again)
			Same(t, "whether nothing is said", silent, test.silent)
		})
	}
}

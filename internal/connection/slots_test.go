package connection_test

import (
	"fmt"
	"math/rand"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
)

func intervals() []time.Duration {
	return []time.Duration{time.Second, 7 * time.Second, 15 * time.Second, time.Minute, 30 * time.Minute, 24 * time.Hour}
}

func TestATimeLiesInItsSlot(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for _, interval := range intervals() {
		for n := range 500 {
			slots := connection.SlotsOf(interval, "project-live-1", fmt.Sprintf("organization-live-%d", n), "sso")
			now := Noon.Add(time.Duration(random.Int63n(int64(1000 * time.Hour))))
			start, next := slots.Start(now), slots.Next(now)
			if start.After(now) || !next.After(now) || next.Sub(start) != interval {
				t.Fatalf("%s lies in the slot from %s to %s of %s", now, start, next, interval)
			}
			for name, same := range map[string]bool{
				"the start of a slot lies in it":           slots.Start(start).Equal(start),
				"the next slot starts where it is said to": slots.Start(next).Equal(next),
				"a moment before is the same slot":         slots.Start(next.Add(-time.Nanosecond)).Equal(start),
				"a moment before the start is not":         slots.Start(start.Add(-time.Nanosecond)).Equal(start.Add(-interval)),
			} {
				if !same {
					t.Fatalf("at %s with %s it is false that %s", now, interval, name)
				}
			}
		}
	}
}

func TestALookIsDueInASlotThatNobodyLookedIn(t *testing.T) {
	for _, interval := range intervals() {
		slots := connection.SlotsOf(interval, "project", "organization", "sso")
		start := slots.Start(Noon)
		last := start.Add(interval - time.Nanosecond)
		for _, test := range []struct {
			name        string
			looked, now time.Time
			due         bool
		}{
			{"never looked", time.Time{}, start, true},
			{"looked just now", Noon, Noon, false},
			{"looked at the start of the slot, now at its end", start, last, false},
			{"looked at the end of the slot before, now at the start", start.Add(-time.Nanosecond), start, true},
			{"looked at the end of the slot before, now at the end", start.Add(-time.Nanosecond), last, true},
			{"looked at the end of the slot, now at the start of the next", last, start.Add(interval), true},
			{"looked later than now", last, start, false},
		} {
			if due := slots.Due(test.looked, test.now); due != test.due {
				t.Errorf("%s, interval %s: due is %t, want %t", test.name, interval, due, test.due)
			}
		}
	}
}

func TestAllOfOneOrganizationAreDueTogether(t *testing.T) {
	for _, interval := range intervals() {
		one, other := connection.SlotsOf(interval, "project", "organization", "sso"), connection.SlotsOf(interval, "project", "organization", "sso")
		Same(t, "the start of the slot", one.Start(Noon), other.Start(Noon))
	}
}

func TestARestartMovesNoSlot(t *testing.T) {
	const interval = 15 * time.Second
	key := []string{"project", "organization", "scim"}
	first := connection.SlotsOf(interval, key...).Start(Noon)
	now := Noon
	for n := range 2000 {
		slots := connection.SlotsOf(interval, key...) // a process that knows nothing
		next := slots.Next(now)
		if want := first.Add(time.Duration(n+1) * interval); !next.Equal(want) {
			t.Fatalf("slot %d starts at %s, want %s", n+1, next, want)
		}
		now = next.Add(time.Duration(n%15) * time.Second) // looked at somewhere in it
	}
}

func TestOrganizationsAreDueAtDifferentTimes(t *testing.T) {
	const organizations, parts = 2000, 20
	for _, interval := range intervals() {
		var hits [parts]int
		for n := range organizations {
			slots := connection.SlotsOf(interval, "project", fmt.Sprintf("organization-live-%04d", n), "sso")
			hits[int(slots.Next(Noon).Sub(Noon)-1)*parts/int(interval)]++
		}
		for part, n := range hits {
			if n < organizations/parts/2 || n > organizations/parts*2 {
				t.Errorf("%d of %d organizations are due in part %d of %d of %s", n, organizations, part, parts, interval)
			}
		}
	}
}

func TestWhatIsListedApartHasItsOwnSlots(t *testing.T) {
	starts := map[time.Time]string{}
	for _, key := range [][]string{{"p", "o", "sso"}, {"p", "o", "scim"}, {"q", "o", "sso"}, {"p", "osso"}, {"po", "", "sso"}, {"p", "o", "s", "so"}} {
		start := connection.SlotsOf(24*time.Hour, key...).Start(Noon)
		if other, taken := starts[start]; taken {
			t.Errorf("%q has the slots of %s", key, other)
		}
		starts[start] = fmt.Sprintf("%q", key)
	}
}

func TestTheLongestIntervalThatTheAPIAcceptsHasSlots(t *testing.T) {
	const longest = time.Duration(1<<63 - 1) // what CEL's duration() reads at most
	for n := range 200 {
		slots := connection.SlotsOf(longest, fmt.Sprint(n))
		if start, next := slots.Start(Noon), slots.Next(Noon); start.After(Noon) || !next.After(Noon) {
			t.Fatalf("%s lies in the slot from %s to %s", Noon, start, next)
		}
	}
}

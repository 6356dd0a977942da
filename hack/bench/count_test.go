package main

import (
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// TestAWindowBeginsInTheLongestGap lays a window's edges where no list can fall on them, so that between them each organization is
// listed once.
func TestAWindowBeginsInTheLongestGap(t *testing.T) {
	from := time.Unix(1000, 0)
	at := func(seconds ...float64) []stytchsim.Call {
		var all []stytchsim.Call
		for _, s := range seconds {
			all = append(all, stytchsim.Call{Time: from.Add(time.Duration(s * float64(time.Second)))})
		}
		return all
	}
	for _, situation := range []struct {
		name  string
		calls []stytchsim.Call
		want  float64
	}{
		{"none", nil, 0},
		{"one, seen twice and not quite on time", at(4, 14.1), 9.05},
		{"the gap goes over the end", at(3, 4, 5, 13, 14, 15), 9},
		{"the gap is within", at(1, 8, 9, 11, 18, 19), 4.5},
		{"the gap's middle is past the end", at(0, 7, 10, 17), 3.5},
	} {
		if got := window(situation.calls, from, 10*time.Second).Sub(from).Seconds(); got != situation.want {
			t.Errorf("%s: the window begins at %v, want %v", situation.name, got, situation.want)
		}
	}
}

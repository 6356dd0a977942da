package main

import (
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

func TestAnIntervalHoldsTheListsOfOneAndWhatIsAskedBesides(t *testing.T) {
	at := func(path string, seconds float64) stytchsim.Call {
		return stytchsim.Call{Path: path, Time: time.Unix(1000, 0).Add(time.Duration(seconds * float64(time.Second)))}
	}
	next := interval.Seconds()
	for _, situation := range []struct {
		name  string
		calls []stytchsim.Call
		want  int
	}{
		{"none", nil, 0},
		{"one each", []stytchsim.Call{at("a", 0), at("b", next-1)}, 2},
		{"the next of one, not quite on time", []stytchsim.Call{at("a", 0), at("b", 3), at("a", next-0.1)}, 2},
		{"one twice", []stytchsim.Call{at("a", 0), at("a", next/2), at("b", 3)}, 3},
	} {
		if got := firstInterval(situation.calls); got == nil || len(got) != situation.want {
			t.Errorf("%s: %d calls, want %d", situation.name, len(got), situation.want)
		}
	}
}

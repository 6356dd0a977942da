package main

import (
	"errors"
	"math"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
)

func TestTheMemoryLimitIsNineTenthsOfTheContainers(t *testing.T) {
	const container = 500_000_000
	failing := func(err error) memlimit.Provider { return func() (uint64, error) { return 0, err } }
	for _, c := range []struct {
		name   string
		limit  memlimit.Provider
		env    string
		want   int64
		logged bool
	}{
		{"a container with a limit", memlimit.Limit(container), "", container / 10 * 9, false},
		{"GOMEMLIMIT is set", memlimit.Limit(container), "100MiB", math.MaxInt64, false}, // the runtime has read it at the start
		{"a container without a limit", failing(memlimit.ErrNoLimit), "", math.MaxInt64, false},
		{"no container", failing(memlimit.ErrNoCgroup), "", math.MaxInt64, false},
		{"another system", failing(memlimit.ErrCgroupsNotSupported), "", math.MaxInt64, false},
		{"a limit that cannot be read", failing(errors.New("permission denied")), "", math.MaxInt64, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := debug.SetMemoryLimit(math.MaxInt64)
			defer debug.SetMemoryLimit(before)
			if c.env != "" {
				t.Setenv("GOMEMLIMIT", c.env)
			}
			var log strings.Builder
			limitMemory(c.limit, logr.New(funcr.New(func(_, line string) { log.WriteString(line) }, funcr.Options{}).GetSink()))
			if got := debug.SetMemoryLimit(-1); got < c.want-10 || got > c.want {
				t.Errorf("the limit is %d, want %d", got, c.want)
			}
			if strings.Contains(log.String(), "GOMEMLIMIT") != c.logged {
				t.Errorf("logged: %q", log.String())
			}
		})
	}
}

func TestGarbageIsCollectedOftenUnlessGOGCIsSet(t *testing.T) {
	for env, want := range map[string]int{"": garbageShare, "200": 150} {
		t.Run("GOGC="+env, func(t *testing.T) {
			t.Setenv("GOGC", env)
			before := debug.SetGCPercent(150) // what the runtime has read from GOGC at the start, whatever that is
			defer debug.SetGCPercent(before)
			saveMemory()
			if got := debug.SetGCPercent(before); got != want {
				t.Errorf("garbage is collected at %d %%, want %d", got, want)
			}
		})
	}
}

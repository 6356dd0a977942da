package main

import (
	"errors"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/go-logr/logr"
)

// memoryShare is the share of the container's memory limit from which on the garbage collector works harder.
const memoryShare = 0.9

// garbageShare is how much garbage, in percent of what is in use, is let stand before it is collected. Go's own value of 100 doubles the
// memory of a process that mostly waits for answers and has time to collect more often.
const garbageShare = 25

// saveMemory sets how often garbage is collected, unless $GOGC is set.
func saveMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbageShare)
	}
}

// limitMemory gives the process a soft memory limit by that of its container, unless $GOMEMLIMIT is set.
func limitMemory(limit memlimit.Provider, log logr.Logger) {
	_, err := memlimit.SetGoMemLimitWithOpts(memlimit.WithRatio(memoryShare), memlimit.WithProvider(limit))
	for _, unlimited := range []error{memlimit.ErrNoLimit, memlimit.ErrNoCgroup, memlimit.ErrCgroupsNotSupported} {
		if errors.Is(err, unlimited) {
			return
		}
	}
	if err != nil {
		log.Info("Cannot read the memory limit of the container. Set GOMEMLIMIT to nine tenths of it", "error", err.Error())
	}
}

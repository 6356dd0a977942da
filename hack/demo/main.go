// Command demo shows the operator at work on real parts: etcd, kube-apiserver, the simulated Stytch and the manager, each a
// process of its own, on loopback only.
//
//	demo run    tells the whole story and ends everything that it started
//	demo up     starts the same parts, applies the samples, and leaves them running
//	demo down   ends what up started
//
//	              kubectl                      demo
//	                 │  apply, patch, delete     │  drift, faults, journal
//	                 ▼                           ▼
//	etcd ◀── kube-apiserver ◀── manager ──▶ stytch-sim
//
// Nothing here is scripted. What it claims it has read, from kubectl or from the simulator's journal, and where that does not
// show up in time the step fails with what was seen instead. It knows the operator only from outside: manifests, status, events,
// calls. So it imports nothing of it but the words of the simulator's control endpoints.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// With SIGPIPE among them, a reader who went away ends the demo as Ctrl-C does, and not on the spot.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	code := command(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func command(ctx context.Context, args []string) int {
	commands := map[string]func(context.Context, *terminal) int{"run": run, "up": up, "down": down}
	if len(args) != 1 || commands[args[0]] == nil {
		fmt.Fprintln(os.Stderr, "usage: demo run|up|down")
		return 2
	}
	if _, err := os.Stat("go.mod"); err != nil {
		fmt.Fprintln(os.Stderr, "demo: run it from the top of the repository, with make demo")
		return 2
	}
	return commands[args[0]](ctx, newTerminal(os.Stdout))
}

// exitCode of a command that ended with an error, which may be that somebody ended it.
func exitCode(ctx context.Context, err error) int {
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return 130
	default:
		return 1
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

var version = "dev"

// Exit codes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitFound       = 2 // what was asked about needs a person, or differs
	exitInterrupted = 130
)

// errFound ends a command that has shown something for which scripts want another exit code than 0.
var errFound = errors.New("something was found")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	os.Exit(run(ctx, os.Args[1:], genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}))
}

// run runs a command line, and returns the exit code of the process.
func run(ctx context.Context, args []string, streams genericiooptions.IOStreams) int {
	root := newCommand(streams, time.Now) //nolint:contextcheck // cobra hands the context to each command
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errFound):
		return exitFound
	case ctx.Err() != nil:
		_, _ = fmt.Fprintln(streams.ErrOut, "Interrupted.")
		return exitInterrupted
	}
	_, _ = fmt.Fprintln(streams.ErrOut, "error:", explained(err))
	return exitFailed
}

// explained says what an error means whose own words tell little.
func explained(err error) error {
	_, unreached := errors.AsType[*url.Error](err)
	switch {
	case meta.IsNoMatchError(err):
		return fmt.Errorf("the cluster does not have the CRDs of the Stytch operator (%w)", err)
	case unreached:
		return fmt.Errorf("the cluster does not answer: %w. Check KUBECONFIG, --kubeconfig and --context", err)
	}
	return err
}

// Command stytch-sim serves a simulated Stytch until it is stopped.
//
//	stytch-sim --listen 127.0.0.1:0 --project-id project-test-… --secret secret-test-…
//
// When it is ready it prints one line of JSON on standard output:
//
//	{"url":"http://127.0.0.1:40123","projectID":"project-test-…","secret":"secret-test-…"}
//
// SIGTERM and SIGINT stop it with exit code 0. What it simulates, and what its
// switches mean, is documented in package internal/stytchsim.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "stytch-sim:", err)
		os.Exit(1)
	}
}

// ready is the line printed when the simulator is ready: its URL and credentials.
type ready struct {
	URL       string `json:"url"`
	ProjectID string `json:"projectID"`
	Secret    string `json:"secret"`
}

// run serves until the context is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	options, listen, err := parse(args, stderr)
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", listen, err)
	}
	sim := stytchsim.New(options)
	server := &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()

	line := ready{URL: "http://" + listener.Addr().String(), ProjectID: options.ProjectID, Secret: options.Secret}
	if err := json.NewEncoder(stdout).Encode(line); err != nil { //nolint:gosec // the secret opens nothing but this simulator
		return errors.Join(fmt.Errorf("writing the ready line: %w", err), server.Close())
	}
	select {
	case err := <-ended:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
		sim.Reset() // ends calls that a fault delays
		return shutdown(context.WithoutCancel(ctx), server)
	}
}

// shutdown waits up to 2 seconds for calls in progress, and then closes them.
func shutdown(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return server.Close()
	}
	return nil
}

// parse reads the flags: those below and one for each switch.
func parse(args []string, stderr io.Writer) (stytchsim.Options, string, error) {
	options := stytchsim.Options{}
	flags := flag.NewFlagSet("stytch-sim", flag.ContinueOnError)
	flags.SetOutput(stderr)
	listen := flags.String("listen", "127.0.0.1:0", "`address` to listen on; port 0 selects a free port")
	flags.StringVar(&options.ProjectID, "project-id", stytchsim.DefaultProjectID, "`ID` of the project; the prefix project-live- makes it a live project")
	flags.StringVar(&options.Secret, "secret", stytchsim.DefaultSecret, "`secret` of the project")
	flags.StringVar(&options.ProjectName, "project-name", "", "`name` of the project")
	flags.DurationVar(&options.Latency, "latency", 0, "minimum duration of each call")
	flags.DurationVar(&options.TokenLifetime, "token-lifetime", 0, "how long a SCIM bearer token is valid (0 means five years)")
	flags.DurationVar(&options.NextTokenLifetime, "next-token-lifetime", 0, "how much longer than the current token the next token of a rotation is valid (0 means one year)")
	flags.Func("roles", "role IDs of the project in addition to stytch_member and stytch_admin, `comma-separated` (default editor,viewer,admin)", func(value string) error {
		options.Roles = strings.Split(value, ",")
		return nil
	})
	for _, row := range stytchsim.SwitchTable() {
		usage := fmt.Sprintf("%s: `%s` (default %s)", row.About, strings.Join(row.Values, "|"), row.Values[0])
		flags.Func(row.Name, usage, func(value string) error { return options.Switches.Set(row.Name, value) })
	}
	if err := flags.Parse(args); err != nil {
		return options, "", err
	}
	if flags.NArg() > 0 {
		return options, "", fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return options, *listen, nil
}

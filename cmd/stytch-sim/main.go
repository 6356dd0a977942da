// Command stytch-sim serves a simulated Stytch until it is stopped.
//
//	stytch-sim --listen 127.0.0.1:0 --project-id project-test-… --secret secret-test-…
//
// When it is ready it prints one line of JSON on standard output:
//
//	{"url":"http://127.0.0.1:40123","projectID":"project-test-…","secret":"secret-test-…"}
//
// SIGTERM and SIGINT stop it with exit code 0. With --seed it begins with the
// organizations of a file. What it simulates, and what its switches mean, is
// documented in package internal/stytchsim.
package main

import (
	"context"
	_ "embed"
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
	asked, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if asked.coverage {
		_, err := io.WriteString(stdout, stytchsim.Coverage())
		return err
	}
	sim := stytchsim.New(asked.options)
	if err := plant(sim, asked.seed); err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", asked.listen)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", asked.listen, err)
	}
	server := &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()

	line := ready{URL: "http://" + listener.Addr().String(), ProjectID: asked.options.ProjectID, Secret: asked.options.Secret}
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

// plant plants the seed in a file, if one is named.
func plant(sim *stytchsim.Sim, file string) error {
	if file == "" {
		return nil
	}
	from, err := os.Open(file) //nolint:gosec // whoever starts the program names the file
	if err != nil {
		return fmt.Errorf("opening the seed: %w", err)
	}
	seed, err := stytchsim.ReadSeed(from)
	if err := errors.Join(err, from.Close()); err != nil {
		return fmt.Errorf("reading the seed %s: %w", file, err)
	}
	if err := sim.Plant(seed); err != nil {
		return fmt.Errorf("planting the seed %s: %w", file, err)
	}
	return nil
}

// sample is a seed that has everything a seed can have.
//
//go:embed seed.json
var sample string

// seedHelp is what --help says of the format of a seed.
const seedHelp = `
The file of --seed is one JSON object. All its parts are optional, except organization_slug, kind and group_name. A field that
does not exist is refused. What has no ID gets a new one. The fields of a connection are those of Stytch's object of that kind;
certificates and encryption keys are PEM; a SCIM connection may also have bearer_token. A complete SAML or OIDC connection is
active. Groups are those of the organization's SCIM connection. Roles are those of the RBAC policy, instead of --roles. A
document is what an identity provider serves at a URL. An example:

`

// arguments are what the flags say.
type arguments struct {
	options stytchsim.Options
	listen  string
	seed    string

	coverage bool
}

// parse reads the flags: those below and one for each switch.
func parse(args []string, stderr io.Writer) (arguments, error) {
	var asked arguments
	options := &asked.options
	flags := flag.NewFlagSet("stytch-sim", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = io.WriteString(stderr, "Usage of stytch-sim:\n")
		flags.PrintDefaults()
		_, _ = io.WriteString(stderr, seedHelp+sample)
	}
	flags.StringVar(&asked.listen, "listen", "127.0.0.1:0", "`address` to listen on; port 0 selects a free port")
	flags.BoolVar(&asked.coverage, "coverage", false, "print which operations of Stytch's API are simulated, as Markdown, and exit")
	flags.StringVar(&asked.seed, "seed", "", "JSON `file` with the organizations, roles, connections and groups to start with; its format is below")
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
		return asked, err
	}
	if flags.NArg() > 0 {
		return asked, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return asked, nil
}

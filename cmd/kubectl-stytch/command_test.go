package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// streamsOf are streams of which the first has a text.
func streamsOf(text string) genericiooptions.IOStreams {
	return genericiooptions.IOStreams{In: strings.NewReader(text), Out: io.Discard, ErrOut: io.Discard}
}

// runWith runs a command line whose output is read while it runs.
func runWith(ctx context.Context, out *lockedBuffer, args ...string) int {
	return run(ctx, args, genericiooptions.IOStreams{In: strings.NewReader(""), Out: out, ErrOut: out})
}

// Each line of the examples in --help is a command with flags and arguments that it takes.
func TestTheExamplesOfHelpAreCommands(t *testing.T) {
	root := func() *cobra.Command { return newCommand(genericiooptions.NewTestIOStreamsDiscard(), nil) }
	for _, cmd := range root().Commands() {
		if cmd.Example == "" {
			t.Errorf("%s has no examples", cmd.Name())
		}
		for _, line := range exampleLines(cmd) {
			checkLine(t, root(), line)
		}
	}
}

// exampleLines are the commands in the examples of a command.
func exampleLines(cmd *cobra.Command) []string {
	var lines []string
	for line := range strings.SplitSeq(cmd.Example, "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// The commands on the pages are such, too.
func TestTheCommandsOfThePagesAreCommands(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range pages {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range regexp.MustCompile(`(?m)^(?:\$ )?(kubectl stytch .*)$`).FindAllStringSubmatch(string(text), -1) {
			checkLine(t, newCommand(genericiooptions.NewTestIOStreamsDiscard(), nil), line[1])
		}
	}
	for _, cmd := range newCommand(genericiooptions.NewTestIOStreamsDiscard(), nil).Commands() {
		if !strings.Contains(page(t), "kubectl stytch "+cmd.Name()) && cmd.Name() != "help" {
			t.Errorf("the page does not speak of %s", cmd.Name())
		}
	}
}

// page is the page of this command.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/kubectl-stytch.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// checkLine fails unless a line begins with a command that exists, with flags that it has and as many arguments as it takes.
func checkLine(t *testing.T, root *cobra.Command, line string) {
	t.Helper()
	line, _, _ = strings.Cut(line, " | ")
	args, ours := strings.CutPrefix(line, "kubectl stytch ")
	if !ours {
		t.Errorf("%q is not for this command", line)
		return
	}
	found, rest, err := root.Find(strings.Fields(args))
	if err != nil || found == root {
		t.Errorf("%q: there is no such command, %v", line, err)
		return
	}
	if err := found.ParseFlags(rest); err != nil {
		t.Errorf("%q: %v", line, err)
	}
	if found.Args != nil {
		if err := found.Args(found, found.Flags().Args()); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestEachShellHasACompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if answer := runIn(t.Context(), "completion", shell); answer.code != exitDone || !strings.Contains(answer.out, "kubectl-stytch") {
			t.Errorf("%s: %d, %s", shell, answer.code, answer.err)
		}
	}
}

func TestNamesAreCompletedFromTheCluster(t *testing.T) {
	s := newStage(t)
	s.create(samlOf(s, "acme-okta", ""))
	s.create(&v1alpha1.SCIMConnection{ObjectMeta: s.meta("acme-scim"), Spec: v1alpha1.SCIMConnectionSpec{
		ConnectionSpec: v1alpha1.ConnectionSpec{Organization: "acme"}, BearerToken: v1alpha1.SCIMBearerToken{SecretName: "token"},
	}})
	to := []string{"--kubeconfig=" + s.kubeconfig, "-n", s.namespace}
	for line, want := range map[string]string{
		"resync ":                           "scimconnection/acme-scim\nsamlconnection/acme-okta\n",
		"resync sam":                        "samlconnection/acme-okta\n",
		"status samlconnection/acme-okta s": "scimconnection/acme-scim\n",
		"rotate ":                           "acme-scim\n",
		"rotate acme-scim ":                 "",
		"status -o ":                        "wide\njson\nyaml\n",
		"status --namespace " + s.namespace: s.namespace + "\n",
	} {
		command, rest, _ := strings.Cut(line, " ")
		words := append([]string{cobra.ShellCompRequestCmd, command}, append(to, strings.Split(rest, " ")...)...)
		answer := runIn(t.Context(), words...)
		got, _, _ := strings.Cut(answer.out, ":4\n")
		if answer.code != exitDone || got != want {
			t.Errorf("%q is completed by %q, want %q", line, got, want)
		}
	}
}

func TestANameIsLookedForAmongAllKinds(t *testing.T) {
	s := newStage(t)
	s.create(samlOf(s, "acme", ""))
	s.create(&v1alpha1.OIDCConnection{ObjectMeta: s.meta("acme"), Spec: v1alpha1.OIDCConnectionSpec{ConnectionSpec: v1alpha1.ConnectionSpec{Organization: "acme"}}})
	s.refuses("names several objects", "resync", "acme", "--wait=false")
	s.refuses("does not name a kind", "resync", "stytchproject/acme", "--wait=false")
	for _, name := range []string{"samlconnection/acme", "SAMLConnections.connections.stytch-operator.dev/acme", "samlconn/acme"} {
		if answer := s.mustRun("resync", name, "--wait=false"); answer.out != "samlconnection/acme: requested\n" {
			t.Errorf("%s is %q", name, answer.out)
		}
	}
}

// An annotation that somebody set with kubectl is taken over, and one that another command has set stays. None of the field managers is
// one whose fields Flux takes over, to remove what is not in Git.
func TestEachAnnotationHasAFieldManagerOfItsOwn(t *testing.T) {
	s := newStage(t)
	o := samlOf(s, "acme", "")
	o.Annotations = map[string]string{v1alpha1.AnnotationResyncRequested: "by hand", "other": "stays"}
	s.create(o)
	in := &cluster{api, s.namespace}
	for _, annotation := range []string{v1alpha1.AnnotationResyncRequested, v1alpha1.AnnotationRefreshMetadata} {
		if err := in.annotate(t.Context(), o, annotation, "now"); err != nil {
			t.Fatal(err)
		}
		if manager := managerOf(annotation); strings.HasPrefix(manager, "kubectl") || strings.HasPrefix(manager, "before-first-apply") {
			t.Errorf("Flux takes over what %s has set", manager)
		}
	}
	if s.reload(o); o.Annotations[v1alpha1.AnnotationResyncRequested] != "now" || o.Annotations[v1alpha1.AnnotationRefreshMetadata] != "now" || o.Annotations["other"] != "stays" {
		t.Errorf("the annotations are %v", o.Annotations)
	}
	gone := samlOf(s, "acme", "")
	gone.UID = "00000000-0000-4000-8000-000000000000"
	if err := in.annotate(t.Context(), gone, v1alpha1.AnnotationResyncRequested, "later"); err == nil {
		t.Error("another object of the same name was annotated")
	}
}

func TestWithoutAClusterItSaysSo(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "nothing")
	if answer := runIn(t.Context(), "status", "--kubeconfig="+nowhere); answer.code != exitFailed || answer.out != "" || !strings.HasPrefix(answer.err, "error: ") {
		t.Errorf("%+v", answer)
	}
	if answer := runIn(t.Context(), "staus"); answer.code != exitFailed || !strings.Contains(answer.err, `unknown command "staus"`) {
		t.Errorf("%+v", answer)
	}
}

func TestVersionNamesThatOfTheCRDs(t *testing.T) {
	s := newStage(t)
	lines := strings.Split(s.mustRun("version").out, "\n")
	if lines[0] != "plugin: dev" || !strings.HasPrefix(lines[1], "CRDs:   ") || strings.Contains(lines[1], "unknown") || strings.Contains(lines[1], "not installed") {
		t.Errorf("it said %q", lines)
	}
	if answer := s.as("nobody").mustRun("version"); !strings.Contains(answer.out, "you may not read") {
		t.Errorf("without rights it said %q", answer.out)
	}
	if answer := runIn(t.Context(), "version", "--client"); answer.out != "plugin: dev\n" {
		t.Errorf("it said %+v", answer)
	}
}

// The real program is found by the real kubectl, which also asks it for completions.
func TestKubectlRunsThePlugin(t *testing.T) {
	s := newStage(t)
	o := samlOf(s, "acme", "")
	o.ObjectMeta = metav1.ObjectMeta{Namespace: s.namespace, Name: "acme"}
	s.create(o)
	binary := build(t, "kubectl-stytch")
	line := regexp.MustCompile(`(?m)^printf .*kubectl_complete-stytch$`).FindString(page(t))
	write := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(line, "~/.local/bin", programs)+" && chmod +x "+programs+"/kubectl_complete-stytch")
	if out, err := write.CombinedOutput(); err != nil || line == "" {
		t.Fatalf("the page's way to completion, %q: %v, %s", line, err, out)
	}
	kubectl := func(args ...string) (string, int) {
		cmd := exec.CommandContext(t.Context(), filepath.Join(env.BinaryAssetsDirectory, "kubectl"), args...)
		cmd.Env = append(os.Environ(), "KUBECONFIG="+s.kubeconfig, "KUBERC=off", "KUBECACHEDIR="+t.TempDir(),
			"PATH="+filepath.Dir(binary)+":"+env.BinaryAssetsDirectory+":"+os.Getenv("PATH"))
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	if out, code := kubectl("stytch", "status", "-n", s.namespace); code != exitFound || !strings.Contains(out, "samlconnection/acme") {
		t.Errorf("kubectl stytch status ended with %d:\n%s", code, out)
	}
	if out, code := kubectl("stytch", "--help"); code != exitDone || !strings.Contains(out, "kubectl stytch [command]") {
		t.Errorf("kubectl stytch --help ended with %d:\n%s", code, out)
	}
	if out, code := kubectl("__complete", "stytch", "resync", "-n", s.namespace, ""); code != exitDone || !strings.Contains(out, "samlconnection/acme") {
		t.Errorf("kubectl's completion ended with %d:\n%s", code, out)
	}
}

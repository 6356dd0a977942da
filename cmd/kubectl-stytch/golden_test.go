package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// Golden files have what the real program says, command by command, as somebody at a terminal sees it:
//
//	$ kubectl stytch …
//	what is on standard output
//	! what is on standard error
//	(exit code 1)
//
// Write them anew with: go test ./cmd/kubectl-stytch -run TestOutputs -update. Then read what git diff shows.
var updateGoldens = flag.Bool("update", false, "Write the golden files anew. Refused if CI is set.")

// mayUpdate says why golden files are not written: in CI, a test that writes what it should find proves nothing.
func mayUpdate(ci string) error {
	if ci != "" {
		return errors.New("-update is refused, because CI is set: write the golden files on your machine, read them, and commit them")
	}
	return nil
}

func TestGoldenFilesAreNotWrittenInCI(t *testing.T) {
	if mayUpdate("true") == nil || mayUpdate("") != nil {
		t.Error("-update is refused elsewhere than in CI")
	}
}

// typist is somebody at a terminal, in a directory of their own, with kubectl and the plugin in PATH.
type typist struct {
	*managed
	home   string
	varies []string        // what differs from run to run, each with what stands for it
	ends   []string        // of new tokens, as they were seen
	read   map[string]bool // golden files, by name
	done   map[string]bool // lines that were typed, and whether one of them did not fail
}

// newTypist is an administrator of a namespace.
func newTypist(m *managed) *typist {
	m.t.Helper()
	y := &typist{managed: m, home: m.t.TempDir(), read: map[string]bool{}, done: map[string]bool{}}
	chart, err := os.ReadFile("../../charts/stytch-operator/Chart.yaml")
	if err != nil {
		m.t.Fatal(err)
	}
	_, release, _ := strings.Cut(string(chart), "\nversion: ")
	release, _, _ = strings.Cut(release, "\n")
	y.varies = []string{"CRDs:   " + release, "CRDs:   0.1.0", m.namespace, "acme", m.url, "http://127.0.0.1:8080", host.Host, "127.0.0.1:6443", y.home, "/home/you"}
	config, err := clientcmd.LoadFromFile(m.kubeconfig)
	if err != nil {
		m.t.Fatal(err)
	}
	config.Contexts[config.CurrentContext].Namespace = m.namespace
	if err := clientcmd.WriteToFile(*config, filepath.Join(y.home, ".kube/config")); err != nil {
		m.t.Fatal(err)
	}
	return y
}

// file writes a file of the typist.
func (y *typist) file(name, text string) {
	y.t.Helper()
	path := filepath.Join(y.home, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		y.t.Fatal(err)
	}
}

// types runs a line: variables of the environment, a command of words without quotes and, after <, a file for standard input. The
// simulator is on loopback, which three commands have to be told.
func (y *typist) types(line string) said {
	y.t.Helper()
	command, input, _ := strings.Cut(line, " <")
	words := strings.Fields(command)
	first := slices.Index(words, "kubectl")
	args := words[first+1:]
	if len(args) > 1 && slices.Contains([]string{"plan", "import", "adopt"}, args[1]) {
		args = append(args, "--allow-insecure-loopback")
	}
	cmd := exec.CommandContext(y.t.Context(), filepath.Join(env.BinaryAssetsDirectory, "kubectl"), args...)
	cmd.Dir = y.home
	cmd.Env = append([]string{
		"PATH=" + filepath.Dir(build(y.t, "kubectl-stytch")) + ":" + env.BinaryAssetsDirectory, "HOME=" + y.home, "KUBERC=off", envBaseURL + "=" + y.url,
	}, words[:first]...)
	if input != "" {
		file, err := os.Open(filepath.Join(y.home, input))
		if err != nil {
			y.t.Fatal(err)
		}
		defer file.Close() //nolint:errcheck // it was only read
		cmd.Stdin = file
	}
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	_ = cmd.Run() // the code says how it ended
	code := cmd.ProcessState.ExitCode()
	y.done[line] = y.done[line] || code != exitFailed
	return said{out.String(), complaint.String(), code}
}

// chapter runs lines one after another, and fails unless they say what the golden file of that name has.
func (y *typist) chapter(name string, lines ...string) {
	y.t.Helper()
	var b strings.Builder
	for _, line := range lines {
		answer := y.types(line)
		fmt.Fprintf(&b, "$ %s\n%s", line, answer.out)
		for complaint := range strings.Lines(answer.err) {
			b.WriteString("! " + complaint)
		}
		if answer.code != exitDone {
			fmt.Fprintf(&b, "(exit code %d)\n", answer.code)
		}
		b.WriteString("\n")
	}
	y.compare(name, b.String())
}

// What varies and is not known before. Progress depends on how fast the operator is.
var (
	requestID  = regexp.MustCompile(`request-id-test-[0-9a-f-]{36}`)
	progresses = regexp.MustCompile(`(?m)^! scimconnection/acme-scim: (waiting for the operator|[A-Z].*)\n`)
	tokenEnd   = regexp.MustCompile(`(ending in |-token=|cancel-rotation=)([^\s),."]{4})`)
)

// fixed is a text with what varies replaced.
func (y *typist) fixed(text string) string {
	text = strings.NewReplacer(append(y.tokens(), y.varies...)...).Replace(text)
	text = requestID.ReplaceAllString(text, "request-id-test-…")
	text = progresses.ReplaceAllString(text, "")
	return tokenEnd.ReplaceAllStringFunc(text, func(found string) string {
		end := found[len(found)-4:]
		if strings.HasSuffix(acmesToken, end) {
			return found
		}
		if !slices.Contains(y.ends, end) {
			y.ends = append(y.ends, end)
		}
		return strings.TrimSuffix(found, end) + []string{"5Hk2", "9Qf7"}[slices.Index(y.ends, end)]
	})
}

// compare compares a text with a golden file, once what varies is replaced.
func (y *typist) compare(name, text string) {
	y.t.Helper()
	y.read[name] = true
	text = y.fixed(text)
	path := goldenPath(name)
	if *updateGoldens {
		if err := errors.Join(mayUpdate(os.Getenv("CI")), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			y.t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(path)
	if err != nil {
		y.t.Fatal(err)
	}
	want, got := strings.Split(string(golden), "\n"), strings.Split(text, "\n")
	for n := range max(len(want), len(got)) {
		if n >= len(want) || n >= len(got) || want[n] != got[n] {
			y.t.Errorf("%s, line %d: it does not say\n%s\nbut\n%s", path, n+1, strings.Join(from(want, n), "\n"), strings.Join(from(got, n), "\n"))
			return
		}
	}
}

// tokens are those in the Secret, each with what stands for it.
func (y *typist) tokens() (replaced []string) {
	secret := &corev1.Secret{ObjectMeta: y.meta("acme-scim-token")}
	if err := api.Get(y.t.Context(), client.ObjectKeyFromObject(secret), secret); client.IgnoreNotFound(err) != nil {
		y.t.Fatal(err)
	}
	for _, key := range []string{v1alpha1.SecretKeyToken, v1alpha1.SecretKeyNextToken} {
		if token := string(secret.Data[key]); token != "" {
			replaced = append(replaced, token, "the-token-in-the-Secret")
		}
	}
	return replaced
}

// from are a few lines.
func from(lines []string, n int) []string { return lines[min(n, len(lines)):min(n+3, len(lines))] }

func goldenPath(name string) string { return filepath.Join("testdata", name+".golden") }

// allRead fails if there are golden files that no chapter has read.
func (y *typist) allRead() {
	y.t.Helper()
	there, err := filepath.Glob(goldenPath("*"))
	if err != nil {
		y.t.Fatal(err)
	}
	for _, path := range there {
		if !y.read[strings.TrimSuffix(filepath.Base(path), ".golden")] {
			y.t.Errorf("no test reads %s", path)
		}
	}
}

// transcript is what a command said: the lines of each stream.
type transcript struct{ out, err []string }

// transcripts are those of all golden files, by the line that was typed. The same line may have been typed several times.
func transcripts(t *testing.T) map[string][]transcript {
	t.Helper()
	paths, err := filepath.Glob(goldenPath("*"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]transcript{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range strings.Split("\n\n"+strings.TrimRight(string(text), "\n"), "\n\n$ ")[1:] {
			lines := strings.Split(one, "\n")
			var said transcript
			for _, line := range lines[1:] {
				if complaint, ok := strings.CutPrefix(line, "! "); ok {
					said.err = append(said.err, complaint)
				} else if !strings.HasPrefix(line, "(exit code ") {
					said.out = append(said.out, line)
				}
			}
			all[lines[0]] = append(all[lines[0]], said)
		}
	}
	return all
}

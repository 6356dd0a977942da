package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Kubectl runs the control plane's own kubectl as an administrator, and returns its output.
func (l *Lab) Kubectl(args ...string) string {
	var out, complaint bytes.Buffer
	l.kubectl(&out, &complaint, args...)
	return out.String()
}

// kubectl finds the plugin that make build has built.
func (l *Lab) kubectl(out, complaint *bytes.Buffer, args ...string) {
	cmd := exec.CommandContext(l.ctx, filepath.Join(l.Assets, "kubectl"), args...) //nolint:gosec // the control plane's kubectl
	cmd.Env = append(os.Environ(), "KUBECONFIG="+l.Path("kubeconfig"), "KUBECACHEDIR="+l.Path("cache"), "KUBERC=off", "KUBECTL_APPLYSET=true",
		"PATH="+filepath.Dir(program("kubectl-stytch"))+":"+os.Getenv("PATH"))
	cmd.WaitDelay = time.Second
	cmd.Stdout, cmd.Stderr = out, complaint
	if err := cmd.Run(); err != nil {
		Failf("%s: %w: %s", typed(args...), err, strings.TrimSpace(complaint.String()))
	}
}

// Show is Kubectl as a user sees it: the command and all that it says.
func (l *Lab) Show(args ...string) {
	l.Command("%s", typed(args...))
	var all bytes.Buffer
	l.kubectl(&all, &all, args...)
	l.Answer(relative(all.String()))
}

// Read reads the JSON that kubectl answers with.
func (l *Lab) Read(into any, args ...string) {
	if err := json.Unmarshal([]byte(l.Kubectl(append(args, "-o", "json")...)), into); err != nil {
		Failf("%s: %w", typed(args...), err)
	}
}

// toJSON is a value for kubectl or the simulator.
func toJSON(value any) string { return string(Must(json.Marshal(value))) }

// Replace replaces values in a Secret or a ConfigMap. They are in no command line.
func (l *Lab) Replace(kind, name string, values map[string]string) {
	field := map[string]string{"secret": "stringData", "configmap": "data"}[kind]
	file := l.Write("inputs/"+name+".json", toJSON(map[string]any{field: values}))
	l.Show("patch", kind, name, "--type=merge", "--patch-file", file)
}

// Create creates a Secret or a ConfigMap, likewise.
func (l *Lab) Create(kind, name string, values map[string]string) {
	args := append(append([]string{"create"}, strings.Fields(kind)...), name)
	for key, value := range values {
		args = append(args, fmt.Sprintf("--from-file=%s=%s", key, l.Write("inputs/"+name+"-"+key, value)))
	}
	l.Kubectl(args...)
}

// typed is kubectl's command line as a shell would take it.
func typed(args ...string) string {
	words := []string{"kubectl"}
	for _, arg := range args {
		words = append(words, quoted(relative(arg)))
	}
	return strings.Join(words, " ")
}

func quoted(word string) string {
	if word != "" && !strings.ContainsAny(word, " {}[]()<>|&;*?$\"'`\\#~\n") {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// relative is a path, or a flag with one, as seen from the top of the repository.
func relative(path string) string { return strings.ReplaceAll(path, Must(os.Getwd())+"/", "") }

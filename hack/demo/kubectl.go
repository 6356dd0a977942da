package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// kubectl is the control plane's own kubectl, under one kubeconfig. What it is asked for is what a user would type.
type kubectl struct {
	program  string
	env      []string
	terminal *terminal
}

// run is kubectl without a word about it.
func (k *kubectl) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, k.program, args...) //nolint:gosec // the control plane's kubectl
	cmd.Env = append(os.Environ(), k.env...)
	cmd.WaitDelay = time.Second
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s", typed(args...), err, strings.TrimSpace(complaint.String()))
	}
	return out.String(), nil
}

// show is kubectl as a user sees it: the command and its answer.
func (k *kubectl) show(ctx context.Context, args ...string) (string, error) {
	k.terminal.command(typed(args...))
	out, err := k.run(ctx, args...)
	k.terminal.answer(out)
	return out, err
}

// read is kubectl whose answer is JSON.
func (k *kubectl) read(ctx context.Context, into any, args ...string) error {
	out, err := k.run(ctx, append(args, "-o", "json")...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		return fmt.Errorf("%s did not answer with JSON: %w", typed(args...), err)
	}
	return nil
}

// get reads one object.
func (k *kubectl) get(ctx context.Context, kind, name string) (object, error) {
	var o object
	return o, k.read(ctx, &o, "get", kind, name)
}

// list reads objects; what can be said after get, such as "secrets", "-A".
func (k *kubectl) list(ctx context.Context, args ...string) ([]object, error) {
	var l struct{ Items []object }
	return l.Items, k.read(ctx, &l, append([]string{"get"}, args...)...)
}

// absent says whether an object is not there.
func (k *kubectl) absent(ctx context.Context, kind, name string) (bool, error) {
	out, err := k.run(ctx, "get", kind, name, "--ignore-not-found", "-o", "name")
	return err == nil && strings.TrimSpace(out) == "", err
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
func relative(path string) string {
	root, err := os.Getwd()
	if err != nil {
		return path
	}
	return strings.ReplaceAll(path, root+"/", "")
}

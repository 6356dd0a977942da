package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestTwoClonesGiveTheSameFiles(t *testing.T) {
	dir := t.TempDir()
	one, other := filepath.Join(dir, "one"), filepath.Join(dir, "elsewhere", "other")
	copied(t, one)
	shell(t, dir, nil, `git clone --quiet one elsewhere/other`)
	own := []string{"GOMODCACHE=" + asked(t, "GOMODCACHE"), "GOPROXY=" + asked(t, "GOPROXY"), "PLATFORMS=linux/" + runtime.GOARCH}
	shell(t, one, append(own, "GOCACHE="+asked(t, "GOCACHE"), "TZ=UTC"), "umask 022; make image")
	shell(t, other, append(own, "GOCACHE="+filepath.Join(dir, "cache"), "TZ=Pacific/Chatham", "HOME="+dir, "USER=somebody", "LC_ALL=C",
		"GOAMD64=v3", "GOFLAGS=-tags=other", "TMPDIR="+dir), "umask 077; make image")
	want, got := made(t, one), made(t, other)
	if len(want) != 3 {
		t.Errorf("dist has %d files", len(want))
	}
	for name, text := range want {
		if !bytes.Equal(got[name], text) {
			t.Errorf("%s differs", name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("the one has %d files, and the other %d", len(want), len(got))
	}
}

// copied makes a repository of what this tree would be if everything in it were committed.
func copied(t *testing.T, to string) {
	t.Helper()
	for name := range strings.SplitSeq(strings.Trim(shell(t, "../..", nil, "git ls-files -z --cached --others --exclude-standard"), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if os.IsNotExist(err) {
			continue // deleted, and that is not committed
		}
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	shell(t, to, nil, `git init --quiet && git add --all &&
	  git -c user.name=test -c user.email=test@example.com commit --quiet --message=test --date=@1700000000`)
}

// made is what dist holds, and whether everybody may read it.
func made(t *testing.T, clone string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(clone, "dist", "*"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)] = text
		if info, err := os.Stat(file); err != nil || info.Mode() != 0o644 {
			t.Errorf("%s has the mode %s: %v", file, info.Mode(), err)
		}
	}
	return all
}

func asked(t *testing.T, setting string) string {
	t.Helper()
	return strings.TrimSpace(shell(t, ".", nil, "go env "+setting))
}

// shell runs a script with the environment of the test and this.
func shell(t *testing.T, dir string, env []string, script string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	var out, errors bytes.Buffer
	c.Stdout, c.Stderr = &out, &errors
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, out.String(), errors.String())
	}
	return out.String()
}

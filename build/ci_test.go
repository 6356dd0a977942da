package build_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What .ci/run says at its end, with a make that only says what the real one says.
func TestTheCIRunEndsWithWhatItTookWhatFailedAndItsCount(t *testing.T) {
	const took = `: \d+ min \d+ s\n`
	for name, c := range map[string]struct{ verify, test, demo, ends string }{
		"all pass": {
			test: "printf '%s\\n' '--- PASS: TestA (0.00s)' '--- PASS: TestB (0.00s)' 'PASS'; printf 'ok  \\texample.com/slow\\t63.520s\\nok  \\texample.com/fast\\t0.020s\\n'",
			demo: "echo '13 passed, 0 failed'",
			ends: `\n    64 s  example.com/slow\n     0 s  example.com/fast\nverify` + took + `test` + took + `demo` + took + `17 passed, 0 failed\n$`,
		},
		"a test fails": {
			test: "printf '%s\\n' '  [FAIL] A kind [It] does' '--- FAIL: TestA (0.00s)' '  [FAIL] A kind [It] does'; printf 'FAIL\\texample.com/slow\\t63.520s\\n'; exit 2",
			ends: `\n    64 s  example.com/slow\n  \[FAIL\] A kind \[It\] does\n--- FAIL: TestA \(0.00s\)\nverify` + took + `test` + took + `2 passed, 1 failed\n$`,
		},
		"verify fails": {verify: "exit 1", ends: `\nverify` + took + `0 passed, 1 failed\n$`},
	} {
		t.Run(name, func(t *testing.T) {
			out := ciRun(t, map[string]string{"verify": c.verify, "test": c.test, "demo": c.demo})
			if !regexp.MustCompile(c.ends).MatchString(out) {
				t.Errorf("it says\n%s\nand should end with\n%s", out, c.ends)
			}
		})
	}
}

// ciRun runs a copy of .ci/run for a tree with one spec, and returns what it says. The make there does what is given for each target.
func ciRun(t *testing.T, does map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, ".ci"), os.DirFS("../.ci")); err != nil {
		t.Fatal(err)
	}
	spec := `mkdir -p bin/specs; printf '"LeafNodeType": "It",\n"State": "passed",\n' >bin/specs/a.json; `
	script := "#!/usr/bin/env bash\ncase $1 in\nverify) " + does["verify"] + " ;;\ntest) " + spec + does["test"] + " ;;\ndemo) " + does["demo"] + " ;;\nesac\n"
	for file, text := range map[string]string{".ci/specs": "1\n", "make": script} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, ".ci", "run"))
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if failed := !strings.HasSuffix(string(out), " 0 failed\n"); failed != (err != nil) {
		t.Errorf("it ends with %v", err)
	}
	return string(out)
}

package build_test

import (
	"cmp"
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
	const onePasses = "echo '--- PASS: TestA (0.00s)'"
	for name, c := range map[string]struct{ verify, test, specs, demo, ends string }{
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
		"a spec is missing": {
			test: onePasses, specs: "2", demo: "echo '13 passed, 0 failed'",
			ends: `\nspecs: 1 ran, and \.ci/specs says that there are 2\nverify` + took + `test` + took + `3 passed, 1 failed\n$`,
		},
		"steps of the demo fail": {
			test: onePasses, demo: "echo '5 passed, 2 failed'; exit 1",
			ends: `\ndemo: 5 passed, 2 failed\nverify` + took + `test` + took + `demo` + took + `8 passed, 2 failed\n$`,
		},
		"the demo fails after its steps": {
			test: onePasses, demo: "echo '5 passed, 0 failed'; exit 1",
			ends: `\ndemo: 5 passed, 0 failed\nverify` + took + `test` + took + `demo` + took + `8 passed, 1 failed\n$`,
		},
		"the demo does not begin": {
			test: onePasses, demo: "exit 1",
			ends: `\ndemo: nothing ran\nverify` + took + `test` + took + `demo` + took + `3 passed, 1 failed\n$`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			out := ciRun(t, cmp.Or(c.specs, "1"), map[string]string{"verify": c.verify, "test": c.test, "demo": c.demo})
			if !regexp.MustCompile(c.ends).MatchString(out) {
				t.Errorf("it says\n%s\nand should end with\n%s", out, c.ends)
			}
		})
	}
}

// ciRun runs a copy of .ci/run, and returns what it says. The make there runs one spec, and does what is given for each target.
func ciRun(t *testing.T, specs string, does map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, ".ci"), os.DirFS("../.ci")); err != nil {
		t.Fatal(err)
	}
	spec := `mkdir -p bin/specs; printf '"LeafNodeType": "It",\n"State": "passed",\n' >bin/specs/a.json; `
	script := "#!/usr/bin/env bash\ncase $1 in\nverify) " + does["verify"] + " ;;\ntest) " + spec + does["test"] + " ;;\ndemo) " + does["demo"] + " ;;\nesac\n"
	for file, text := range map[string]string{".ci/specs": specs + "\n", "make": script} {
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

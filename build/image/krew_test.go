package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// expectPlugin has krew itself judge the plugin of a release, and install it from the URL that its manifest names.
func expectPlugin(t *testing.T, dist string) {
	t.Helper()
	k := newKrew(t)
	manifest := filepath.Join(dist, "stytch.yaml")
	if out, err := k.run("validate-krew-manifest -manifest " + manifest); err != nil || !strings.Contains(out, "spec.platforms installed fine") {
		t.Errorf("krew's validation: %v\n%s", err, out)
	}
	archive := expectSums(t, dist)
	if out, err := k.run("kubectl krew install --manifest=" + manifest + " --archive=" + archive + " && kubectl stytch version --client"); err != nil ||
		!strings.Contains(out, "\nplugin: "+testVersion+"\n") {
		t.Errorf("installed, it says: %v\n%s", err, out)
	}
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(t.TempDir(), "stytch.yaml")
	of := sha256.Sum256([]byte("something else"))
	planted := regexp.MustCompile(`(?m)^    sha256: \w+$`).ReplaceAllLiteralString(string(text), "    sha256: "+hex.EncodeToString(of[:]))
	if err := os.WriteFile(wrong, []byte(planted), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := k.run("validate-krew-manifest -manifest " + wrong); err == nil || !strings.Contains(out, "checksum does not match") {
		t.Errorf("krew's validation of a manifest with a wrong sum: %v\n%s", err, out)
	}
}

// expectSums compares the sums of the manifest with those of its archives. It returns one of them.
func expectSums(t *testing.T, dist string) (archive string) {
	t.Helper()
	sums := shell(t, dist, nil, "cat SHA256SUMS")
	text := shell(t, dist, nil, "cat stytch.yaml")
	named := regexp.MustCompile(`(?m)^    uri: \S+/(\S+)\n    sha256: (\w+)$`).FindAllStringSubmatch(text, -1)
	if len(named) == 0 || len(named) != strings.Count(sums, "kubectl-stytch-") || len(named) != strings.Count(text, "selector:") {
		t.Fatalf("the manifest names %d archives:\n%s%s", len(named), text, sums)
	}
	for _, one := range named {
		if !strings.Contains(sums, one[2]+"  "+one[1]+"\n") {
			t.Errorf("the sum of %s is not %s:\n%s", one[1], one[2], sums)
		}
	}
	return filepath.Join(dist, named[0][1])
}

// krew is a directory into which krew installs, and the environment of somebody who has it, and kubectl.
type krew struct {
	t   *testing.T
	env []string
}

func newKrew(t *testing.T) *krew {
	t.Helper()
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		t.Fatal("no kubectl: run `make test`, or set KUBEBUILDER_ASSETS to what hack/control-plane.sh prints")
	}
	tools := tools(t)
	shell(t, "../..", nil, "make --silent "+tools+"/krew "+tools+"/validate-krew-manifest")
	root, programs := t.TempDir(), t.TempDir()
	for name, program := range map[string]string{
		"kubectl": filepath.Join(assets, "kubectl"), "kubectl-krew": tools + "/krew", "validate-krew-manifest": tools + "/validate-krew-manifest",
	} {
		if err := os.Symlink(program, filepath.Join(programs, name)); err != nil {
			t.Fatal(err)
		}
	}
	return &krew{t, []string{"KREW_ROOT=" + root, "PATH=" + programs + ":" + root + "/bin:" + os.Getenv("PATH")}}
}

// run runs a script, and returns all that it says.
func (k *krew) run(script string) (string, error) {
	return try(k.t, ".", k.env, "exec 2>&1; "+script)
}

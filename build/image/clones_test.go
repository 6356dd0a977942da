package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Neither clone has a module: both unpack what they need, as on a machine that has just downloaded it. The other clone has nothing that is
// built either, and nothing of the machine that could reach a file.
func TestTwoClonesGiveTheSameRelease(t *testing.T) {
	dir := t.TempDir()
	one, other := filepath.Join(dir, "one"), filepath.Join(dir, "elsewhere", "other")
	copied(t, one)
	shell(t, dir, nil, "git clone --quiet one elsewhere/other")
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(one, "dist"))))
	t.Cleanup(server.Close)
	const platform = "linux/" + runtime.GOARCH
	own := []string{"PLATFORMS=" + platform, "PLUGIN_PLATFORMS=" + platform, "DOWNLOADS=" + server.URL}
	makeRelease(t, one, slices.Concat(own, noModules(t), []string{"GOCACHE=" + asked(t, "GOCACHE"), "TZ=UTC"}), "umask 022")
	makeRelease(t, other, slices.Concat(own, noModules(t), []string{
		"GOCACHE=" + filepath.Join(dir, "cache"), "TZ=Pacific/Chatham", "HOME=" + dir, "USER=somebody", "LC_ALL=C", "GOAMD64=v3", "GOFLAGS=-tags=other", "TMPDIR=" + dir,
	}), "umask 077")
	want, got := made(t, one), made(t, other)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !bytes.Equal(got[name], want[name]) {
			t.Errorf("%s differs", name)
		}
	}
	const name = "stytch-operator-" + testVersion
	names := []string{
		"SHA256SUMS", "crds.yaml", "install.yaml", "kubectl-stytch-" + testVersion + "-linux-" + runtime.GOARCH + ".tar.gz", "stytch-operator-9.9.9.tgz",
		name + "-config.tar.gz", name + "-linux-" + runtime.GOARCH + ".spdx.json", name + ".digest", name + ".tar", "stytch.yaml",
	}
	if is := slices.Sorted(maps.Keys(got)); !slices.Equal(is, names) {
		t.Errorf("dist has %q, want %q", is, names)
	}
	shell(t, filepath.Join(one, "dist"), nil, "sha256sum --check --strict SHA256SUMS && test $(wc -l <SHA256SUMS) = 9")
	expectManifests(t, filepath.Join(one, "dist"))
	expectPlugin(t, filepath.Join(one, "dist"))
	expectChart(t, filepath.Join(one, "dist"))
}

const registryName = "registry.example.com/stytch-operator"

// noModules is the environment of a Go without modules, which downloads them from what this machine has downloaded. go.sum has their sums.
func noModules(t *testing.T) []string {
	t.Helper()
	modules := t.TempDir()
	t.Cleanup(func() { // before the directory is removed, because nothing in it may be changed
		if err := exec.CommandContext(context.WithoutCancel(t.Context()), "chmod", "-R", "u+w", modules).Run(); err != nil {
			t.Error(err)
		}
	})
	return []string{"GOMODCACHE=" + modules, "GOPROXY=file://" + asked(t, "GOMODCACHE") + "/cache/download", "GOSUMDB=off"}
}

// tools are those of this tree: to build a clone's own would show nothing.
func tools(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../bin/tools")
	if err != nil {
		t.Fatal(err)
	}
	shell(t, "../..", nil, "make --silent "+dir+"/kustomize "+dir+"/helm4")
	return dir
}

func makeRelease(t *testing.T, clone string, env []string, before string) {
	t.Helper()
	tools := tools(t)
	shell(t, clone, env, before+"; make -o "+tools+"/kustomize TOOLS="+tools+" release-artifacts VERSION="+testVersion+" IMAGE="+registryName)
}

// expectManifests renders the bases of a release, of which install.yaml is one, without and with the components that config/default names.
func expectManifests(t *testing.T, dist string) {
	t.Helper()
	dir := t.TempDir()
	shell(t, dist, nil, "tar --extract --file stytch-operator-"+testVersion+"-config.tar.gz --strip-components=1 --directory "+dir)
	build := func(base string) string { return shell(t, dir, nil, tools(t)+"/kustomize build "+base) }
	add := func(component string) {
		shell(t, dir, nil, "sed -i 's|^# components:|components:|; s|^# - ../"+component+"|- ../"+component+"|' default/kustomization.yaml")
	}
	const crds, image = "kind: CustomResourceDefinition\n", "image: " + registryName + ":" + testVersion + "\n"
	const policy, shared = "kind: ValidatingAdmissionPolicy\n", "--cluster-projects\n"
	expect := func(file string, of map[string]int, text string) {
		for word, count := range of {
			if is := strings.Count(text, word); is != count {
				t.Errorf("%s has %q %d times, want %d", file, word, is, count)
			}
		}
	}
	install := shell(t, dist, nil, "cat install.yaml")
	if build("default") != install {
		t.Error("install.yaml is not what the bases give")
	}
	expect("install.yaml", map[string]int{crds: 6, image: 1, policy: 0, shared: 0}, install)
	expect("crds.yaml", map[string]int{crds: 6, "\nkind: ": 6}, shell(t, dist, nil, "cat crds.yaml"))
	add("admission-policy")
	expect("namespaced", map[string]int{crds: 0, image: 1, policy: 2, "--namespaces=": 1}, build("namespaced"))
	expect("namespaced/cluster", map[string]int{crds: 6, image: 0}, build("namespaced/cluster"))
	add("cluster-projects")
	expect("default with components", map[string]int{crds: 6, image: 1, policy: 2, shared: 1}, build("default"))
}

// expectChart installs the chart of a release as docs/install.md says, without a cluster: the manager and the job have the image of the release.
func expectChart(t *testing.T, dist string) {
	t.Helper()
	page := shell(t, "../../docs", nil, "cat install.md")
	command := regexp.MustCompile(`(?m)^helm (install .*-)0\.1\.0(\.tgz .*)$`).FindStringSubmatch(page)
	if command == nil {
		t.Fatal("docs/install.md does not install the chart of a release")
	}
	own := t.TempDir()
	env := []string{"KUBECONFIG=/dev/null", "HELM_CACHE_HOME=" + own, "HELM_CONFIG_HOME=" + own, "HELM_DATA_HOME=" + own}
	out := shell(t, dist, env, tools(t)+"/helm4 "+command[1]+strings.TrimPrefix(testVersion, "v")+command[2]+" --dry-run=client")
	if images := strings.Count(out, "\n        image: "+registryName+":"+testVersion+"\n"); images != 2 {
		t.Errorf("%d containers have the image of the release, want 2, in\n%s", images, out)
	}
	if label := fmt.Sprintf("app.kubernetes.io/version: %q\n", testVersion); !strings.Contains(out, label) {
		t.Errorf("there is no %s in\n%s", label, out)
	}
}

func TestAReleaseThatIsNotPreparedIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "clone")
	copied(t, dir)
	tools := tools(t)
	for version, says := range map[string]string{
		"1.2.3":       "must be like v1.2.3",
		"v1.2":        "must be like v1.2.3",
		"v1.2.3-rc.1": "must be like v1.2.3",
		"v98.0.0":     `CHANGELOG.md has no section "## v98.0.0"`,
		"v99.0.0":     "config/crd/released/v99.0.0 does not hold the CRDs of this tree",
		"v99.0.1":     "Chart.yaml is not of the version 99.0.1 with the appVersion v99.0.1",
		testVersion:   `DOWNLOADS is "", but must be the URL`,
	} {
		shell(t, dir, nil, "printf '## v99.0.0\n## v99.0.1\n' >>CHANGELOG.md; make --silent release-crds VERSION=v99.0.1; mkdir -p dist; touch dist/kept")
		out := shell(t, dir, nil, "! make -o "+tools+"/kustomize TOOLS="+tools+" release-artifacts VERSION="+version+" 2>&1 && ls dist")
		if !strings.Contains(out, says) || !strings.Contains(out, "kept") {
			t.Errorf("%s is answered with %s", version, out)
		}
	}
}

// copied makes a repository of what this tree would be if everything in it were committed, and the release prepared.
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
	shell(t, to, nil, `v=`+testVersion+`; make --silent release-crds VERSION=`+testVersion+` && printf '\n## `+testVersion+`\n' >>CHANGELOG.md &&
	  sed -i 's/^version: .*/version: '${v#v}'/; s/^appVersion: .*/appVersion: '$v'/' charts/stytch-operator/Chart.yaml &&
	  git init --quiet && git add --all &&
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
	out, err := try(t, dir, env, script)
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

// try runs a script that may fail. What it says on standard error is in the error.
func try(t *testing.T, dir string, env []string, script string) (string, error) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	var out, complaint bytes.Buffer
	c.Stdout, c.Stderr = &out, &complaint
	if err := c.Run(); err != nil {
		return out.String(), fmt.Errorf("%w\n%s", err, complaint.String())
	}
	return out.String(), nil
}

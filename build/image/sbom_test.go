package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestTheDocumentHasEveryModuleOfTheManager(t *testing.T) {
	d := documented(t)
	var got []string
	for _, c := range d.Packages {
		if c.FileName == "" && c.Name != "stdlib" {
			got = append(got, c.Name+" "+c.Version+" "+strings.TrimPrefix(c.Comment, "go.sum: "))
		}
	}
	out, err := exec.CommandContext(t.Context(), "go", "version", "-m", manager).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(out)) {
		if words := strings.Fields(line); words[0] == "dep" {
			want = append(want, strings.Join(words[1:], " "))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if len(want) < 20 || !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestTheDocumentHasTheManagerGoAndTheRoots(t *testing.T) {
	versions := map[string]string{}
	for _, c := range documented(t).Packages {
		versions[c.Name+" "+c.FileName] = c.Version
	}
	for name, want := range map[string]string{
		"github.com/stytch-operator/stytch-operator /manager": testVersion,
		"stdlib ": strings.TrimPrefix(runtime.Version(), "go"),
		"golang.org/x/crypto/x509roots/fallback /etc/ssl/cert.pem": pinned(t, rootsModule),
	} {
		if versions[name] != want {
			t.Errorf("%s has the version %q, want %q", name, versions[name], want)
		}
	}
}

// pinned is the version of a module that go.mod names.
func pinned(t *testing.T, module string) string {
	t.Helper()
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(regexp.QuoteMeta(module) + ` (\S+)`).FindStringSubmatch(string(text))
	if found == nil {
		t.Fatalf("go.mod does not name %s", module)
	}
	return found[1]
}

// https://spdx.github.io/spdx-spec/v2.3/
func TestTheDocumentIsWellFormed(t *testing.T) {
	d := documented(t)
	named := map[string]bool{d.SPDXID: true}
	for _, c := range d.Packages {
		if named[c.SPDXID] {
			t.Errorf("%s is there twice", c.SPDXID)
		}
		named[c.SPDXID] = true
		if !regexp.MustCompile(`^SPDXRef-[a-zA-Z0-9.-]+$`).MatchString(c.SPDXID) {
			t.Errorf("%q is no identifier", c.SPDXID)
		}
	}
	related := map[string]bool{d.SPDXID: true}
	for _, r := range d.Relationships {
		related[r.Related] = true
		if !named[r.Element] || !named[r.Related] {
			t.Errorf("%+v is about what is not there", r)
		}
	}
	if len(related) != len(named) {
		t.Errorf("%d of %d elements are in no relationship", len(named)-len(related), len(named))
	}
	if d.SPDXVersion != "SPDX-2.3" || !strings.HasPrefix(d.DocumentNamespace, "https://") || d.CreationInfo.Created != "2023-11-14T22:13:20Z" {
		t.Errorf("it begins with %+v", d)
	}
}

// documented is the document that is in the image and beside the archive.
func documented(t *testing.T) spdx {
	t.Helper()
	inside, err := os.ReadFile(filepath.Join(root(t, nil), documentFile))
	if err != nil {
		t.Fatal(err)
	}
	beside, err := os.ReadFile(strings.TrimSuffix(archive, ".tar") + "-linux-" + runtime.GOARCH + ".spdx.json")
	if err != nil || string(beside) != string(inside) {
		t.Fatalf("the documents in the image and beside it differ, or: %v", err)
	}
	var d spdx
	if err := json.Unmarshal(inside, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

package internal_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/stytch-operator/stytch-operator"

// rooms are the packages of the module, each after those that it may import. What is not listed here has no place yet.
var rooms = []struct {
	name    string
	imports []string
}{
	{"api/v1alpha1", nil},
	{"internal/connection/pki", nil},
	{"internal/stytch", []string{"internal/connection/pki"}},
	{"internal/fence", nil},
	{"internal/connection", []string{"api/v1alpha1", "internal/connection/pki", "internal/stytch"}},
	{"internal/connection/details", []string{"api/v1alpha1", "internal/connection", "internal/connection/pki"}},
	{"internal/connection/token", []string{"api/v1alpha1", "internal/connection", "internal/connection/pki", "internal/stytch"}},
	{"internal/connection/saml", []string{"api/v1alpha1", "internal/connection", "internal/connection/details", "internal/connection/pki", "internal/stytch"}},
	{"internal/connection/oidc", []string{"api/v1alpha1", "internal/connection", "internal/connection/details", "internal/connection/pki", "internal/stytch"}},
	{"internal/connection/external", []string{"api/v1alpha1", "internal/connection", "internal/stytch"}},
	{"internal/connection/scim", []string{"api/v1alpha1", "internal/connection", "internal/connection/token", "internal/stytch"}},
	{"internal/connection/connectiontest", []string{ // which only tests import
		"api/v1alpha1", "internal/connection", "internal/connection/details", "internal/connection/external", "internal/connection/oidc",
		"internal/connection/saml", "internal/connection/scim", "internal/connection/token", "internal/connection/pki", "internal/stytch",
	}},
	{"internal/listing", []string{"api/v1alpha1", "internal/connection/scim", "internal/stytch"}},
	{"config/crd", nil},
	{"controllers", []string{
		"api/v1alpha1", "config/crd", "internal/connection", "internal/connection/details", "internal/connection/external", "internal/connection/oidc",
		"internal/connection/saml", "internal/connection/scim", "internal/connection/token", "internal/listing", "internal/stytch",
	}},
	{"cmd/manager", []string{"api/v1alpha1", "config/crd", "controllers", "internal/connection", "internal/fence", "internal/stytch"}},
	{"test/controlplane", nil}, // which only tests import
	{"test/process", nil},      // the same
	{"cmd/kubectl-stytch", []string{
		"api/v1alpha1", "config/crd", "internal/connection", "internal/connection/external", "internal/connection/oidc",
		"internal/connection/pki", "internal/connection/saml", "internal/connection/scim", "internal/connection/token", "internal/listing",
		"internal/stytch",
	}},
	{"internal/stytchsim", nil},
	{"cmd/stytch-sim", []string{"internal/stytchsim"}},
	{"hack/internal/lab", []string{"internal/stytchsim"}},
	{"hack/demo", []string{"hack/internal/lab", "internal/stytchsim"}},
	{"hack/bench", []string{"api/v1alpha1", "hack/internal/lab", "internal/stytchsim"}},
}

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	imports := importsOfPackages(t)
	known := map[string]bool{}
	for _, room := range rooms {
		imported, is := imports[room.name]
		if !is {
			t.Errorf("there is no package %s: take it out of the list of rooms", room.name)
		}
		for _, other := range imported {
			switch {
			case !slices.Contains(room.imports, other):
				t.Errorf("%s imports %s, which it may not", room.name, other)
			case !known[other]:
				t.Errorf("%s imports %s, which comes after it in the list of rooms", room.name, other)
			}
		}
		known[room.name] = true
	}
	for name := range imports {
		if !known[name] {
			t.Errorf("%s is not in the list of rooms: say what it may import", name)
		}
	}
}

// openAll reads every directory of the module that may hold Go, so that go test does not answer from its cache when one changed: it
// does not know what go list reads.
func openAll(t *testing.T) {
	t.Helper()
	for _, top := range []string{"api", "cmd", "controllers", "hack", "internal"} {
		err := filepath.WalkDir(filepath.Join("..", top), func(path string, _ fs.DirEntry, err error) error {
			if err == nil && filepath.Ext(path) == ".go" {
				_, err = os.ReadFile(path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// importsOfPackages are the packages of the module that are not only tests, with those of the module that each imports.
func importsOfPackages(t *testing.T) map[string][]string {
	t.Helper()
	openAll(t)
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Imports,GoFiles", module+"/...")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	imports := map[string][]string{}
	for packages := json.NewDecoder(bytes.NewReader(out)); packages.More(); {
		var p struct {
			ImportPath       string
			Imports, GoFiles []string
		}
		if err := packages.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if name, ours := strings.CutPrefix(p.ImportPath, module+"/"); ours && len(p.GoFiles) > 0 {
			imports[name] = nil
			for _, path := range p.Imports {
				if other, ours := strings.CutPrefix(path, module+"/"); ours {
					imports[name] = append(imports[name], other)
				}
			}
		}
	}
	return imports
}

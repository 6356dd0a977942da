package connection_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// kindFiles are the files of the kinds and of their parts; every other one is of the core.
var kindFiles = []string{
	"saml.go", "certificates.go", "keys.go", "metadata.go", "oidc.go", "external.go", "scim.go", "groups.go",
	"rotation.go", "rotation_status.go", "rotation_steps.go", "rotation_words.go", "token_secret.go", "details.go",
}

func TestTheCoreNamesNothingOfAKind(t *testing.T) {
	core, kinds := filesOfTheRoom(t)
	declared := map[string]string{}
	for name, file := range kinds {
		for _, object := range topLevel(file) {
			declared[object] = name
		}
	}
	same(t, "how many files the kinds have", len(kinds), len(kindFiles))
	if declared["SAML"] == "" || declared["StartRotation"] == "" {
		t.Fatal("the kinds declare nothing that is known")
	}
	for name, file := range core {
		for _, use := range file.Unresolved { // by name: enough here, and without a type checker
			if from, is := declared[use.Name]; is {
				t.Errorf("%s names %s of %s", name, use.Name, from)
			}
		}
	}
}

// filesOfTheRoom are the files of the package, parsed.
func filesOfTheRoom(t *testing.T) (core, kinds map[string]*ast.File) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	core, kinds = map[string]*ast.File{}, map[string]*ast.File{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(kindFiles, name) {
			kinds[name] = file
		} else {
			core[name] = file
		}
	}
	return core, kinds
}

// topLevel are the names that a file declares for its package.
func topLevel(file *ast.File) []string {
	var names []string
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				names = append(names, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					names = append(names, s.Name.Name)
				case *ast.ValueSpec:
					for _, name := range s.Names {
						names = append(names, name.Name)
					}
				}
			}
		}
	}
	return names
}

// recorded are the fields of status that hold a Record.
var recorded = regexp.MustCompile(`(?:Status|CommonStatus\(\)|\bstatus)\.(?:ProjectID|OrganizationID|ConnectionID|EncryptionKeys|FromMetadata|Discovered)\b`)

func TestOnlyTheRecordsFileKnowsWhereTheRecordIsKept(t *testing.T) {
	there := 0
	for _, pattern := range []string{"*.go", "../../controllers/*.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				switch found := recorded.FindString(line); {
				case found == "":
				case name == "record.go" || strings.Contains(line, "return Recorded{"):
					there++
				default:
					t.Errorf("%s reads or writes %s: that is the record's", name, found)
				}
			}
		}
	}
	if there == 0 {
		t.Error("nobody knows where the record is kept")
	}
}

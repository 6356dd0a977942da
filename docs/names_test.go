package docs_test

import (
	"go/ast"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A name in back quotes that looks like a file is the path of one, or the name of one. <kind> stands for any kind.
func TestTheFilesOfThePagesExist(t *testing.T) {
	files := walk(t, ".", "")
	for name, text := range pages(t) {
		for _, found := range code.FindAllStringSubmatch(withoutCode(text), -1) {
			if looksLikeFile(t, found[1]) && !exists(t, files, name, found[1]) {
				t.Errorf("%s names the file %s, which does not exist", name, found[1])
			}
		}
	}
	for _, sample := range walk(t, "config/samples", ".yaml") {
		for _, found := range regexp.MustCompile(`\b[\w./-]+\.(?:md|yaml)\b`).FindAllString(read(t, sample), -1) {
			if !exists(t, files, sample, found) {
				t.Errorf("%s names the file %s, which does not exist", sample, found)
			}
		}
	}
}

func TestANameOfNoFileIsSeen(t *testing.T) {
	for name, c := range map[string]struct{ file, exists bool }{
		"internal/connection/judge.go": {true, true}, "judge.go": {true, true}, "api/v1alpha1/<kind>_types.go": {true, true}, "api/": {true, true},
		"internal/connection/nothing.go": {true, false}, "nothing.go": {true, false}, "controllers/nothing": {true, false},
		"signing.pem": {}, "acs-url": {}, "kubectl explain samlconnection.spec": {}, "https://api.stytch.com": {}, "/healthz": {},
	} {
		if looksLikeFile(t, name) != c.file {
			t.Errorf("%s looks like a file: %t, want %t", name, !c.file, c.file)
		}
		if c.file && exists(t, walk(t, ".", ""), "CONTRIBUTING.md", name) != c.exists {
			t.Errorf("%s exists: %t, want %t", name, !c.exists, c.exists)
		}
	}
}

// looksLikeFile says whether a name ends as files of the repository do, or begins with one of its directories.
func looksLikeFile(t *testing.T, name string) bool {
	t.Helper()
	if !regexp.MustCompile(`^[\w./<>-]+$`).MatchString(name) {
		return false
	}
	first, _, below := strings.Cut(name, "/")
	return below && first != "" && len(glob(t, first)) > 0 || slices.Contains([]string{".go", ".md", ".sh", ".yaml", ".mod"}, path.Ext(name))
}

// exists says whether a file, or a directory, is there: from the top, beside the page, or, where only its name is given, anywhere. What is
// built is not looked for.
func exists(t *testing.T, files []string, page, name string) bool {
	t.Helper()
	pattern := strings.TrimSuffix(strings.ReplaceAll(name, "<kind>", "*"), "/")
	return strings.HasPrefix(name, "bin/") || strings.HasPrefix(name, "dist/") ||
		len(glob(t, pattern)) > 0 || len(glob(t, path.Join(path.Dir(page), pattern))) > 0 ||
		!strings.Contains(name, "/") && slices.ContainsFunc(files, func(file string) bool { return path.Base(file) == name })
}

// A name in back quotes such as connection.Judge is declared in that package. So is a bare name in the recipes of CONTRIBUTING, in any
// package; there it may also be a field, as Go or JSON has it.
func TestTheNamesOfThePagesAreDeclared(t *testing.T) {
	declared := declarations(t)
	for name, text := range pages(t) {
		for _, found := range code.FindAllStringSubmatch(withoutCode(text), -1) {
			if of, known := declared[packageOf(found[1])]; known && !of[nameIn(found[1])] {
				t.Errorf("%s names %s, which is not declared", name, found[1])
			}
		}
	}
	contributing, files := read(t, "CONTRIBUTING.md"), walk(t, ".", "")
	for _, found := range code.FindAllStringSubmatch(section(t, contributing, "## Recipes")+section(t, contributing, "## Add a kind"), -1) {
		if regexp.MustCompile(`^[a-zA-Z]\w+$`).MatchString(found[1]) && !declared[""][found[1]] && !slices.Contains(files, found[1]) {
			t.Errorf("CONTRIBUTING.md names %s, which is declared nowhere", found[1])
		}
	}
}

// packageOf and nameIn are the two parts of a name such as connection.Kind[O, R]; empty where it is none.
func packageOf(name string) string { return qualified(name)[1] }
func nameIn(name string) string    { return qualified(name)[2] }

func qualified(name string) []string {
	parts := regexp.MustCompile(`^([a-z]\w*)\.([a-zA-Z]\w*)(?:\[.*\])?$`).FindStringSubmatch(name)
	if parts == nil || parts[2] == "go" || parts[2] == "md" {
		return make([]string, 3)
	}
	return parts
}

// declarations are the names that each package of the repository declares; those of all packages, with fields as Go and JSON have
// them, stand under "".
func declarations(t *testing.T) map[string]map[string]bool {
	t.Helper()
	declared := map[string]map[string]bool{"": {"if": true}}
	for _, name := range walk(t, ".", ".go") {
		file := parse(t, name)
		of := strings.TrimSuffix(file.Name.Name, "_test")
		if declared[of] == nil {
			declared[of] = map[string]bool{}
		}
		for _, declaration := range declarationsOf(file) {
			declared[of][declaration], declared[""][declaration] = true, true
		}
		for _, field := range fieldsIn(file) {
			declared[""][field] = true
		}
	}
	return declared
}

// declarationsOf are the functions, methods, types, constants and variables of a file.
func declarationsOf(file *ast.File) []string {
	var names []string
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			names = append(names, d.Name.Name)
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

// fieldsIn are the fields and methods of a file's structs and interfaces, as Go and as JSON has them.
func fieldsIn(file *ast.File) []string {
	var names []string
	ast.Inspect(file, func(node ast.Node) bool {
		field, is := node.(*ast.Field)
		if !is {
			return true
		}
		for _, name := range field.Names {
			names = append(names, name.Name)
		}
		if field.Tag != nil {
			tag, _ := strconv.Unquote(field.Tag.Value)
			inJSON, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
			names = append(names, inJSON)
		}
		return true
	})
	return names
}

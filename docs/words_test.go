package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"
)

// refused are phrases that a reader has to guess at, each with a sentence that has it. CONTRIBUTING.md, Words, says how to write instead.
var refused = []struct {
	pattern *regexp.Regexp
	planted string
}{
	{regexp.MustCompile(`(?i)\bwish(ed|es)?\b`), "The manifest's wish is met."},
	{regexp.MustCompile(`(?i)cannot be meant`), "The certificate cannot be meant."},
	{regexp.MustCompile(`(?i)\blooks? again\b`), "The operator looks again in a minute."},
	{regexp.MustCompile(`(?i)next look`), "It is tried again at the next look."},
	{regexp.MustCompile(`(?i)looked at`), "The connection is not looked at."},
	{regexp.MustCompile(`(?i)\bby itself\b`), "It is tried again by itself."},
	{regexp.MustCompile(`(?i)\bbeside\b`), "Put the new one beside the old one."},
	{regexp.MustCompile(`(?i)\bstands? as\b`), "Stalled stands as True."},
	{regexp.MustCompile(`(?i)(certificate|token|it) ends\b`), "The certificate ends in a month."},
	{regexp.MustCompile(`(?i)has ended`), "The certificate has ended."},
	{regexp.MustCompile(`(?i)calls the connection`), "Stytch calls the connection active."},
}

// passage is something that people read, in one line, and where it stands.
type passage struct{ at, text string }

func TestTheWordsThatPeopleReadArePlain(t *testing.T) {
	for _, p := range passages(t) {
		for _, r := range refused {
			if at := r.pattern.FindStringIndex(p.text); at != nil {
				t.Errorf("%s says %q: … %s …", p.at, p.text[at[0]:at[1]], p.text[max(0, at[0]-60):min(len(p.text), at[1]+60)])
			}
		}
	}
}

// passages are all that people read: what the programs say, the CRDs, the pages and the comments of the samples.
func passages(t *testing.T) []passage {
	t.Helper()
	var all []passage
	for _, dir := range []string{"api", "cmd", "controllers", "internal/connection"} {
		for _, name := range sources(t, dir) {
			all = append(all, inGo(t, name, read(t, name))...)
		}
	}
	for _, name := range walk(t, "config/crd/bases", ".yaml") {
		all = append(all, inCRD(t, name, read(t, name))...)
	}
	for _, name := range walk(t, "config/samples", ".yaml") {
		all = append(all, inComments(name, read(t, name))...)
	}
	for name, text := range pages(t) {
		if !strings.HasPrefix(name, "docs/design/") {
			all = append(all, inMarkdown(name, text)...)
		}
	}
	return all
}

// inGo are the strings of a file, those that are put together with + as one.
func inGo(t *testing.T, name, text string) []passage {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var found []passage
	ast.Inspect(file, func(node ast.Node) bool {
		if e, is := node.(ast.Expr); is && literal(e) != "" {
			found = append(found, passage{files.Position(e.Pos()).String(), unwrapped(literal(e))})
		}
		return true
	})
	return found
}

// literal is the text of a string, or of several that are put together; what stands between them is left out.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, _ := strconv.Unquote(e.Value)
			return text
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return literal(e.X) + literal(e.Y)
		}
	}
	return ""
}

// inCRD are the strings of a CRD: its descriptions, and the messages of its rules.
func inCRD(t *testing.T, name, text string) []passage {
	t.Helper()
	var crd any
	if err := yaml.Unmarshal([]byte(text), &crd); err != nil {
		t.Fatal(err)
	}
	return inValue(name, crd)
}

func inValue(at string, value any) []passage {
	var found []passage
	switch v := value.(type) {
	case string:
		found = append(found, passage{at, unwrapped(v)})
	case []any:
		for i, item := range v {
			found = append(found, inValue(fmt.Sprintf("%s[%d]", at, i), item)...)
		}
	case map[string]any:
		for key, item := range v {
			found = append(found, inValue(at+"."+key, item)...)
		}
	}
	return found
}

// inMarkdown are the paragraphs of a page, with its blocks of code, and the rows of its tables.
func inMarkdown(name, text string) []passage { return paragraphs(name, strings.Split(text, "\n")) }

// inComments are the comments of a manifest.
func inComments(name, text string) []passage {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		_, comment, _ := strings.Cut(line, "#")
		lines[i] = strings.TrimSpace(comment)
	}
	return paragraphs(name, lines)
}

// paragraphs are lines between empty ones, put together, with the number of the first. A row of a table is one of its own.
func paragraphs(name string, lines []string) []passage {
	var found []passage
	inOne := false
	for i, line := range lines {
		line = strings.TrimSpace(line)
		isRow := strings.HasPrefix(line, "|")
		switch {
		case line == "":
		case inOne && !isRow:
			found[len(found)-1].text += " " + line
		default:
			found = append(found, passage{fmt.Sprintf("%s:%d", name, i+1), line})
		}
		inOne = line != "" && !isRow
	}
	return found
}

// Each phrase is planted, over two lines where it can be, wherever people read.
func TestEveryRefusedPhraseIsSeen(t *testing.T) {
	for _, r := range refused {
		first, second, _ := strings.Cut(r.planted, " ")
		for where, found := range map[string][]passage{
			"Go":       inGo(t, "planted.go", fmt.Sprintf("package p\nvar message = %q +\n%q\n", first+" ", second)),
			"a format": inGo(t, "planted.go", fmt.Sprintf("package p\nfunc f() { say(%q, 1) }\n", "%d: "+r.planted)),
			"Markdown": inMarkdown("planted.md", "# Page\n\n"+strings.ReplaceAll(r.planted, " ", "\n")+"\n"),
			"a table":  inMarkdown("planted.md", "| a | b |\n|---|---|\n| x | "+r.planted+" |\n"),
			"a CRD":    inCRD(t, "planted.yaml", "spec:\n  versions:\n  - description: |-\n      "+first+"\n      "+second+"\n"),
			"a sample": inComments("planted.yaml", "spec:\n  # "+first+"\n  # "+second+"\n  a: b\n"),
		} {
			if !slices.ContainsFunc(found, func(p passage) bool { return r.pattern.MatchString(p.text) }) {
				t.Errorf("%s: %q is not seen in %s: %v", r.pattern, r.planted, where, found)
			}
		}
	}
}

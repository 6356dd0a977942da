package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	codeSpan = regexp.MustCompile("`[^`\n]*`")
)

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	for name, text := range pages(t) {
		for _, found := range link.FindAllStringSubmatch(codeSpan.ReplaceAllString(withoutCode(text), ""), -1) {
			if !strings.Contains(found[1], "://") && !leads(t, name, found[1]) {
				t.Errorf("%s links to %s, which is not there", name, found[1])
			}
		}
	}
}

func TestALinkToNothingIsSeen(t *testing.T) {
	for to, there := range map[string]bool{
		"conditions.md": true, "conditions.md#insync": true, "#pace": true, "../README.md#install": true, "design": true,
		"nothing.md": false, "conditions.md#nothing": false, "#nothing": false, "conditions.md#InSync": false,
	} {
		if leads(t, "docs/operations.md", to) != there {
			t.Errorf("a link of docs/operations.md to %s leads somewhere: %t, want %t", to, !there, there)
		}
	}
}

// leads says whether a link of a page leads to a file or directory that is there, and to a heading in it.
func leads(t *testing.T, page, link string) bool {
	t.Helper()
	file, anchor, _ := strings.Cut(link, "#")
	target := page
	if file != "" {
		target = filepath.Join(filepath.Dir(page), file)
	}
	if _, err := os.Stat(filepath.Join(top, target)); err != nil {
		return false
	}
	return anchor == "" || slices.Contains(anchors(read(t, target)), anchor)
}

// anchors are the headings of a page as GitHub links to them. The second of one text gets -1, and so on.
func anchors(text string) []string {
	var out []string
	seen := map[string]int{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(withoutCode(text), -1) {
		words := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		anchor := strings.ReplaceAll(words, " ", "-")
		if n := seen[anchor]; n > 0 {
			out = append(out, fmt.Sprintf("%s-%d", anchor, n))
		} else {
			out = append(out, anchor)
		}
		seen[anchor]++
	}
	return out
}

func TestTheReadmeListsEveryPage(t *testing.T) {
	readme := read(t, "README.md")
	for name := range pages(t) {
		if name != "README.md" && !strings.Contains(readme, "]("+name+")") {
			t.Errorf("README.md does not list %s", name)
		}
	}
}

// The newcomer finds what it does and how to try it on the first screen, and the rest soon after.
func TestTheReadmeIsShort(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(read(t, "README.md"), "\n"), "\n")
	if len(lines) > 170 {
		t.Errorf("README.md has %d lines, at most 170 are read", len(lines))
	}
	first := strings.Join(lines[:min(len(lines), 40)], "\n")
	if !strings.Contains(first, "make demo") {
		t.Error("the first 40 lines of README.md do not say how to try it")
	}
}

// Package docs_test holds the documentation to the code that it describes.
//
//	manifests_test.go    each manifest is accepted by the API server
//	explained_test.go    what a user can meet has a place where it is explained
//	conditions_test.go   the page of conditions and reasons is whole, and names nothing that does not exist
//	messages_test.go     the messages that pages explain have reasons and words that exist
//	links_test.go        each link leads somewhere, and README lists each page
//	drift_test.go        numbers, flags, metrics and annotations are those of the code
//	names_test.go        files and functions that are named exist
//	words_test.go        the words are plain
//	alerts_test.go       each alert has a runbook, and metrics that exist
//	security_test.go     what the threat model says of roles, quotas and the network is so
//
// This file reads: pages, and the files that they describe.
package docs_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// top is the directory of the repository, from here.
const top = ".."

// pages are the files of documentation: their texts, by their path from the top of the repository.
func pages(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/gitops/*.md", "docs/design/*.md", "config/samples/*.md", "charts/*/*.md"} {
		for _, name := range glob(t, pattern) {
			texts[name] = read(t, name)
		}
	}
	return texts
}

// read is the text of a file, by its path from the top.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// glob are the files that match a pattern, by their path from the top.
func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(top, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return fromTop(t, found)
}

// walk are the files below a directory whose name ends in a suffix, by their path from the top. What is built, and what git keeps,
// is left out.
func walk(t *testing.T, dir, suffix string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(filepath.Join(top, dir), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{"bin", "dist", ".git"}, entry.Name()):
			return filepath.SkipDir
		case !entry.IsDir() && strings.HasSuffix(path, suffix):
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fromTop(t, found)
}

func fromTop(t *testing.T, paths []string) []string {
	t.Helper()
	for i, path := range paths {
		name, err := filepath.Rel(top, path)
		if err != nil {
			t.Fatal(err)
		}
		paths[i] = filepath.ToSlash(name)
	}
	return paths
}

// sources are the files of Go below a directory, without tests and what tests share.
func sources(t *testing.T, dir string) []string {
	t.Helper()
	return slices.DeleteFunc(walk(t, dir, ".go"), func(name string) bool {
		return strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "internal/connection/connectiontest/")
	})
}

// matches are what the first group of a pattern matches in files, each once. It fails where there is none: then the pattern is out
// of date, and what it should find is no longer held.
func matches(t *testing.T, files []string, pattern string) []string {
	t.Helper()
	var found []string
	for _, name := range files {
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(read(t, name), -1) {
			found = append(found, match[1])
		}
	}
	if len(found) == 0 {
		t.Errorf("nothing in %v looks like %s any more", files, pattern)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// withoutCode is a page without its blocks of code.
func withoutCode(text string) string {
	return regexp.MustCompile("(?ms)^ *```.*?^ *```$").ReplaceAllString(text, "")
}

// section is what stands below a heading of a page, up to the next heading of the same level or above.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	level := len(heading) - len(strings.TrimLeft(heading, "#"))
	_, rest, found := strings.Cut("\n"+text, "\n"+heading+"\n")
	if !found {
		t.Fatalf("there is no heading %q", heading)
	}
	if next := regexp.MustCompile(fmt.Sprintf(`(?m)^#{1,%d} `, level)).FindStringIndex(rest); next != nil {
		return rest[:next[0]]
	}
	return rest
}

// onlyIn are what one list has and the other has not.
func onlyIn(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(name string) bool { return slices.Contains(other, name) })
}

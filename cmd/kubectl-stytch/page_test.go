package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// transcriptBlock is a block of the page that shows a terminal.
var transcriptBlock = regexp.MustCompile("(?ms)^```\n(\\$ .*?)^```$")

// Each transcript of the page is what a golden file has, on both streams. In the page … stands for any text of a line and, alone in a
// line, for any lines.
func TestTheTranscriptsOfThePageAreWhatIsSaid(t *testing.T) {
	all, shown := transcripts(t), map[string]bool{}
	for _, block := range transcriptBlock.FindAllStringSubmatch(page(t), -1) {
		for _, one := range strings.Split("\n"+strings.TrimRight(block[1], "\n"), "\n$ ")[1:] {
			lines := strings.Split(one, "\n")
			shown[strings.Fields(lines[0])[2]] = true
			if !slices.ContainsFunc(all[lines[0]], func(said transcript) bool { return shows(lines[1:], said.out, said.err) }) {
				t.Errorf("the page has\n$ %s\nand the program says\n%+v", one, all[lines[0]])
			}
		}
	}
	for _, command := range []string{"plan", "import", "adopt", "status", "resync", "rotate", "version"} {
		if !shown[command] {
			t.Errorf("the page does not show what %s says", command)
		}
	}
}

// shows says that lines of the page are those of both streams, each in its order.
func shows(lines, out, err []string) bool {
	switch {
	case len(lines) == 0:
		return len(out)+len(err) == 0
	case lines[0] == "…":
		return shows(lines[1:], out, err) || len(out) > 0 && shows(lines, out[1:], err) || len(err) > 0 && shows(lines, out, err[1:])
	}
	parts := strings.Split(lines[0], "…")
	for n := range parts {
		parts[n] = regexp.QuoteMeta(parts[n])
	}
	like := regexp.MustCompile("^" + strings.Join(parts, ".*") + "$")
	return len(out) > 0 && like.MatchString(out[0]) && shows(lines[1:], out[1:], err) ||
		len(err) > 0 && like.MatchString(err[0]) && shows(lines[1:], out, err[1:])
}

func TestAPageThatSaysSomethingElseIsNoticed(t *testing.T) {
	out, err := []string{"a: b", "c"}, []string{"error: d"}
	for text, want := range map[string]bool{
		"a: b\nc\nerror: d": true, "error: d\na: b\nc": true, "a: …\n…": true, "…": true, "…\nerror: …": true,
		"a: b\nc": false, "c\na: b\nerror: d": false, "a: b\nc\nerror: e": false, "a: …x\n…": false, "…\nd": false, "a: b\nc\nerror: d\ne": false,
	} {
		if shows(strings.Split(text, "\n"), out, err) != want {
			t.Errorf("%q: want %t", text, want)
		}
	}
}

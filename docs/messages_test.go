package docs_test

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tableOfMessages is a table whose rows begin with a reason and a message.
var tableOfMessages = regexp.MustCompile(`(?m)^\| (?:reason|Ready is False with) \| message.*\n\|[-|]+\n((?:\|.*\n)+)`)

// The tables of messages on the pages of the kinds begin each row with a reason.
func TestTheTablesOfMessagesNameReasonsThatExist(t *testing.T) {
	rows := 0
	for name, text := range pages(t) {
		for _, found := range tableOfMessages.FindAllStringSubmatch(text, -1) {
			for _, row := range regexp.MustCompile("(?m)^\\| (?:`(\\w+)`|–) ").FindAllStringSubmatch(found[1], -1) {
				rows++
				if row[1] != "" && !slices.Contains(reasons(t), row[1]) {
					t.Errorf("%s explains a message of the reason %s, which does not exist", name, row[1])
				}
			}
		}
	}
	if rows == 0 {
		t.Error("no page has a table of messages that begins with reasons")
	}
}

// What these tables quote of a message, between one … and the next, is in the code.
func TestTheTablesOfMessagesQuoteMessagesOfTheCode(t *testing.T) {
	said := messages(t)
	for name, text := range pages(t) {
		for _, quote := range quotes(text) {
			if !slices.ContainsFunc(said, func(message string) bool { return strings.Contains(message, quote) }) {
				t.Errorf("%s quotes %q, which no message says", name, quote)
			}
		}
	}
}

// quotes are what a page's tables of messages quote.
func quotes(text string) []string {
	var found []string
	for _, table := range tableOfMessages.FindAllStringSubmatch(text, -1) {
		for row := range strings.SplitSeq(strings.TrimSpace(table[1]), "\n") {
			cell := code.ReplaceAllString(strings.Split(row, " | ")[1], "…")
			for _, quote := range regexp.MustCompile(`…|;`).Split(cell, -1) {
				if quote = strings.Trim(quote, " ,().:"); len(strings.Fields(quote)) > 1 {
					found = append(found, quote)
				}
			}
		}
	}
	return found
}

// messages are the strings of the code that decides and does, with … for what is filled in.
func messages(t *testing.T) []string {
	t.Helper()
	var said []string
	for _, name := range slices.Concat(sources(t, "internal/connection"), sources(t, "internal/stytch"), sources(t, "controllers")) {
		ast.Inspect(parse(t, name), func(node ast.Node) bool {
			if text, is := node.(*ast.BasicLit); is && text.Kind == token.STRING {
				unquoted, _ := strconv.Unquote(text.Value)
				said = append(said, regexp.MustCompile(`%[dsqv]`).ReplaceAllString(unquoted, "…"))
			}
			return true
		})
	}
	return said
}

func TestAQuoteThatNoMessageSaysIsSeen(t *testing.T) {
	page := "| reason | message | what to do |\n|---|---|---|\n| `Invalid` | spec.x (…) is not PEM …; … `an_error` of the planted kind | fix it |\n"
	if found := quotes(page); !slices.Equal(found, []string{"is not PEM", "of the planted kind"}) {
		t.Errorf("quotes of a table are %q", found)
	}
}

package stytch

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// longestMessage is how many runes of Stytch's error_message are shown.
const maxMessage = 200

var (
	pemBlock  = regexp.MustCompile(`(?s)-----BEGIN .*?(-----END [^-]*-----|$)`)
	objectID  = regexp.MustCompile(`^[a-z][a-z-]*-(test|live)-[0-9a-f-]{36}$`)
	timestamp = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:?\d\d)?`)
	wordsOnly = regexp.MustCompile(`^[a-z_-]+$`)
)

// clean makes one line of what the other side says: without what was sent as a
// secret, without what looks like one, and without what differs from one call to
// the next. It may take away too much; what is left goes into status, where
// everybody reads.
func clean(message string, hidden []string) string {
	message = pemBlock.ReplaceAllString(hide(strings.ToValidUTF8(message, ""), hidden), redacted)
	message = timestamp.ReplaceAllString(message, "[time]")
	words := strings.FieldsFunc(message, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) })
	for i, w := range words {
		words[i] = cleanWord(w)
	}
	// What is not printed may have stood in the middle of a secret.
	return printable(hide(printable(strings.Join(words, " "), len(message)), hidden), maxMessage)
}

func hide(message string, hidden []string) string {
	for _, h := range hidden {
		if len(h) < 4 {
			continue
		}
		for _, form := range []string{h, url.QueryEscape(h), url.PathEscape(h), strings.Trim(strconv.Quote(h), `"`)} {
			message = strings.ReplaceAll(message, form, redacted)
		}
	}
	return message
}

func cleanWord(word string) string {
	if strings.HasPrefix(strings.TrimLeft(word, `"'([`), "request-id-") {
		return "[request]"
	}
	if before, rest, isURL := strings.Cut(word, "://"); isURL {
		return cleanURL(before, rest)
	}
	parts := strings.FieldsFunc(word, func(r rune) bool { return strings.ContainsRune("\"'`=:,;.!?()[]{}<>/\\|&", r) })
	if slices.ContainsFunc(parts, secretLooking) {
		return redacted
	}
	return word
}

// cleanURL keeps where a URL leads: credentials and queries hold tokens.
func cleanURL(before, rest string) string {
	u, err := url.Parse("https://" + strings.TrimRight(rest, `"'.,;)]>`))
	if err != nil {
		return redacted
	}
	if slices.ContainsFunc(strings.Split(u.Path, "/"), secretLooking) {
		return redacted
	}
	return before + "://" + u.Host + u.EscapedPath()
}

// secretLooking reports whether a word is more like a token than like a word, a
// name or the ID of a Stytch object.
func secretLooking(word string) bool {
	if strings.HasPrefix(word, "secret-") || strings.HasPrefix(word, "eyJ") {
		return true
	}
	if objectID.MatchString(word) || wordsOnly.MatchString(word) {
		return false
	}
	return len(word) >= 32 || len(word) >= 16 && strings.ContainsAny(word, "0123456789") && strings.ContainsFunc(word, unicode.IsLetter)
}

// printable keeps at most so many runes and none that would not be seen.
func printable(s string, limit int) string {
	var kept []rune
	for _, r := range s {
		if !unicode.IsPrint(r) {
			continue
		}
		if len(kept) == limit {
			kept[limit-1] = '…'
			break
		}
		kept = append(kept, r)
	}
	return string(kept)
}

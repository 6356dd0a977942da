package stytch

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxMessage is the most runes shown of Stytch's error_message.
const maxMessage = 200

var (
	pemBlock  = regexp.MustCompile(`(?s)-----BEGIN .*?(-----END [^-]*-----|$)`)
	objectID  = regexp.MustCompile(`^[a-z][a-z-]*-(test|live)-[0-9a-f-]{36}$`)
	timestamp = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:?\d\d)?`)
	wordsOnly = regexp.MustCompile(`^[a-z_-]+$`)
	standards = regexp.MustCompile(`(^|_)(x509|pkcs[18]|saml2|oauth2|sha256)(_|$)`) // in the names of fields
)

// clean makes one line of a message of the other side. It removes the secrets in
// hidden, words that look like secrets, and what differs from call to call. It
// may remove too much: the result is shown in the status of objects.
func clean(message string, hidden []string) string {
	message = pemBlock.ReplaceAllString(hide(strings.ToValidUTF8(message, ""), hidden), redacted)
	message = timestamp.ReplaceAllString(message, "[time]")
	words := strings.FieldsFunc(message, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) })
	for i, w := range words {
		words[i] = cleanWord(w)
	}
	// Removing what is not printable may have put the parts of a secret together.
	return printable(hide(printable(strings.Join(words, " "), len(message)), hidden), maxMessage)
}

// hide replaces the secrets in hidden, in all forms in which they may be quoted.
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

// cleanURL keeps host and path of a URL: credentials and queries contain tokens.
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

// secretLooking reports whether a word looks like a token rather than like a
// word, a name or the ID of a Stytch object.
func secretLooking(word string) bool {
	if strings.HasPrefix(word, "secret-") || strings.HasPrefix(word, "eyJ") {
		return true
	}
	if objectID.MatchString(word) || wordsOnly.MatchString(standards.ReplaceAllString(word, "_")) {
		return false
	}
	return len(word) >= 32 || len(word) >= 16 && strings.ContainsAny(word, "0123456789") && strings.ContainsFunc(word, unicode.IsLetter)
}

// printable keeps at most limit runes, and only printable ones.
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

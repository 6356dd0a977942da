package stytchsim

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// The page sizes of what is listed in pages (openapi: limit).
const (
	defaultPage = 100
	largestPage = 1000
)

// pageOf is the page of a list that a cursor and a limit name, and the cursor of
// the page after it, "" for none.
//
// Source: openapi. A limit of 0 means the default, because stytch-go always sends
// one. That a limit beyond the largest is refused is inferred.
func pageOf[T any](all []T, cursor string, limit int) (page []T, next string, err error) {
	if limit < 0 || limit > largestPage {
		return nil, "", refuse("invalid_argument", "limit must be a number from 0 to %d.", largestPage)
	}
	if limit == 0 {
		limit = defaultPage
	}
	from, err := cursorOf(cursor, len(all))
	if err != nil {
		return nil, "", err
	}
	until := min(from+limit, len(all))
	if until < len(all) {
		next = base64.URLEncoding.EncodeToString([]byte("after:" + strconv.Itoa(until)))
	}
	return all[from:until], next, nil
}

func cursorOf(cursor string, items int) (int, error) {
	if cursor == "" {
		return 0, nil
	}
	plain, err := base64.URLEncoding.DecodeString(cursor)
	from, numeric := strconv.Atoi(strings.TrimPrefix(string(plain), "after:"))
	if err != nil || numeric != nil || from < 0 || from > items {
		return 0, refuse("invalid_argument", "cursor is not one that was given out.")
	}
	return from, nil
}

package stytchsim

import (
	"encoding/json"
	"io"
	"net/http"
)

// answer is a response: what is sent, and what the journal records of it.
type answer struct {
	status      int
	contentType string
	retryAfter  string
	errorType   string
	body        []byte
}

// envelope is a success: request_id and status_code beside the payload (openapi).
func envelope(d document, status int, requestID string) answer {
	d["request_id"], d["status_code"] = requestID, status
	return encoded(d, status)
}

// refused is an error answer (openapi: the examples of the error responses; live).
func refused(err error, requestID string) answer {
	r := asRefusal(err)
	a := encoded(document{
		"status_code":   r.status,
		"request_id":    requestID,
		"error_type":    r.errorType,
		"error_message": r.message,
		"error_url":     errorURL(r.status, r.errorType),
	}, r.status)
	a.errorType = r.errorType
	return a
}

func encoded(d document, status int) answer {
	data, err := json.Marshal(d)
	if err != nil { // cannot be: documents hold nothing but plain values
		panic(err)
	}
	return answer{status: status, contentType: "application/json", body: data}
}

func (a answer) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", a.contentType)
	if a.retryAfter != "" {
		w.Header().Set("Retry-After", a.retryAfter)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client may be gone
}

// cut closes the connection without a response.
//
// A few bytes are sent before: net/http's transport automatically repeats a GET
// on a reused connection that closes without a byte, and the repetition would
// hide the cut.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 ")
	_ = conn.Close()
}

package stytch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const defaultTimeout = 30 * time.Second

// newTransport returns a transport for about twenty concurrent calls to one host.
// It speaks HTTP/1.1 only: see requestBody.
func newTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,

		OnProxyConnectResponse: refusedByProxy,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    20,
		IdleConnTimeout:        30 * time.Second,
		Protocols:              protocols,
	}
}

// decoder decodes the body of a 2xx response.
type decoder func(ctx context.Context, body io.Reader) error

// send makes one HTTP request and decodes the body of a 2xx response. It does not
// check the gate.
func (s *Service) send(ctx context.Context, a *account, op call, into decoder) (Request, *Error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	start := s.now()
	request, err := s.exchange(ctx, a, op, into)
	if err == nil || !errors.Is(err, errUnsent) {
		s.metrics.observe(request, request.Time.Sub(start))
	}
	return request, err
}

func (s *Service) exchange(ctx context.Context, a *account, op call, into decoder) (Request, *Error) {
	ctx, cancel := askOnConnection(ctx, op.permit)
	defer cancel(nil)
	request := Request{Operation: op.operation}
	out, problem := newRequest(ctx, a, op, s.userAgent)
	if ended := ctx.Err(); problem != "" || ended != nil {
		err := notSentError(op.operation, s.now(), problem, ended)
		return err.Request, err
	}
	response, err := s.client.Do(out)
	if err != nil {
		request.Time = s.now()
		if held := HeldBack(context.Cause(ctx)); held != nil {
			failed := notSentError(op.operation, request.Time, "", held)
			return failed.Request, failed
		}
		return request, transportError(request, s.timeout, err)
	}
	defer func() {
		// The rest is read, up to a limit, so that the connection can be reused.
		_, _ = io.CopyN(io.Discard, response.Body, 256<<10)
		_ = response.Body.Close()
	}()
	request.StatusCode = response.StatusCode
	if response.StatusCode < 200 || response.StatusCode > 299 {
		body, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		request.Time = s.now()
		failed := responseError(request, response.Header, body, a.hidden(op))
		return failed.Request, failed
	}
	err = into(ctx, response.Body)
	request.Time = s.now()
	return request, answerError(request, response.Header, s.timeout, err)
}

// newRequest returns the request, or the problem that prevents it from being sent.
func newRequest(ctx context.Context, a *account, op call, userAgent string) (out *http.Request, problem string) {
	credentials := a.credentials()
	root, err := url.Parse(strings.TrimRight(credentials.BaseURL, "/"))
	if err != nil || root.Host == "" || root.User != nil || root.RawQuery != "" || root.ForceQuery || root.Fragment != "" {
		return nil, "the base URL is invalid"
	}
	var target strings.Builder
	target.WriteString(root.String())
	for _, segment := range op.path {
		if segment == "" || segment == "." || segment == ".." {
			return nil, `an ID in the request path is empty, "." or ".."`
		}
		target.WriteString("/" + url.PathEscape(segment))
	}
	if len(op.query) > 0 {
		target.WriteString("?" + op.query.Encode())
	}
	body, problem := requestBody(op)
	if problem != "" {
		return nil, problem
	}
	out, err = http.NewRequestWithContext(ctx, op.method, target.String(), body)
	if err != nil {
		return nil, "the request cannot be built"
	}
	out.SetBasicAuth(credentials.ProjectID, credentials.Secret.Reveal())
	out.Header.Set("User-Agent", userAgent)
	out.Header.Set("Content-Type", "application/json")
	out.Header.Set("Accept", "application/json")
	if m, sent := a.sender(op); sent {
		if !IsSession(m.Session) { // without it the project's secret may do everything
			return nil, "the session of the member is not a session token or session JWT"
		}
		out.Header.Set(m.header(), m.Session.Reveal())
	}
	return out, ""
}

// requestBody returns the body to send. A GET gets an empty body that is not
// sent: net/http repeats a GET without a body automatically when a reused
// connection breaks, and a call must be sent at most once.
func requestBody(op call) (body io.Reader, problem string) {
	switch op.method {
	case http.MethodGet:
		return emptyBody{}, ""
	case http.MethodPost, http.MethodPut:
		raw, err := op.fields.encode()
		if err != nil {
			return nil, err.Error()
		}
		return bytes.NewReader(raw), ""
	}
	return nil, ""
}

// emptyBody is an empty body that is not http.NoBody.
type emptyBody struct{}

func (emptyBody) Read([]byte) (int, error) { return 0, io.EOF }

// noRedirect returns a redirect as the response: credentials must not be sent to
// another host.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

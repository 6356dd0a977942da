package stytch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sync/semaphore"
)

// The most that is read of an answer.
const (
	maxAnswer = 1 << 20 // bytes of an answer that is no list
	// maxList is the most bytes of a list, all its pages together. That of a thousand SAML connections with five certificates
	// each is about 15 MiB.
	maxList = 64 << 20
	// maxBeside is how much of a list is read beside other lists. From there on it is read alone.
	maxBeside = 4 << 20
	// maxValue is the most bytes of one value in a list, such as a connection: no more of its JSON is held.
	maxValue = 4 << 20
	// maxConnections is the most connections of an organization, and maxGroups the most groups of a connection.
	maxConnections = 5000
	maxGroups      = 100_000
)

// limitError names the limit that an answer exceeds.
type limitError string

func (t limitError) Error() string { return string(t) }

// errForeign is the error of an answer that is not from Stytch.
var errForeign = errors.New("not from Stytch")

// decodeAnswer decodes the body of a 2xx response. An error that is neither limitError nor errForeign is one of the network.
func decodeAnswer[R reply](ctx context.Context, body io.Reader, s *Service, size *listSize, answer *R) error {
	if size != nil {
		return decodeList(ctx, body, s.largeLists, size, any(answer).(listReply)) //nolint:forcetypeassert // a call with a size is that of a list
	}
	raw, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	switch {
	case err != nil:
		return err
	case len(raw) > maxAnswer:
		return limitError("the response is too large")
	case decode(raw, answer) != nil || !(*answer).fromStytch():
		return errForeign
	}
	return nil
}

// listReply is a reply that is decoded element by element, since the JSON of a list may be large, and several times as large as
// what is kept of it.
type listReply interface {
	reply
	// parts are where its fields go: each is a pointer to decode into, or a func(*listDecoder) error.
	parts() map[string]any
}

// listSize is how much of a list has been read, all its pages together.
type listSize struct {
	bytes    int64
	elements int
	// most is the most elements, which are of this kind.
	most int
	kind string
}

func decodeList(ctx context.Context, body io.Reader, large *semaphore.Weighted, size *listSize, answer listReply) error {
	in := &listReader{ctx: ctx, body: body, large: large, size: size}
	defer in.close()
	d := &listDecoder{json: json.NewDecoder(in), size: size}
	d.json.UseNumber() // a number that is skipped need not fit
	in.decoded = d.json.InputOffset
	err := d.object(answer.parts())
	if err == nil {
		err = d.end()
	}
	_, beyond := errors.AsType[limitError](err)
	switch {
	case in.failed != nil:
		return in.failed
	case beyond:
		return err
	case err != nil || !answer.fromStytch():
		return errForeign
	}
	return nil
}

// listReader reads the body of a list within the limits.
type listReader struct {
	ctx     context.Context //nolint:containedctx // that of the one call whose body it reads
	body    io.Reader
	large   *semaphore.Weighted
	alone   bool
	decoded func() int64 // how far the body has been decoded
	offset  int64        // in the body
	size    *listSize
	failed  error // the first error that is not the end
}

// step is the most that is read at once, so that not much more is held than the value that is being decoded.
const step = 32 << 10

func (r *listReader) Read(p []byte) (int, error) {
	if r.failed == nil {
		r.failed = r.admit()
	}
	if r.failed != nil {
		return 0, r.failed
	}
	n, err := r.body.Read(p[:min(len(p), step)])
	r.offset += int64(n)
	r.size.bytes += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		r.failed = err
	}
	return n, err
}

// admit says why no more may be read. A large list waits here until it is the only one: whoever reads one already waits for
// nothing but its body, and both end with the time of their call.
func (r *listReader) admit() error {
	switch {
	case r.size.bytes > maxList:
		return limitError(fmt.Sprintf("the list is larger than %d MiB", maxList>>20))
	case r.offset-r.decoded() > maxValue:
		return limitError(fmt.Sprintf("the list has a value larger than %d MiB", maxValue>>20))
	case r.size.bytes > maxBeside && !r.alone:
		if err := r.large.Acquire(r.ctx, 1); err != nil {
			return err
		}
		r.alone = true
	}
	return nil
}

func (r *listReader) close() {
	if r.alone {
		r.large.Release(1)
	}
}

// listDecoder decodes an object with lists as encoding/json does, but holds no more of it than one value.
type listDecoder struct {
	json *json.Decoder
	size *listSize
}

// object decodes an object into its parts. Null is an object without fields.
func (d *listDecoder) object(parts map[string]any) error {
	token, err := d.json.Token()
	if err != nil || token == nil {
		return err
	}
	if token != json.Delim('{') {
		return errForeign
	}
	for d.json.More() {
		name, err := d.json.Token()
		if err != nil {
			return err
		}
		if err := d.part(partNamed(parts, fmt.Sprint(name))); err != nil {
			return err
		}
	}
	_, err = d.json.Token()
	return err
}

// partNamed finds a part as encoding/json does: by its name, or else by one that differs in case. A nil part is skipped.
func partNamed(parts map[string]any, name string) any {
	if part, found := parts[name]; found {
		return part
	}
	for other, part := range parts {
		if strings.EqualFold(other, name) {
			return part
		}
	}
	return nil
}

func (d *listDecoder) part(part any) error {
	switch p := part.(type) {
	case nil:
		return d.skip()
	case func(*listDecoder) error:
		return p(d)
	default:
		return d.json.Decode(p)
	}
}

// skip reads a value that nobody wants.
func (d *listDecoder) skip() error {
	for depth := 0; ; {
		token, err := d.json.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// end says whether nothing but white space follows.
func (d *listDecoder) end() error {
	if _, err := d.json.Token(); !errors.Is(err, io.EOF) {
		return errors.Join(errForeign, err)
	}
	return nil
}

// listOf decodes an array or null into a list, of which all elements are made canonical as they come.
func listOf[W, C any](list *[]C, one func(W) C) func(*listDecoder) error {
	return func(d *listDecoder) error {
		*list = nil
		token, err := d.json.Token()
		if err != nil || token == nil {
			return err
		}
		if token != json.Delim('[') {
			return errForeign
		}
		for d.json.More() {
			if d.size.elements++; d.size.elements > d.size.most {
				return limitError(fmt.Sprintf("the list has more than %d %s", d.size.most, d.size.kind))
			}
			var w W
			if err := d.json.Decode(&w); err != nil {
				return err
			}
			*list = append(*list, one(w))
		}
		_, err = d.json.Token()
		return err
	}
}

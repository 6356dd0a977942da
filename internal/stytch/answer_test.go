package stytch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// wholeSSO is a list of connections as encoding/json decodes it whole.
type wholeSSO struct {
	envelope
	SAML     []wireSAML     `json:"saml_connections"`
	OIDC     []wireOIDC     `json:"oidc_connections"`
	External []wireExternal `json:"external_connections"`
}

func (w wholeSSO) reply() *ssoReply {
	return &ssoReply{w.envelope, SSOConnections{
		convert(w.SAML, wireSAML.connection), convert(w.OIDC, wireOIDC.connection), convert(w.External, wireExternal.connection),
	}}
}

// wholeGroups is a page of groups as encoding/json decodes it whole.
type wholeGroups struct {
	envelope
	Groups     []wireGroup `json:"scim_groups"`
	NextCursor string      `json:"next_cursor"`
}

func (w wholeGroups) reply() *groupsReply {
	return &groupsReply{w.envelope, convert(w.Groups, wireGroup.group), w.NextCursor}
}

func readList(body io.Reader, into listReply) error {
	return decodeList(context.Background(), body, semaphore.NewWeighted(1), &listSize{most: maxGroups}, into)
}

func bothListsAsWhole(t *testing.T, body []byte) {
	t.Helper()
	sameAsWhole(t, body, wholeSSO.reply, func() *ssoReply { return &ssoReply{} })
	sameAsWhole(t, body, wholeGroups.reply, func() *groupsReply { return &groupsReply{} })
}

// sameAsWhole says that a list is read as encoding/json reads it whole, or refused where that refuses it.
func sameAsWhole[W any, R listReply](t *testing.T, body []byte, reply func(W) R, empty func() R) {
	t.Helper()
	var whole W
	refused := json.Unmarshal(body, &whole) != nil || !reply(whole).fromStytch()
	for _, in := range []io.Reader{bytes.NewReader(body), iotest.OneByteReader(bytes.NewReader(body)), iotest.DataErrReader(bytes.NewReader(body))} {
		got := empty()
		if err := readList(in, got); (err != nil) != refused {
			t.Fatalf("%.2000q is refused: %v, want %t", body, err, refused)
		}
		if want := reply(whole); !refused && !reflect.DeepEqual(got, want) {
			t.Fatalf("%.2000q\nread %+v\nwant %+v", body, got, want)
		}
	}
}

// repeats says that an object has a field twice, which encoding/json merges.
func repeats(body []byte) bool {
	d := json.NewDecoder(bytes.NewReader(body))
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return false
	}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		var value json.RawMessage
		name, is := token.(string)
		name = foldOf(name)
		if !is || err != nil || d.Decode(&value) != nil || seen[name] {
			return seen[name]
		}
		seen[name] = true
	}
	return false
}

// foldOf is the same for names that encoding/json takes for one.
func foldOf(name string) string {
	return strings.NewReplacer("ſ", "s", "\u212a", "k").Replace(strings.ToLower(name))
}

var listsOfEveryForm = []string{
	``, ` `, `null`, `{}`, `[]`, `"x"`, `1`, `nul`, `{`, `{"request_id"`, `{"request_id":`, `{"request_id":"r"`, `{"request_id":"r",`, `{"request_id":"r",}`,
	`{"request_id":"r"}`, " {\n\"request_id\" : \"r\"\t}\r\n", `{"request_id":"r"}x`, `{"request_id":"r"}{}`, `{"request_id":"r"}}`, `{"request_id":"r"]`,
	`{"request_id":null,"status_code":200}`, `{"request_id":1}`, `{"status_code":200.0}`, `{"status_code":1e999}`, `{"status_code":"200"}`,
	`{"REQUEST_ID":"r","SAML_connections":[{"Connection_ID":"a"}]}`, `{"reque\u0073t_id":"r","scim_group\u0073":[{"group_id":"a"}]}`, `{"reque` + "ſ" + `t_id":"r"}`,
	`{"request_id":"r","error_type":"t"}`, `{"request_id":"r","error_type":{"a":1}}`, `{"request_id":"r","error_type":"","error_message":null}`,
	`{"saml_connections":[{"connection_id":"a"}],"oidc_connections":[{"connection_id":"b"},{}],"external_connections":[null],"request_id":"r"}`,
	`{"request_id":"r","saml_connections":null,"scim_groups":null,"next_cursor":null}`, `{"request_id":"r","saml_connections":[],"scim_groups":[]}`,
	`{"request_id":"r","saml_connections":{},"scim_groups":{}}`, `{"request_id":"r","saml_connections":"x","scim_groups":1}`,
	`{"request_id":"r","saml_connections":[1],"scim_groups":["a"]}`, `{"request_id":"r","saml_connections":[[]],"scim_groups":[[]]}`,
	`{"request_id":"r","saml_connections":[{}{}],"scim_groups":[{}{}]}`, `{"request_id":"r","saml_connections":[{},],"scim_groups":[{},]}`,
	`{"request_id":"r","saml_connections":[,{}],"scim_groups":[,{}]}`, `{"request_id":"r","saml_connections":[{}},"scim_groups":[{}}`,
	`{"request_id":"r" "saml_connections":[]}`, `{"request_id":"r","saml_connections"[]}`, `{"request_id":"r","saml_connections":[{"status":1}]}`,
	`{"new":{"a":[1,{"b":null}],"c":"d"},"request_id":"r","other":[[],[{}]],"more":1e999,"scim_groups":[{"group_id":"1","group_name":"a","new":[{}]}],"next_cursor":"c"}`,
	`{"new":{"a":[1,}],"request_id":"r"}`, `{"new":tru,"request_id":"r"}`, `{"new":[,"request_id":"r"}`, `{1:2,"request_id":"r"}`, `{"request_id":"r",,"a":1}`,
	"{\"request_id\":\"r\",\"saml_connections\":[{\"connection_id\":\"\xff\",\"display_name\":\"\\ud800\"}],\"scim_groups\":[{\"group_id\":\"\xff\"}]}",
	"{\"request_id\":\"r\",\"saml_connections\":[{\"display_name\":\"a\nb\"}],\"scim_groups\":[{\"group_name\":\"a\x00b\"}]}",
	`{"request_id":"r","saml_connections":[{"connection_id":"b","attribute_mapping":{"email":"NameID","nested":{ "a" : 1 },"none":null},
		"verification_certificates":[{"certificate_id":"k","certificate":null,"expires_at":"whenever"}],"new_field":true}]}`,
	`{"request_id":"r","oidc_connections":[{"connection_id":"b","client_secret":{}},{"connection_id":"a","client_secret":"***"}]}`,
	strings.Repeat("[", 20000), `{"request_id":"r","new":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`,
}

func TestAListIsReadAsIfItWereDecodedWhole(t *testing.T) {
	for _, body := range listsOfEveryForm {
		bothListsAsWhole(t, []byte(body))
	}
}

func FuzzAListIsReadAsIfItWereDecodedWhole(f *testing.F) {
	for _, body := range listsOfEveryForm {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if !repeats(body) {
			bothListsAsWhole(t, body)
		}
	})
}

func TestTheListsOfTheSimulatorAreReadAsIfTheyWereDecodedWhole(t *testing.T) {
	text, _ := certificate(t, "idp")
	for _, s := range []stytchsim.Switches{
		{},
		{Lists: "null", Strings: "null", Timestamps: "nanoseconds", PEM: "crlf", UnsetMapping: "null"},
		{Lists: "absent", Strings: "absent", Timestamps: "absent", PEM: "one-line", UnsetMapping: "absent"},
	} {
		w := newWorld(t, s)
		caller := w.caller("uid")
		for i := range 3 {
			c := w.saml(caller, fmt.Sprint(i))
			_, _, err := caller.UpdateSAML(ctx(t), w.org, c.ConnectionID, Fields{
				"x509_certificate": text, "attribute_mapping": map[string]string{"email": "NameID", "full_name": "name"},
				"saml_connection_implicit_role_assignments": []map[string]string{{"role_id": "viewer"}},
			})
			must(t, err)
			w.oidc(caller, fmt.Sprint(i))
		}
		request := httptest.NewRequestWithContext(ctx(t), http.MethodGet, "/v1/b2b/sso/"+w.org, nil)
		request.SetBasicAuth(stytchsim.DefaultProjectID, stytchsim.DefaultSecret)
		request.Header.Set("User-Agent", "test")
		answer := httptest.NewRecorder()
		w.ServeHTTP(answer, request)
		if answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), `"saml_connections"`) {
			t.Fatalf("%d %s", answer.Code, answer.Body)
		}
		bothListsAsWhole(t, answer.Body.Bytes())
	}
}

func TestTheLastOfTwoListsCounts(t *testing.T) {
	var r ssoReply
	must(t, readList(strings.NewReader(`{"request_id":"r","saml_connections":[{"connection_id":"a"},{"connection_id":"b"}],"saml_connections":[{"status":"c"}]}`), &r))
	if want := []SAMLConnection{{Connection: Connection{Status: "c"}}}; !reflect.DeepEqual(r.SAML, want) {
		t.Errorf("read %+v", r.SAML)
	}
}

// bodies of lists that are as large as they may be, and a little larger.
func manyConnections(n int, padding string) io.Reader {
	readers := []io.Reader{strings.NewReader(`{"saml_connections":[{"connection_id":"0"}`)}
	for i := range n - 1 {
		readers = append(readers, strings.NewReader(fmt.Sprintf(`,{"connection_id":"%d","padding":"`, i+1)), strings.NewReader(padding), strings.NewReader(`"}`))
	}
	return io.MultiReader(append(readers, strings.NewReader(`],"request_id":"r"}`))...)
}

func TestAListIsReadUpToItsLimits(t *testing.T) {
	mebibyte := strings.Repeat("x", 1<<20)
	for _, c := range []struct {
		name string
		body func() io.Reader
		says string
	}{
		{"5,000 connections", func() io.Reader { return manyConnections(5000, "") }, ""},
		{"5,001 connections", func() io.Reader { return manyConnections(5001, "") }, "the list has more than 5000 connections"},
		{"63 MiB", func() io.Reader { return manyConnections(64, mebibyte) }, ""},
		{"66 MiB", func() io.Reader { return manyConnections(67, mebibyte) }, "the list is larger than 64 MiB"},
		{"white space", func() io.Reader {
			return io.MultiReader(strings.NewReader(`{"request_id":"r"}`), strings.NewReader(strings.Repeat(" ", maxList+1)))
		}, "the list has a value larger than 4 MiB"},
		{"a connection of 3.5 MiB", func() io.Reader { return manyConnections(2, strings.Repeat("x", 7<<19)) }, ""},
		{"a connection of 5 MiB", func() io.Reader { return manyConnections(2, strings.Repeat("x", 5<<20)) }, "the list has a value larger than 4 MiB"},
		{"a field of 5 MiB", func() io.Reader {
			return strings.NewReader(`{"request_id":"r","new":"` + strings.Repeat("x", 5<<20) + `"}`)
		}, "the list has a value larger than 4 MiB"},
		{"a name of 5 MiB", func() io.Reader {
			return strings.NewReader(`{"request_id":"r","` + strings.Repeat("x", 5<<20) + `":1}`)
		}, "the list has a value larger than 4 MiB"},
		{"a new field of 6 MiB in small values", func() io.Reader {
			return strings.NewReader(`{"request_id":"r","new":[` + strings.Repeat("1,", 3<<20) + `1]}`)
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			caller := answering(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, c.body()) })
			_, err := caller.SSO(ctx(t), someone, start)
			if c.says == "" {
				must(t, err)
				return
			}
			if e := readError(t, err).Err; e.Class != Unavailable || e.Message != c.says || e.StatusCode != http.StatusOK {
				t.Errorf("says %q (%+v), want %q", e.Message, e, c.says)
			}
		})
	}
}

func TestTheGroupsOfAllPagesAreLimitedTogether(t *testing.T) {
	var pages atomic.Int64
	padding := strings.Repeat("x", 3<<20)
	caller := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"request_id":"r","scim_groups":[{"group_id":"g","new":%q}],"next_cursor":"%d"}`, padding, pages.Add(1))
	})
	_, err := caller.SCIMGroups(ctx(t), someone, "c", start)
	if e := readError(t, err).Err; e.Message != "the list is larger than 64 MiB" || pages.Load() != 22 {
		t.Errorf("after %d pages: %v", pages.Load(), e)
	}
	caller = answering(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"request_id":"r","scim_groups":[{"group_id":"g"}%s]}`, strings.Repeat(`,{"group_id":"g"}`, maxGroups))
	})
	_, err = caller.SCIMGroups(ctx(t), someone, "c", start)
	if e := readError(t, err).Err; e.Message != "the list has more than 100000 groups" {
		t.Errorf("says %v", e)
	}
}

// large is a list of 6 MiB in small connections, in two parts.
func large() (first, rest string) {
	connection := `{"connection_id":"c","padding":"` + strings.Repeat("x", 1<<10) + `"},`
	return `{"request_id":"r","saml_connections":[` + strings.Repeat(connection, 5<<10/2), strings.Repeat(connection, 5<<10/4) + `{"connection_id":"c"}]}`
}

// Two large lists are asked for at once: the second is read when the first has been read, small ones meanwhile.
func TestOneLargeListIsReadAtATime(t *testing.T) {
	first, rest := large()
	goOn, begun := make(chan struct{}), make(chan string, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "small") {
			status(200, `{"request_id":"r"}`)(w, r)
			return
		}
		_, _ = io.WriteString(w, first+strings.Repeat(" ", 2<<20)) // beyond maxBeside
		_ = http.NewResponseController(w).Flush()
		begun <- r.URL.Path
		if strings.HasSuffix(r.URL.Path, "slow") {
			<-goOn
		}
		_, _ = io.WriteString(w, rest)
	}))
	defer server.Close()
	session := against(server.URL, Options{Timeout: time.Minute}).session
	list := func(ctx context.Context, organization string) <-chan error {
		done := make(chan error, 1)
		go func() {
			_, err := session.Caller("team", organization, Drift).SSO(ctx, organization, start)
			done <- err
		}()
		return done
	}
	slow := list(ctx(t), "slow")
	<-begun
	for session.account.service.largeLists.TryAcquire(1) { // until the slow one has it
		session.account.service.largeLists.Release(1)
		runtime.Gosched()
	}
	second := list(ctx(t), "second")
	leaving, leave := context.WithCancel(ctx(t))
	third := list(leaving, "third")
	for range 2 { // until both were sent
		<-begun
	}
	must(t, <-list(ctx(t), "small"))
	leave()
	if e := failedAs(t, <-third, Unavailable); e.Message != "the call was canceled" {
		t.Errorf("who waits and leaves: %v", e)
	}
	select {
	case err := <-second:
		t.Errorf("a second large list was read beside the first: %v", err)
	default:
	}
	close(goOn)
	must(t, <-slow)
	must(t, <-second)
	if !session.account.service.largeLists.TryAcquire(1) {
		t.Error("nobody reads, and the next large list has to wait")
	}
}

// endless is a body that breaks off without an end.
type endless struct{ io.Reader }

func (e endless) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func TestAListThatBreaksOffIsNoAnswer(t *testing.T) {
	for cut := range len(`{"request_id":"r","saml_connections":[{"connection_id":"a"}]}`) {
		body := `{"request_id":"r","saml_connections":[{"connection_id":"a"}]}`[:cut]
		if err := readList(endless{strings.NewReader(body)}, &ssoReply{}); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s and the connection breaks: %v", body, err)
		}
		if err := readList(strings.NewReader(body), &ssoReply{}); !errors.Is(err, errForeign) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// BenchmarkOneAnswerOf60MiB says how much memory is in use at most while a list is read, beside what there was before.
func BenchmarkOneAnswerOf60MiB(b *testing.B) {
	padding := strings.Repeat("A", 12<<10)
	answer := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"request_id":"r","saml_connections":[`)
		for i := range 4900 {
			_, _ = fmt.Fprintf(w, `{"connection_id":"saml-connection-test-%08d","signing_certificates":[{"certificate":%q}]},`, i, padding)
		}
		_, _ = io.WriteString(w, `{"connection_id":"last"}]}`)
	}
	for b.Loop() {
		server := httptest.NewServer(http.HandlerFunc(answer))
		peak := peakHeap(func() {
			if _, err := against(server.URL, Options{}).SSO(b.Context(), someone, start); err != nil {
				b.Error(err)
			}
		})
		server.Close()
		b.ReportMetric(peak, "MiB-peak")
	}
}

// peakHeap is how much memory is in use at most during f, in MiB, beside what is in use before.
func peakHeap(f func()) float64 {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	peak, done := uint64(0), make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	for tick := time.NewTicker(time.Millisecond); ; <-tick.C {
		runtime.ReadMemStats(&now)
		peak = max(peak, now.HeapInuse)
		select {
		case <-done:
			return (float64(peak) - float64(before.HeapInuse)) / (1 << 20)
		default:
		}
	}
}

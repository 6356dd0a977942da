package main

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// What the story claims is worth as much as its checks can fail: each of these has something to find.

const listedPath = "/v1/b2b/sso/organization-test-1"

// read is a list of the organization so many seconds into the story.
func read(second float64) stytchsim.Call {
	at := time.Unix(0, 0).Add(time.Duration(second * float64(time.Second)))
	return stytchsim.Call{Method: "GET", Path: listedPath, Operation: "ListSSOConnections", Status: 200, Time: at}
}

func put(operation string, status int, fields ...string) stytchsim.Call {
	return stytchsim.Call{Method: "PUT", Operation: operation, Status: status, Fields: fields}
}

func TestOneListPerIntervalIsNeitherMoreNorLess(t *testing.T) {
	other := stytchsim.Call{Method: "GET", Path: "/v1/debug/whoami", Operation: "Whoami"}
	for _, c := range []struct {
		what string
		sent calls
		good bool
	}{
		{"one in each", calls{read(1), read(16), read(31)}, true},
		{"late now and then", calls{read(1), read(18), read(31.1)}, true},
		{"one missed over a restart", calls{read(1), read(31), read(46)}, true},
		{"two in one", calls{read(1), read(2), read(16), read(31)}, false},
		{"two missed", calls{read(1), read(31), read(61)}, false},
		{"too few", calls{read(1), read(16)}, false},
		{"something else", calls{read(1), read(16), read(31), other}, false},
	} {
		if err := lab.Try(func() { c.sent.onePerInterval([]string{listedPath}) }); (err == nil) != c.good {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestTheExpectedChangesAreAllThatWereSent(t *testing.T) {
	const update, remove = "UpdateSAMLConnection", "DeleteSAMLVerificationCertificate"
	add := put(update, 200, "x509_certificate")
	for _, c := range []struct {
		what string
		sent calls
		good bool
	}{
		{"in that order, next to a read", calls{read(1), add, put(remove, 200)}, true},
		{"none", calls{read(1)}, false},
		{"the other way round", calls{put(remove, 200), add}, false},
		{"half of it", calls{add}, false},
		{"with one more", calls{add, put(remove, 200), put(remove, 200)}, false},
		{"with a field more", calls{put(update, 200, "display_name", "x509_certificate"), put(remove, 200)}, false},
		{"refused", calls{put(update, 429, "x509_certificate"), put(remove, 200)}, false},
	} {
		if err := lab.Try(func() { c.sent.expect(update+" x509_certificate", remove) }); (err == nil) != c.good {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestAWriteIsReadFromTheMetricsOfTheAPIServer(t *testing.T) {
	counted := writes(lab.Samples(`# TYPE apiserver_request_total counter
apiserver_request_total{code="200",component="apiserver",group="connections.stytch-operator.dev",resource="scimconnections",scope="resource",subresource="status",verb="PATCH",version="v1alpha1"} 3
apiserver_request_total{code="200",group="connections.stytch-operator.dev",resource="scimconnections",subresource="",verb="PATCH",version="v1alpha1"} 1
apiserver_request_total{code="200",group="",resource="secrets",subresource="",verb="LIST",version="v1"} 7
`, "apiserver_request_total"))
	if len(counted) != 1 || counted["connections.stytch-operator.dev/scimconnections"] != 4 {
		t.Errorf("it counts %v", counted)
	}
}

func TestASecretIsFoundPlainAndEncoded(t *testing.T) {
	const token = "abcdefghijklmnopqrstuvwxyz"
	key := newKey()
	block, _ := pem.Decode([]byte(key.text))
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sent := lab.ToPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(parsed.(*rsa.PrivateKey)))
	secretKey := hidden{"the key", key.text, key.traces}
	for _, c := range []struct {
		of   hidden
		text string
		want int
	}{
		{bearerToken(token), "nothing, or only its end: wxyz", 0},
		{bearerToken(token), "plain " + token, 1},
		{bearerToken(token), "without its end " + token[:22], 1},
		{bearerToken(token), base64.StdEncoding.EncodeToString([]byte(token)), 1},
		{secretKey, "none", 0},
		{secretKey, key.text, 1},
		{secretKey, sent, 1},
		{secretKey, base64.StdEncoding.EncodeToString([]byte(key.text)), 1},
	} {
		if n := c.of.found(c.text); n != c.want {
			t.Errorf("%s in %.40q…: found %d times", c.of.what, c.text, n)
		}
		if err := lab.Try(func() { searched(map[string]string{"a place": c.text}, c.of) }); (err == nil) != (c.want == 0) {
			t.Errorf("%s in %.40q…: %v", c.of.what, c.text, err)
		}
	}
}

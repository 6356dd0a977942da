package main

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// What the story claims is worth as much as its checks can fail: each of these has something to find.

const listedPath = "/v1/b2b/sso/organization-test-1"

// read is a list of the organization so many seconds into the story.
func read(second float64) stytchsim.Call {
	at := time.Unix(0, 0).Add(time.Duration(second * float64(time.Second)))
	return stytchsim.Call{Method: "GET", Path: listedPath, Operation: "ListSSOConnections", Status: 200, Time: at}
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
		if err := onePerInterval(c.sent, []string{listedPath}); (err == nil) != c.good {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestOneUpdateHasTheFieldAndNothingElse(t *testing.T) {
	put := func(status int, fields ...string) stytchsim.Call {
		return stytchsim.Call{Method: "PUT", Operation: "UpdateSAMLConnection", Status: status, Fields: fields}
	}
	for _, c := range []struct {
		what string
		sent calls
		good bool
	}{
		{"beside a read", calls{read(1), put(200, "display_name")}, true},
		{"none", calls{read(1)}, false},
		{"twice", calls{put(200, "display_name"), put(200, "display_name")}, false},
		{"with more", calls{put(200, "display_name", "idp_sso_url")}, false},
		{"refused", calls{put(429, "display_name")}, false},
	} {
		if _, err := c.sent.onlyUpdate("UpdateSAMLConnection", "display_name"); (err == nil) != c.good {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestAWriteIsReadFromTheMetricsOfTheAPIServer(t *testing.T) {
	counted := writes(`# TYPE apiserver_request_total counter
apiserver_request_total{code="200",component="apiserver",group="connections.stytch-operator.dev",resource="scimconnections",scope="resource",subresource="status",verb="PATCH",version="v1alpha1"} 3
apiserver_request_total{code="200",group="connections.stytch-operator.dev",resource="scimconnections",subresource="",verb="PATCH",version="v1alpha1"} 1
apiserver_request_total{code="200",group="",resource="secrets",subresource="",verb="LIST",version="v1"} 7
`)
	if len(counted) != 1 || counted["scimconnections.connections.stytch-operator.dev"] != 4 {
		t.Errorf("it counts %v", counted)
	}
}

func TestATokenIsFoundPlainAndEncoded(t *testing.T) {
	const token = "abcdefghijklmnopqrstuvwxyz"
	for text, want := range map[string]int{
		"nothing, or only its end: wxyz": 0, "plain " + token: 1, "without its end " + token[:22]: 1,
		base64.StdEncoding.EncodeToString([]byte(token)): 1,
	} {
		if n := bearerToken(token).occurrences(text); n != want {
			t.Errorf("%q: found %d times", text, n)
		}
	}
}

func TestTheFloorComesFromTheManifests(t *testing.T) {
	of := func(kind, organization string) object {
		var o object
		o.Kind, o.Spec.Organization = kind, organization
		return o
	}
	s := samples{all: []object{of(kindProject, ""), of(kindSCIM, "acme"), of(kindSAML, "acme"), of(kindExternal, "organization-test-1"), of(kindSAML, "acme")}}
	s.all[2].Spec.VerificationCertificates = []any{1, 2}
	s.all[2].Spec.EncryptionPrivateKeyRefs = []any{1}
	s.all[4].Spec.MetadataURL = "https://idp.example.com"
	if f := s.floor(); f != (floor{whoami: 1, lookups: 1, lists: 3, changes: 11}) {
		t.Errorf("it is %+v", f)
	}
}

func TestAKeyIsFoundAsItsSecretHasItAndAsStytchTakesIt(t *testing.T) {
	key, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(key.text))
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sent := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(parsed.(*rsa.PrivateKey))})
	h := hidden{"the key", key.text, key.traces}
	for text, want := range map[string]int{
		"none": 0, key.text: 1, string(sent): 1, base64.StdEncoding.EncodeToString([]byte(key.text)): 1,
	} {
		if n := h.occurrences(text); n != want {
			t.Errorf("%.40q…: found %d times", text, n)
		}
	}
}

func TestTheOldGoesAfterTheNew(t *testing.T) {
	add := stytchsim.Call{Operation: "UpdateSAMLConnection", Fields: []string{"x509_certificate"}}
	more := stytchsim.Call{Operation: "UpdateSAMLConnection", Fields: []string{"display_name", "x509_certificate"}}
	remove := stytchsim.Call{Operation: "DeleteSAMLVerificationCertificate"}
	for _, c := range []struct {
		what string
		sent calls
		good bool
	}{
		{"in that order", calls{add, remove}, true},
		{"the other way round", calls{remove, add}, false},
		{"never", calls{add}, false},
		{"with more", calls{more, remove}, false},
		{"twice", calls{add, remove, remove}, false},
	} {
		if err := addedFirst(c.sent, "UpdateSAMLConnection", "x509_certificate", "DeleteSAMLVerificationCertificate"); (err == nil) != c.good {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestACommandIsTypedAsAShellTakesIt(t *testing.T) {
	if line := typed("patch", "-p", `{"a":"it's"}`); line != `kubectl patch -p '{"a":"it'\''s"}'` {
		t.Errorf("it is %s", line)
	}
}

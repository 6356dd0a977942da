package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// inside runs a program with a directory as its root, as the user of the image. Who is not root needs a user namespace for that.
func inside(t *testing.T, dir string, env []string, args ...string) (string, error) {
	t.Helper()
	c := exec.CommandContext(t.Context(), args[0], args[1:]...)
	c.Dir, c.Env = "/", append([]string{}, env...) // nil would be the environment of the test
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: dir, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	if own := os.Geteuid(); own != 0 {
		c.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		c.SysProcAttr.Credential.NoSetGroups = true
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 65532, HostID: own, Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 65532, HostID: os.Getegid(), Size: 1}}
	}
	out, err := c.CombinedOutput()
	return string(out), err
}

func TestTheManagerRunsInItsImageAlone(t *testing.T) {
	if out, err := inside(t, root(t, nil), nil, "/manager", "--help"); err != nil || !strings.Contains(out, "-leader-elect") {
		t.Errorf("--help: %v\n%s", err, out)
	}
	const account = "var/run/secrets/kubernetes.io/serviceaccount/"
	server := httptest.NewTLSServer(nil)
	dir := root(t, map[string]string{account + "token": "t", account + "namespace": "n", account + "ca.crt": string(encoded(server.Certificate().Raw))})
	host, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "https://"), ":")
	server.Close() // nobody listens there any more
	env := []string{"KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port}
	out, err := inside(t, dir, env, "/manager")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if last := lines[len(lines)-1]; err == nil || !strings.HasPrefix(last, "manager: ") || !strings.HasSuffix(last, "connect: connection refused") {
		t.Errorf("without an API server: %v\n%s", err, out)
	}
}

// A proxy that reads TLS has a certificate authority of its own. Whoever adds one decides whether Mozilla's count too.
func TestABundleOfTheClusterIsUsedInsteadOfTheImages(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	program, err := os.ReadFile(dial)
	if err != nil {
		t.Fatal(err)
	}
	own := string(encoded(server.Certificate().Raw))
	for name, c := range map[string]struct {
		files   map[string]string
		env     []string
		trusted bool
	}{
		"the image as it is":                 {},
		"the image's bundle replaced":        {files: map[string]string{rootsFile: own}, trusted: true},
		"a bundle mounted where Debian's is": {files: map[string]string{"etc/ssl/certs/ca-certificates.crt": own}, trusted: true},
		"a bundle mounted, not the image's":  {files: map[string]string{rootsFile: own, "etc/ssl/certs/ca-certificates.crt": string(roots())}},
		"a certificate added":                {files: map[string]string{"etc/ssl/certs/proxy.pem": own}, trusted: true},
		"a certificate added to the image's": {files: map[string]string{rootsFile: own, "etc/ssl/certs/proxy.pem": string(roots())}, trusted: true},
		"SSL_CERT_FILE":                      {files: map[string]string{"ca.pem": own}, env: []string{"SSL_CERT_FILE=/ca.pem"}, trusted: true},
		"SSL_CERT_FILE, not the image's":     {files: map[string]string{rootsFile: own, "ca.pem": string(roots())}, env: []string{"SSL_CERT_FILE=/ca.pem"}},
		"SSL_CERT_FILE that is not there":    {files: map[string]string{rootsFile: own}, env: []string{"SSL_CERT_FILE=/ca.pem"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(c.files)
			if files == nil {
				files = map[string]string{}
			}
			dir := root(t, files)
			if err := os.WriteFile(dir+"/dial", program, 0o755); err != nil {
				t.Fatal(err)
			}
			out, err := inside(t, dir, c.env, "/dial", strings.TrimPrefix(server.URL, "https://"))
			if err != nil || c.trusted != (out == "trusted\n") || !c.trusted && !strings.Contains(out, "certificate") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

func TestTheRootsAreMozillasButForThoseThatAreDistrustedLater(t *testing.T) {
	var want [][]byte
	all := 0
	for r := range bundle.Roots() {
		if all++; r.Constraint == nil {
			want = append(want, r.Certificate)
		}
	}
	if all < 100 || len(want) < all*9/10 {
		t.Fatalf("%d roots, %d of them without a constraint", all, len(want))
	}
	rest := roots()
	for _, certificate := range want {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil || !bytes.Equal(block.Bytes, certificate) {
			t.Fatalf("a root is missing, or not where it was: %v", block)
		}
	}
	if block, _ := pem.Decode(rest); block != nil {
		t.Error("there are more")
	}
	if !x509.NewCertPool().AppendCertsFromPEM(roots()) {
		t.Error("Go does not read them")
	}
}

func encoded(certificate []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
}

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// assets asks for the control plane's programs; where they are missing they are downloaded or built, which says so itself.
func assets(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "bash", "hack/control-plane.sh")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("hack/control-plane.sh: %w", err)
	}
	return strings.TrimSpace(out.String()), nil
}

// startControlPlane starts etcd and kube-apiserver, and returns when the API server is ready.
func (p *parts) startControlPlane(ctx context.Context) error {
	ports, err := freePorts(ctx, 2)
	if err != nil {
		return err
	}
	store := "http://127.0.0.1:" + ports[0]
	_, err = p.ledger.start(ctx, "etcd", nil, filepath.Join(p.assets, "etcd"),
		"--name=demo", "--data-dir="+p.path("etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls="+store, "--advertise-client-urls="+store, "--listen-peer-urls=http://127.0.0.1:0")
	if err != nil {
		return err
	}
	admin, err := p.writeKeys()
	if err != nil {
		return err
	}
	p.server = "https://127.0.0.1:" + ports[1]
	certificates := p.path("certificates")
	_, err = p.ledger.start(ctx, "kube-apiserver", nil, filepath.Join(p.assets, "kube-apiserver"),
		"--etcd-servers="+store, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port="+ports[1],
		"--cert-dir="+certificates, "--token-auth-file="+p.path("tokens.csv"),
		"--service-account-issuer="+p.server, "--service-account-key-file="+p.path("accounts.key"), "--service-account-signing-key-file="+p.path("accounts.key"),
		"--authorization-mode=RBAC", "--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.0.0.0/24")
	if err != nil {
		return err
	}
	return p.await(ctx, "the API server", time.Minute, func(ctx context.Context) (string, bool, error) {
		if err := p.writeKubeconfig(p.path("kubeconfig"), "admin", admin); err != nil {
			return "no certificate yet", false, nil //nolint:nilerr // it is written when the API server is that far
		}
		out, err := p.kubectl.run(ctx, "get", "--raw=/readyz")
		return out, err == nil, nil
	})
}

// writeKeys writes what the API server knows its clients by, and returns the administrator's token.
func (p *parts) writeKeys() (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	if err := os.WriteFile(p.path("accounts.key"), pem.EncodeToMemory(block), 0o600); err != nil {
		return "", err
	}
	token := rand.Text()
	return token, os.WriteFile(p.path("tokens.csv"), []byte(token+",admin,admin,system:masters\n"), 0o600)
}

// writeKubeconfig writes a kubeconfig for whom a token stands for. The API server signed its certificate itself.
func (p *parts) writeKubeconfig(path, user, token string) error {
	authority, err := os.ReadFile(p.path("certificates", "apiserver.crt"))
	if err != nil {
		return err
	}
	type fields map[string]any
	config, err := json.MarshalIndent(fields{
		"apiVersion": "v1", "kind": "Config", "current-context": "demo",
		"clusters": []fields{{"name": "demo", "cluster": fields{"server": p.server, "certificate-authority-data": authority}}},
		"users":    []fields{{"name": user, "user": fields{"token": token}}},
		"contexts": []fields{{"name": "demo", "context": fields{"cluster": "demo", "user": user, "namespace": "default"}}},
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, config, 0o600)
}

// freePorts finds ports of the loopback address that nobody listens on.
func freePorts(ctx context.Context, n int) ([]string, error) {
	var ports []string
	for range n {
		var config net.ListenConfig
		listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close() //nolint:errcheck // it only keeps the port from being found twice
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return ports, nil
}

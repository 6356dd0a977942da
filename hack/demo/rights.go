package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	systemNamespace = "stytch-operator-system"
	serviceAccount  = "stytch-operator-manager"
	lease           = "stytch-operator.connections.stytch-operator.dev"
)

// grantRights installs the CRDs, and the rights of config/rbac under the names that config/default gives them; the manager gets
// a kubeconfig of its ServiceAccount, which may do that and nothing else.
func (p *parts) grantRights(ctx context.Context) error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	var resources []string
	for _, base := range []string{"config/crd", "config/rbac"} {
		relative, err := filepath.Rel(p.path("install"), filepath.Join(root, base))
		if err != nil {
			return err
		}
		resources = append(resources, relative)
	}
	if err := os.MkdirAll(p.path("install"), 0o700); err != nil {
		return err
	}
	err = kustomization(p.path("install"), map[string]any{"namespace": systemNamespace, "namePrefix": "stytch-operator-", "resources": resources})
	if err != nil {
		return err
	}
	for _, args := range [][]string{
		{"create", "namespace", systemNamespace},
		{"apply", "-k", p.path("install")},
		{"wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"},
	} {
		if _, err := p.kubectl.run(ctx, args...); err != nil {
			return err
		}
	}
	token, err := p.kubectl.run(ctx, "create", "token", serviceAccount, "-n", systemNamespace, "--duration="+(30*24*time.Hour).String())
	if err != nil {
		return err
	}
	if err := p.writeKubeconfig(p.path("manager.kubeconfig"), serviceAccount, strings.TrimSpace(token)); err != nil {
		return err
	}
	return p.checkRights(ctx)
}

// checkRights asks the API server who the manager is to it.
func (p *parts) checkRights(ctx context.Context) error {
	as := "--kubeconfig=" + p.path("manager.kubeconfig")
	var review struct {
		Status struct {
			UserInfo struct{ Username string }
		}
	}
	if err := p.kubectl.read(ctx, &review, as, "auth", "whoami"); err != nil {
		return err
	}
	p.terminal.seen("the manager is %s to the API server, with the rights of config/rbac", review.Status.UserInfo.Username)
	return nil
}

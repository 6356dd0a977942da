package lab

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Names that config/default gives, and the manager its lease.
const (
	Namespace      = "stytch-operator-system"
	ServiceAccount = "stytch-operator-manager"
	Lease          = "stytch-operator.connections.stytch-operator.dev"
)

// starting is how long a part may take until it answers.
const starting = 3 * time.Minute

// StartControlPlane starts etcd and kube-apiserver, and installs config/default. No controller of Kubernetes runs here, so that
// its Deployment has no pod: the manager is a process instead, with the same rights.
func (l *Lab) StartControlPlane() {
	l.Assets = l.controlPlane()
	ports := freePorts(2)
	store := "http://127.0.0.1:" + ports[0]
	l.start("etcd", nil, filepath.Join(l.Assets, "etcd"), "--name=lab", "--data-dir="+l.Path("etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls="+store, "--advertise-client-urls="+store, "--listen-peer-urls=http://127.0.0.1:0")
	l.server = "https://127.0.0.1:" + ports[1]
	key := ToPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(Must(rsa.GenerateKey(rand.Reader, 2048))))
	accounts, admin := l.Write("accounts.key", key), rand.Text()
	l.start("kube-apiserver", nil, filepath.Join(l.Assets, "kube-apiserver"),
		"--etcd-servers="+store, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port="+ports[1],
		"--cert-dir="+l.Path("certificates"), "--token-auth-file="+l.Write("tokens.csv", admin+",admin,admin,system:masters\n"),
		"--service-account-issuer="+l.server, "--service-account-key-file="+accounts, "--service-account-signing-key-file="+accounts,
		"--authorization-mode=RBAC", "--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.0.0.0/24")
	l.Await("the API server", starting, func() (string, bool) {
		err := Try(func() {
			l.writeKubeconfig("kubeconfig", "admin", admin) // needs a certificate, which the API server writes first
			l.Kubectl("get", "--raw=/readyz")
		})
		return fmt.Sprint(err), err == nil
	})
	l.Seen("etcd and kube-apiserver at %s", l.server)
	l.install()
}

// controlPlane asks for the directory of the programs. Where they are missing they are downloaded or built, which says so itself.
func (l *Lab) controlPlane() string {
	cmd := exec.CommandContext(l.ctx, "bash", "hack/control-plane.sh")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	Check(cmd.Run())
	return strings.TrimSpace(out.String())
}

// install installs config/default.
func (l *Lab) install() {
	l.Kubectl("apply", "-k", "config/default")
	l.Kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
	who := l.managerAs(ServiceAccount)
	l.Seen("config/default is installed; to the API server the manager is %s, with the rights of config/rbac", who)
}

// managerAs gives the manager a kubeconfig of a ServiceAccount, and returns what the API server calls that.
func (l *Lab) managerAs(account string) string {
	token := l.Kubectl("create", "token", account, "-n", Namespace, "--duration="+(30*24*time.Hour).String())
	l.writeKubeconfig("manager.kubeconfig", account, strings.TrimSpace(token))
	return l.Kubectl("auth", "whoami", "--kubeconfig="+l.Path("manager.kubeconfig"), "-o", "jsonpath={.status.userInfo.username}")
}

// writeKubeconfig writes a kubeconfig for the user of a token. The API server signed its certificate itself.
func (l *Lab) writeKubeconfig(name, user, token string) {
	authority := Must(os.ReadFile(l.Path("certificates", "apiserver.crt")))
	type fields map[string]any
	l.Write(name, toJSON(fields{
		"apiVersion": "v1", "kind": "Config", "current-context": "lab",
		"clusters": []fields{{"name": "lab", "cluster": fields{"server": l.server, "certificate-authority-data": authority}}},
		"users":    []fields{{"name": user, "user": fields{"token": token}}},
		"contexts": []fields{{"name": "lab", "context": fields{"cluster": "lab", "user": user, "namespace": "default"}}},
	}))
}

// StartSimulator starts the simulated Stytch.
func (l *Lab) StartSimulator(flags ...string) {
	process := l.start("stytch-sim", nil, program("stytch-sim"), append(flags, "--listen=127.0.0.1:0")...)
	l.Await("the simulator", starting, func() (string, bool) {
		line, err := os.ReadFile(process.Log) // its first line says where it is
		return string(line), err == nil && json.Unmarshal(line, &l.Sim) == nil
	})
	l.Seen("stytch-sim at %s", l.Sim.URL)
}

// StartManager starts the manager as its ServiceAccount, and returns when it is ready. Whether it may act is the lease's to say.
func (l *Lab) StartManager(flags ...string) {
	ports := freePorts(2)
	probes, metrics := "127.0.0.1:"+ports[0], "127.0.0.1:"+ports[1]
	l.Metrics = "http://" + metrics + "/metrics"
	l.Manager = l.start("manager", []string{"KUBECONFIG=" + l.Path("manager.kubeconfig")}, program("manager"), append(flags,
		"--leader-elect", "--leader-election-namespace="+Namespace, "--allow-insecure-loopback",
		"--health-probe-bind-address="+probes, "--metrics-bind-address="+metrics)...)
	l.Await("the manager", starting, func() (string, bool) {
		err := Try(func() {
			l.Fetch("http://" + probes + "/readyz")
			if !slices.Contains(flags, "--metrics-secure") { // with it they are not for everybody
				l.Fetch(l.Metrics) // served a moment later
			}
		})
		return fmt.Sprint(err), err == nil
	})
}

// RunDeployment replaces the manager by the one of the Deployment, as a kubelet would: with its arguments, as its ServiceAccount.
func (l *Lab) RunDeployment() {
	l.Assets = l.controlPlane()
	l.server = l.Kubectl("config", "view", "-o", "jsonpath={.clusters[0].cluster.server}")
	const pod = "jsonpath={.spec.template.spec.serviceAccountName}{range .spec.template.spec.containers[0].args[*]} {@}{end}"
	words := strings.Fields(l.Kubectl("get", "deployment", ServiceAccount, "-n", Namespace, "-o", pod))
	who, args := l.managerAs(words[0]), words[1:]
	if i := slices.IndexFunc(l.ledger.list, func(p *Process) bool { return p.Name == "manager" }); i >= 0 {
		l.Manager = l.ledger.list[i]
		l.StopManager()
	}
	l.StartManager(args...)
	l.Seen("the manager, process %d, is %s, and runs with %s", l.Manager.PID, who, strings.Join(args, " "))
}

// StopManager stops the manager as a rollout does: it may finish what it is at, and gives the lease back.
func (l *Lab) StopManager() { Check(l.ledger.remove(l.Manager, syscall.SIGTERM)) }

// KillManager is kill -9.
func (l *Lab) KillManager() { Check(l.ledger.remove(l.Manager, syscall.SIGKILL)) }

// program is one that make build has built.
func program(name string) string { return Must(filepath.Abs(filepath.Join("bin", name))) }

// freePorts finds ports of the loopback address that nobody listens on.
func freePorts(n int) []string {
	var ports []string
	for range n {
		listener := Must(net.Listen("tcp", "127.0.0.1:0")) //nolint:noctx // it answers at once
		defer listener.Close()                             //nolint:errcheck // it only keeps the port from being found twice
		_, port, err := net.SplitHostPort(listener.Addr().String())
		Check(err)
		ports = append(ports, port)
	}
	return ports
}

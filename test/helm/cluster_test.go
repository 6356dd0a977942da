package helm_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
	"github.com/stytch-operator/stytch-operator/test/controlplane"
	"github.com/stytch-operator/stytch-operator/test/process"
)

// cluster is a real API server, and a pretended Stytch. Where the chart has a job or a Deployment, this runs the real program with the rights
// and the arguments that a pod of it would have.
type cluster struct {
	helm       helm
	client     client.Client
	kubeconfig string // an administrator's
	dir        string
	stytch     *stytchsim.Sim
	url        string // of the pretended Stytch

	mutex sync.Mutex
	jobs  []string // what the jobs said, one after another
}

func start(t *testing.T, h helm) *cluster {
	t.Helper()
	if _, err := programs(); err != nil {
		t.Fatal(err)
	}
	c := &cluster{helm: h, dir: t.TempDir(), stytch: stytchsim.New(stytchsim.Options{})}
	server := httptest.NewServer(c.stytch)
	t.Cleanup(server.Close)
	c.url = server.URL
	env, config := controlplane.For(t, func(env *envtest.Environment) {
		env.ControlPlane.GetAPIServer().Configure().Disable("disable-admission-plugins") // envtest would leave out ServiceAccount
	})
	c.kubeconfig = controlplane.Kubeconfig(t, env)
	var err error
	if c.client, err = client.New(config, client.Options{Scheme: scheme.Scheme}); err != nil {
		t.Fatal(err)
	}
	c.runJobs(t)
	return c
}

// do runs Helm, in the namespace of the release.
func (c *cluster) do(t *testing.T, args ...string) string {
	t.Helper()
	out, complaint, err := c.helm.run(t, c.kubeconfig, append(args, "--namespace", home)...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s\n%s\njobs: %s", c.helm, strings.Join(args, " "), err, out, complaint, strings.Join(c.said(), "\n"))
	}
	return out
}

// kubectl returns what the control plane's own kubectl said on standard output.
func (c *cluster) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.try(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (c *cluster) try(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(assets, "kubectl"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.kubeconfig, "KUBECACHEDIR="+filepath.Join(c.dir, "cache"), "KUBERC=off")
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, &complaint)
	}
	return out.String(), nil
}

// apply applies manifests.
func (c *cluster) apply(t *testing.T, text string) {
	t.Helper()
	file := filepath.Join(c.dir, "manifests.yaml")
	write(t, file, text)
	c.kubectl(t, "apply", "--validate=strict", "-f", file)
}

// kubeconfigOf writes a kubeconfig for a ServiceAccount of the release.
func (c *cluster) kubeconfigOf(t *testing.T, account string) (string, error) {
	t.Helper()
	token, err := c.try(t, "create", "token", "-n", home, account)
	if err != nil {
		return "", err
	}
	path := filepath.Join(c.dir, account+".kubeconfig")
	write(t, path, read(t, c.kubeconfig))
	for _, args := range [][]string{
		{"set-credentials", account, "--token=" + token}, {"set-context", "--current", "--user=" + account},
	} {
		if _, err := c.try(t, append([]string{"config", "--kubeconfig=" + path}, args...)...); err != nil {
			return "", err
		}
	}
	return path, nil
}

// runJobs runs the jobs of the release until the test ends, as the controller of jobs and the kubelet would.
func (c *cluster) runJobs(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			var jobs batchv1.JobList
			if err := c.client.List(ctx, &jobs, client.InNamespace(home)); err != nil && ctx.Err() == nil {
				t.Errorf("listing jobs: %v", err)
			}
			for i := range jobs.Items {
				if job := &jobs.Items[i]; len(job.Status.Conditions) == 0 && ctx.Err() == nil {
					c.runJob(ctx, t, job)
				}
			}
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// runJob runs a job to its end and says that it is complete, or that it failed.
func (c *cluster) runJob(ctx context.Context, t *testing.T, job *batchv1.Job) {
	t.Helper()
	began := metav1.Now()
	pod := job.Spec.Template.Spec
	kubeconfig, err := c.kubeconfigOf(t, pod.ServiceAccountName)
	var out []byte
	if err == nil {
		cmd := exec.CommandContext(ctx, programOf(pod), pod.Containers[0].Args...)
		cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
		out, err = cmd.CombinedOutput()
	}
	c.mutex.Lock()
	c.jobs = append(c.jobs, fmt.Sprintf("%s%v", out, err))
	c.mutex.Unlock()

	now := metav1.Now()
	finished := func(kind batchv1.JobConditionType) batchv1.JobCondition {
		return batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now, LastProbeTime: now}
	}
	job.Status.StartTime = &began
	if err != nil {
		job.Status.Failed = 1
		job.Status.Conditions = []batchv1.JobCondition{finished(batchv1.JobFailureTarget), finished(batchv1.JobFailed)}
	} else {
		job.Status.Succeeded, job.Status.CompletionTime = 1, &now
		job.Status.Conditions = []batchv1.JobCondition{finished(batchv1.JobSuccessCriteriaMet), finished(batchv1.JobComplete)}
	}
	if err := c.client.Status().Update(ctx, job); client.IgnoreNotFound(err) != nil && ctx.Err() == nil {
		t.Errorf("the status of the job: %v", err)
	}
}

// said is what the jobs have said so far.
func (c *cluster) said() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return append([]string{}, c.jobs...)
}

// programOf is the program in the image of a pod.
func programOf(pod corev1.PodSpec) string {
	all, _ := programs() // start has checked
	_, tag, _ := strings.Cut(pod.Containers[0].Image, ":")
	if program, is := all[tag]; is {
		return program
	}
	return all[""]
}

// runManager runs the manager of the Deployment until stop is called, or until the test ends. What is added to its arguments is what being
// outside a pod takes.
func (c *cluster) runManager(t *testing.T) (stop func()) {
	t.Helper()
	var deployment appsv1.Deployment
	if err := c.client.Get(t.Context(), client.ObjectKey{Namespace: home, Name: manager}, &deployment); err != nil {
		t.Fatal(err)
	}
	pod := deployment.Spec.Template.Spec
	kubeconfig, err := c.kubeconfigOf(t, pod.ServiceAccountName)
	if err != nil {
		t.Fatal(err)
	}
	running := process.Run(t, programOf(pod), kubeconfig,
		append(pod.Containers[0].Args, "--metrics-bind-address=0", "--leader-election-namespace="+home)...)
	return func() { running.Stop(t) }
}

package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// process is the real program, with a pipe as its standard output.
type process struct {
	t         *testing.T
	cmd       *exec.Cmd
	out       *os.File // the end that is read
	complaint bytes.Buffer
	ended     chan struct{}
}

func (s *stage) start(args ...string) *process {
	s.t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	p := &process{t: s.t, out: reader, ended: make(chan struct{})}
	p.cmd = exec.CommandContext(s.t.Context(), build(s.t, "kubectl-stytch"), append(args, "--kubeconfig="+s.kubeconfig, "--namespace="+s.namespace)...)
	p.cmd.Stdout, p.cmd.Stderr = writer, &p.complaint
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	_ = writer.Close() // it is the program's
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	s.t.Cleanup(func() { _ = reader.Close() })
	return p
}

// wait waits until the program has ended, and returns how.
func (p *process) wait() syscall.WaitStatus {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("%v did not end", p.cmd.Args)
	}
	status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return status
}

// expectClosed fails unless the program has ended as others do whose output nobody reads, and without a word.
func (p *process) expectClosed() {
	p.t.Helper()
	if status := p.wait(); !status.Signaled() || status.Signal() != syscall.SIGPIPE || strings.Contains(p.complaint.String(), "error") || strings.Contains(p.complaint.String(), "goroutine") {
		p.t.Errorf("%v ended with %v:\n%s", p.cmd.Args, p.cmd.ProcessState, &p.complaint)
	}
}

// "kubectl stytch ... | head -1" ends when head does.
func TestAClosedPipeEndsTheProgram(t *testing.T) {
	m := newManaged(t)
	m.made(m.org, stytchsim.SAML, nil)
	m.made(m.org, stytchsim.OIDC, nil)
	directory := t.TempDir()
	for _, args := range [][]string{
		{"import", "--all", "--allow-insecure-loopback"},
		{"import", "--all", "--allow-insecure-loopback", "--output-dir", directory},
		{"plan", "-f", directory, "--allow-insecure-loopback"},
	} {
		p := m.start(args...)
		_ = p.out.Close()
		p.expectClosed()
	}
	files, err := (&cli{}).filesIn(directory, m.namespace)
	if err != nil || len(files) != 1 || len(contents(t, directory)) != 1 {
		t.Errorf("it left %v, %v", contents(t, directory), err)
	}
}

// A watch ends without another change, too.
func TestAWatchEndsWhenNobodyReadsIt(t *testing.T) {
	s := newStage(t)
	s.create(samlOf(s, "acme", ""))
	p := s.start("status", "--watch")
	if line, err := bufio.NewReader(p.out).ReadString('\n'); err != nil || !strings.HasPrefix(line, "NAME") {
		t.Errorf("it begins with %q, %v", line, err)
	}
	_ = p.out.Close()
	p.expectClosed()
}

// Ctrl-C ends an import while Stytch owes an answer. What is there before stays, and nothing is added.
func TestCtrlCEndsAnImportThatWaitsForStytch(t *testing.T) {
	m := newManaged(t)
	m.made(m.org, stytchsim.SAML, nil)
	directory := t.TempDir()
	before := m.importInto(directory)
	kept := contents(t, directory)
	m.made(m.org, stytchsim.OIDC, nil)
	if _, err := m.sim.AddFault(stytchsim.Fault{Path: "/v1/b2b/sso/" + m.org, Effect: stytchsim.FaultCommitAfterGivingUp}); err != nil {
		t.Fatal(err)
	}
	p := m.start("import", "--all", "--allow-insecure-loopback", "--force", "--output-dir", directory)
	m.eventually("Stytch owes an answer", func() bool { return m.sim.State().Faults[0].Struck > 0 })
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if status := p.wait(); status.ExitStatus() != exitInterrupted || !strings.HasSuffix(p.complaint.String(), "Interrupted.\n") || strings.Contains(p.complaint.String(), "error") {
		t.Errorf("it ended with %v: %s", p.cmd.ProcessState, &p.complaint)
	}
	after := contents(t, directory)
	if len(kept) != 2 || len(after) != 2 || after[kustomizationFile] != kept[kustomizationFile] {
		t.Errorf("it left %v, and before there was %v (%+v)", after, kept, before)
	}
	if left, _ := filepath.Glob(filepath.Join(directory, ".kubectl-stytch-*")); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}

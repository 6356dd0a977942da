// Command demo shows the operator at work on real parts: etcd, kube-apiserver, the simulated Stytch and the manager (package lab).
//
//	demo run       runs all steps of the story, then stops everything that it started
//	demo up        starts the same parts, applies the samples, and leaves them running
//	demo manager   replaces the manager that up started by the one of the Deployment
//	demo down      stops what up started
//
// Nothing here is scripted. A step waits for what kubectl or the simulator's journal has to show; where that does not show up in
// time, the step fails with what was seen instead. Beyond that a step checks what only real processes can prove; what it merely
// shows is asserted by the specs in controllers and internal.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
)

// What a run leaves, and what up leaves running. The two do not get in each other's way.
const (
	runDir = "bin/demo/run"
	upDir  = "bin/demo/up"
)

func main() {
	commands := map[string]func(*lab.Terminal) error{"run": run, "up": up, "manager": manager, "down": down}
	if len(os.Args) != 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: demo run|up|manager|down")
		os.Exit(2)
	}
	t := lab.NewTerminal(os.Stdout)
	err := commands[os.Args[1]](t)
	if err != nil && os.Args[1] != "run" { // which says so before its count
		t.Failed("%v", err)
	}
	os.Exit(lab.ExitCode(err))
}

// run runs the steps one after another until one fails. Its last line is what CI counts.
func run(t *lab.Terminal) error {
	began, passed, failed := time.Now(), 0, 0
	err := lab.Run(runDir, t, func(l *lab.Lab) {
		s := begin(l)
		for i, step := range s.steps() {
			t.Title("%d/%d  %s", i+1, len(s.steps()), step.title)
			began := time.Now()
			step.tell()
			passed++
			t.Note("Why it matters: %s (%s)", step.why, tenths(began))
		}
	})
	if err != nil {
		failed = 1
		t.Failed("%v", err)
	}
	t.Say("\nThe demo took %s.\n", time.Since(began).Round(time.Second))
	t.Say("%d passed, %d failed", passed, failed)
	return err
}

// manager replaces the manager that runs by what a kubelet would run now: who has changed the Deployment sees it at work.
func manager(t *lab.Terminal) error { return lab.Join(upDir, t, (*lab.Lab).RunDeployment) }

// down stops what up started, all or part of it.
func down(t *lab.Terminal) error {
	stopped, err := lab.Down(upDir, t)
	if err == nil {
		t.Seen("stopped %d processes", stopped)
	}
	return err
}

// tenths is how long something took.
func tenths(since time.Time) time.Duration { return time.Since(since).Round(time.Second / 10) }

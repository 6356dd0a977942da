package lab

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// limit is what hack may be in all: a lab, a story and a bench, and not a second product. Who adds a scene to the demo shortens
// or replaces another: what specs assert already a scene need only show.
const limit = 4000

func TestTheLinesOfHackStayWithinTheirLimit(t *testing.T) {
	lines := 0
	err := filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if extension := filepath.Ext(path); err != nil || (extension != ".go" && extension != ".sh") {
			return err
		}
		text, err := os.ReadFile(path)
		lines += strings.Count(string(text), "\n")
		return err
	})
	if err != nil || lines < limit/2 {
		t.Fatalf("counted %d lines: %v", lines, err)
	}
	if lines > limit {
		t.Errorf("hack has %d lines of Go and shell; the limit is %d: shorten or replace a scene of the demo", lines, limit)
	}
}

func TestATryReturnsAFailureAndNoOtherPanic(t *testing.T) {
	wrong := errors.New("wrong")
	if err := Try(func() { Check(wrong) }); !errors.Is(err, wrong) {
		t.Errorf("a failure is returned as %v", err)
	}
	if err := Try(func() { Must(1, nil) }); err != nil {
		t.Errorf("success is returned as %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a panic that is no failure was lost")
		}
	}()
	_ = Try(func() { panic("a mistake") })
}

// newLab is a lab whose processes are sleeps.
func newLab(t *testing.T) *Lab {
	t.Helper()
	dir := t.TempDir()
	l := &Lab{Terminal: &Terminal{out: t.Output()}, Poll: time.Millisecond, ctx: t.Context(), dir: dir}
	l.ledger = &ledger{file: filepath.Join(dir, ledgerName)}
	return l
}

func TestWhatARunLeftBehindIsStoppedByTheNext(t *testing.T) {
	l := newLab(t)
	p := l.start("left", nil, "sleep", "3600")
	l.start("gone", nil, "true")
	p.Signal(syscall.SIGSTOP) // nor does one that is stopped stay
	earlier, err := readLedger(l.dir)
	if err != nil || len(earlier.list) != 2 {
		t.Fatalf("the ledger has %v: %v", earlier, err)
	}
	if err := earlier.stop(); err != nil {
		t.Error(err)
	}
	select {
	case <-p.exited: // a moment after the run that stopped it has seen that
	case <-time.After(patience):
		t.Error("it runs")
	}
	if _, err := os.Stat(l.ledger.file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the ledger of nothing is there: %v", err)
	}
}

func TestAProcessOfAnotherCommandLineIsNotOurs(t *testing.T) {
	p := newLab(t).start("ours", nil, "sleep", "3600")
	other := &Process{Name: "theirs", PID: p.PID, Args: []string{"sleep", "1"}}
	if err := other.stop(syscall.SIGKILL); err != nil || !p.running() {
		t.Errorf("a process that is not ours was stopped: %v", err)
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

func TestWaitingEndsWithTheLimitOrAProcessOrTheRun(t *testing.T) {
	never := func() (string, bool) { return "what is", false }
	l := newLab(t)
	if err := Try(func() { l.Await("it", time.Millisecond, never) }); err == nil || !strings.Contains(err.Error(), "last seen: what is") {
		t.Errorf("the limit ends it with %v", err)
	}
	l.start("short", nil, "true")
	if err := Try(func() { l.Await("it", time.Minute, never) }); err == nil || !strings.Contains(err.Error(), "short exited unexpectedly") {
		t.Errorf("the end of a process ends it with %v", err)
	}
	l = newLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	l.ctx = ctx
	cancel()
	if err := Try(func() { l.Await("it", time.Minute, never) }); !errors.Is(err, context.Canceled) || !errors.Is(l.explain(err), ErrInterrupted) {
		t.Errorf("an interruption ends it with %v", err)
	}
}

func TestASampleIsReadWithItsLabels(t *testing.T) {
	const page = `# TYPE requests counter
requests 7
requests_x{a="b"} 1
requests{code="200",dry_run="",resource="r\"{} 7",verb="PATCH"} 1.2e+03
`
	got := Samples(page, "requests")
	want := map[string]string{"code": "200", "dry_run": "", "resource": `r\"{} 7`, "verb": "PATCH"}
	if len(got) != 1 || got[0].Value != 1200 || !maps.Equal(got[0].Labels, want) {
		t.Errorf("got %+v", got)
	}
}

func TestAMetricWithoutLabelsHasOneValue(t *testing.T) {
	const page = "# TYPE overdue gauge\noverdue_x 1\noverdue{a=\"b\"} 2\noverdue 1.5\n"
	if got, found := Value(page, "overdue"); !found || got != 1.5 {
		t.Errorf("got %g, %t", got, found)
	}
	if got, found := Value(page, "over"); found {
		t.Errorf("another metric has the value %g", got)
	}
}

func TestACommandIsTypedAsAShellTakesIt(t *testing.T) {
	if line := typed("patch", "-p", `{"a":"it's"}`); line != `kubectl patch -p '{"a":"it'\''s"}'` {
		t.Errorf("it is %s", line)
	}
}

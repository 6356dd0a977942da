package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// terminal is where the story is told. On a real one there are colours, and progress is drawn over itself; into a file or a pipe
// goes plain text, with a line of progress now and then.
type terminal struct {
	out   io.Writer
	real  bool
	drawn bool // an unfinished line of progress stands
}

func newTerminal(file *os.File) *terminal {
	info, err := file.Stat()
	device := err == nil && info.Mode()&os.ModeCharDevice != 0
	return &terminal{out: file, real: device && os.Getenv("TERM") != "dumb" && os.Getenv("NO_COLOR") == ""}
}

// Colours, as terminals know them.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (t *terminal) paint(colour, text string) string {
	if !t.real {
		return text
	}
	return "\033[" + colour + "m" + text + "\033[0m"
}

// write puts out whole lines. Whoever went away is noticed by SIGPIPE.
func (t *terminal) write(text string) {
	t.wipe()
	_, _ = io.WriteString(t.out, text+"\n")
}

func (t *terminal) say(format string, args ...any) { t.write(fmt.Sprintf(format, args...)) }

func (t *terminal) title(format string, args ...any) {
	t.write("\n" + t.paint(bold, fmt.Sprintf(format, args...)))
}

// command is what a user would type, and is executed.
func (t *terminal) command(line string) { t.write("  " + t.paint(cyan, "$ "+line)) }

// answer is what a command said.
func (t *terminal) answer(text string) {
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		t.write("    " + strings.TrimRight(line, "\n"))
	}
}

// note is what the reader should know of what comes.
func (t *terminal) note(format string, args ...any) {
	t.write("  " + t.paint(dim, fmt.Sprintf(format, args...)))
}

// seen is a claim that was checked just now.
func (t *terminal) seen(format string, args ...any) {
	t.write("  " + t.paint(green, "✓") + " " + fmt.Sprintf(format, args...))
}

func (t *terminal) failed(format string, args ...any) {
	t.write("  " + t.paint(red, "✗") + " " + fmt.Sprintf(format, args...))
}

// wipe removes the unfinished line of progress.
func (t *terminal) wipe() {
	if t.drawn {
		_, _ = io.WriteString(t.out, "\r\033[K")
		t.drawn = false
	}
}

// Pace of looking, and of speaking about it where a line cannot be drawn over.
const (
	lookEvery  = 250 * time.Millisecond
	speakFirst = 2 * time.Second
	speakEvery = 10 * time.Second
)

// look says what there is to see, and whether that is what was waited for. An error ends the waiting.
type look func(context.Context) (seen string, done bool, err error)

// await looks until it is there. It fails after the limit, with what was seen last.
func (t *terminal) await(ctx context.Context, what string, limit time.Duration, at look) error {
	began := time.Now()
	speak := began.Add(speakFirst)
	for {
		seen, done, err := at(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("waiting for %s: %w", what, err)
		case done:
			t.wipe()
			return nil
		case time.Since(began) > limit:
			t.wipe()
			return fmt.Errorf("waited %s for %s; what was seen last: %s", limit, what, seen)
		}
		speak = t.progress(what, seen, began, speak)
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
		}
	}
}

// progress shows that something is waited for. It returns when to speak of it next where nothing can be drawn.
func (t *terminal) progress(what, seen string, began, speak time.Time) time.Time {
	passed := time.Since(began).Truncate(time.Second)
	text := fmt.Sprintf("  … %s (%s)", what, passed)
	if t.real {
		room := max(1, narrow-len([]rune(text)))
		_, _ = io.WriteString(t.out, "\r\033[K"+t.paint(yellow, text)+t.paint(dim, cut(aside(seen), room)))
		t.drawn = true
		return speak
	}
	if time.Now().Before(speak) {
		return speak
	}
	t.write(text + cut(aside(seen), narrow))
	return time.Now().Add(speakEvery)
}

// narrow is what a line may take that is drawn over: one that a terminal breaks in two cannot be wiped.
const narrow = 79

// cut shortens a text to one line of so many runes.
func cut(text string, most int) string {
	text, _, _ = strings.Cut(text, "\n")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// aside sets what was seen last apart from what is waited for.
func aside(seen string) string {
	if seen = strings.TrimSpace(seen); seen == "" {
		return ""
	}
	return "  " + seen
}

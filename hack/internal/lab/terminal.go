package lab

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Terminal is where a run is shown. On a real one there are colours, and progress is drawn over itself; into a file or a pipe goes
// plain text, with a line of progress now and then.
type Terminal struct {
	out   io.Writer
	real  bool
	drawn bool      // an unfinished line of progress is there
	said  time.Time // when progress was last written where none is drawn
}

// NewTerminal shows a run on a file.
func NewTerminal(file *os.File) *Terminal {
	info, err := file.Stat()
	device := err == nil && info.Mode()&os.ModeCharDevice != 0
	return &Terminal{out: file, real: device && os.Getenv("TERM") != "dumb" && os.Getenv("NO_COLOR") == ""}
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

func (t *Terminal) paint(colour, text string) string {
	if !t.real {
		return text
	}
	return "\033[" + colour + "m" + text + "\033[0m"
}

// Say writes a line.
func (t *Terminal) Say(format string, args ...any) { t.write("", format, args...) }

// Title begins a part.
func (t *Terminal) Title(format string, args ...any) {
	t.write("\n", "%s", t.paint(bold, fmt.Sprintf(format, args...)))
}

// Command is what a user would type.
func (t *Terminal) Command(format string, args ...any) {
	t.write("  ", "%s", t.paint(cyan, "$ "+fmt.Sprintf(format, args...)))
}

// Answer is the output of a command.
func (t *Terminal) Answer(text string) {
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		t.write("    ", "%s", strings.TrimRight(line, "\n"))
	}
}

// Note is what the reader should know of what follows.
func (t *Terminal) Note(format string, args ...any) {
	t.write("  ", "%s", t.paint(dim, fmt.Sprintf(format, args...)))
}

// Seen is what was found to be so just now.
func (t *Terminal) Seen(format string, args ...any) {
	t.write("  "+t.paint(green, "✓")+" ", format, args...)
}

// Failed is what was not.
func (t *Terminal) Failed(format string, args ...any) {
	t.write("  "+t.paint(red, "✗")+" ", format, args...)
}

// write puts out whole lines. That a reader went away is noticed by SIGPIPE.
func (t *Terminal) write(before, format string, args ...any) {
	t.waited()
	_, _ = io.WriteString(t.out, before+fmt.Sprintf(format, args...)+"\n")
}

// How long nothing is said of waiting, how often it is said then where it cannot be drawn, and how long a line of it may be: one
// that a terminal breaks in two cannot be wiped.
const (
	silence = 2 * time.Second
	pause   = 10 * time.Second
	narrow  = 79
)

// waiting shows what is waited for since when, and what was seen of it last.
func (t *Terminal) waiting(what, seen string, began time.Time) {
	text := fmt.Sprintf("  … %s (%s)", what, time.Since(began).Truncate(time.Second))
	seen, _, _ = strings.Cut(seen, "\n")
	if runes, room := []rune("  "+seen), max(1, narrow-len([]rune(text))); len(runes) > room {
		seen = string(runes[:room-1]) + "…"
	} else {
		seen = string(runes)
	}
	switch {
	case t.real:
		_, _ = io.WriteString(t.out, "\r\033[K"+t.paint(yellow, text)+t.paint(dim, seen))
		t.drawn = true
	case time.Since(began) > silence && time.Since(t.said) > pause:
		t.write("", "%s%s", text, seen)
		t.said = time.Now()
	}
}

// waited removes the unfinished line of progress.
func (t *Terminal) waited() {
	if t.drawn {
		_, _ = io.WriteString(t.out, "\r\033[K")
		t.drawn = false
	}
}

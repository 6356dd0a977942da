package stytchsim

import "testing"

func TestTheJournalForgetsItsOldestLinesAndLendsNone(t *testing.T) {
	var j journal
	for range journalSize + 1 {
		j.open(Call{})
	}
	lines := j.since(0)
	if first, last := lines[0].Seq, lines[len(lines)-1].Seq; first != journalSize/10+1 || last != journalSize+1 {
		t.Errorf("it remembers %d to %d", first, last)
	}
	recordFields(j.calls[0], []byte(`{"a":1}`))
	j.since(0)[0].Fields[0] = "b"
	if name := j.since(0)[0].Fields[0]; name != "a" {
		t.Errorf("a reader changed a line to %s", name)
	}
}

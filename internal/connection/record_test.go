package connection_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// recorded are the fields of status that hold a Record.
var recorded = regexp.MustCompile(`(?:Status|CommonStatus\(\)|\bstatus)\.(?:ProjectID|OrganizationID|ConnectionID|EncryptionKeys|FromMetadata|Discovered)\b`)

func TestOnlyTheRecordsFileKnowsWhereTheRecordIsKept(t *testing.T) {
	there := 0
	for _, pattern := range []string{"*.go", "*/*.go", "../../controllers/*.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "connectiontest/") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				switch found := recorded.FindString(line); {
				case found == "":
				case name == "record.go" || name == "written.go" || strings.Contains(line, "return connection.Recorded{"):
					there++
				default:
					t.Errorf("%s reads or writes %s: that is the record's", name, found)
				}
			}
		}
	}
	if there == 0 {
		t.Error("nobody knows where the record is kept")
	}
}

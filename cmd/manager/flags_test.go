package main

import (
	"io"
	"strings"
	"testing"
)

func TestTheAuditLogHasNoAnnotationOfTheOperatorAndNotThatOfKubectl(t *testing.T) {
	for value, accepted := range map[string]bool{
		"": true, "example.com/ticket,example.com/team": true, "ticket": true, "notstytch-operator.dev/x": true,
		"connections.stytch-operator.dev/record": false, "stytch-operator.dev/x": false, "example.com/a,connections.stytch-operator.dev/rotate-token": false,
		"kubectl.kubernetes.io/last-applied-configuration": false, strings.Repeat("a,", maxAuditAnnotations+1): false, strings.Repeat("a,", maxAuditAnnotations): true,
	} {
		if _, err := parse([]string{"--audit-annotations=" + value}, io.Discard); (err == nil) != accepted {
			t.Errorf("%q: %v", value, err)
		}
	}
}

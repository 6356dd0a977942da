package main

import (
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

func TestTheTimeoutOfTheLeaseIsThatOfNoOtherClient(t *testing.T) {
	config := &rest.Config{Host: "https://127.0.0.1"}
	own := leaseConfig(config, realTimes())
	if own.Timeout != 5*time.Second || own.UserAgent == "" {
		t.Errorf("the clients for the lease have the timeout %s and the user agent %q", own.Timeout, own.UserAgent)
	}
	if config.Timeout != 0 || config.UserAgent != "" {
		t.Errorf("all clients have the timeout %s and the user agent %q", config.Timeout, config.UserAgent)
	}
}

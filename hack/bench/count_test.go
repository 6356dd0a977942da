package main

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestTheBenchNamesItsRequestsAsTheAPIServerDoes keeps the bench's own requests apart from the manager's: what is taken off must
// have the name under which it was counted.
func TestTheBenchNamesItsRequestsAsTheAPIServerDoes(t *testing.T) {
	const base = "/apis/connections.stytch-operator.dev/v1alpha1"
	for _, situation := range []struct {
		method, url, group string
		want               request
	}{
		{http.MethodPost, base + "/namespaces/default/samlconnections", "connections.stytch-operator.dev", request{verb: "POST", resource: "samlconnections"}},
		{http.MethodPut, base + "/namespaces/default/samlconnections/a?fieldManager=x", "connections.stytch-operator.dev", request{verb: "PUT", resource: "samlconnections"}},
		{http.MethodPatch, base + "/namespaces/default/samlconnections/a/status", "connections.stytch-operator.dev", request{verb: "PATCH", resource: "samlconnections", subresource: "status"}},
		{http.MethodGet, base + "/samlconnections?limit=500", "connections.stytch-operator.dev", request{verb: "LIST", resource: "samlconnections"}},
		{http.MethodGet, base + "/samlconnections?watch=true", "connections.stytch-operator.dev", request{verb: "WATCH", resource: "samlconnections"}},
		{http.MethodGet, "/api/v1/namespaces/default/secrets/a", "", request{verb: "GET", resource: "secrets"}},
		{http.MethodDelete, "/api/v1/namespaces/default/secrets", "", request{verb: "DELETECOLLECTION", resource: "secrets"}},
		{http.MethodGet, "/api/v1/namespaces/default", "", request{verb: "GET", resource: "namespaces"}},
		{http.MethodGet, "/healthz", "", request{}},
	} {
		group, got := asks(httptest.NewRequestWithContext(t.Context(), situation.method, situation.url, http.NoBody))
		if got != situation.want || group != situation.group {
			t.Errorf("%s %s is %q %+v, want %q %+v", situation.method, situation.url, group, got, situation.group, situation.want)
		}
	}
}

// TestASampleIsReadWithItsLabels reads a line as the API server prints it.
func TestASampleIsReadWithItsLabels(t *testing.T) {
	const line = `apiserver_request_total{code="200",component="apiserver",dry_run="",group="g",resource="r\"{} 7",subresource="status",verb="PATCH"} 1.2e+03` + "\n"
	got, isSample := parseSample(line, "apiserver_request_total")
	want := map[string]string{"code": "200", "component": "apiserver", "dry_run": "", "group": "g", "resource": `r\"{} 7`, "subresource": "status", "verb": "PATCH"}
	if !isSample || got.value != 1200 || !maps.Equal(got.labels, want) {
		t.Errorf("got %+v, %v", got, isSample)
	}
	for _, other := range []string{"# TYPE apiserver_request_total counter", "apiserver_request_total 7", `apiserver_request_total_x{a="b"} 1`, `apiserver_request_total{a="b"} x`} {
		if _, isSample := parseSample(other, "apiserver_request_total"); isSample {
			t.Errorf("%q was read as a sample", other)
		}
	}
}

// TestAWindowBeginsInTheLongestGap lays a window's edges where no look can fall on them, and between whose edges each organization
// is then looked at once.
func TestAWindowBeginsInTheLongestGap(t *testing.T) {
	from := time.Unix(1000, 0)
	at := func(seconds ...float64) []time.Time {
		var all []time.Time
		for _, s := range seconds {
			all = append(all, from.Add(time.Duration(s*float64(time.Second))))
		}
		return all
	}
	for _, situation := range []struct {
		name  string
		times []time.Time
		want  float64
	}{
		{"none", nil, 0},
		{"one, seen twice and not quite on time", at(4, 14.1), 9.05},
		{"the gap goes over the end", at(3, 4, 5, 13, 14, 15), 9},
		{"the gap lies within", at(1, 8, 9, 11, 18, 19), 4.5},
		{"the gap's middle lies past the end", at(0, 7, 10, 17), 3.5},
	} {
		if got := window(situation.times, from, 10*time.Second).Sub(from).Seconds(); got != situation.want {
			t.Errorf("%s: the window begins at %v, want %v", situation.name, got, situation.want)
		}
	}
}

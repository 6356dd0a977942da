package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
)

// writesOf are the writes of resources that took place.
func (r result) writesOf(resources ...string) int {
	return r.requests.sum(func(made request) bool {
		return made.writes() && made.code < http.StatusBadRequest && slices.Contains(resources, made.resource)
	})
}

func (r result) objects() int {
	return r.writesOf("samlconnections", "scimconnections", "externalconnections")
}

// print shows the counts with their floors, and below what they are made of.
func (b *bench) print(out io.Writer) {
	var text strings.Builder
	fmt.Fprintf(&text, "\n%d SAML and %d SCIM connections in %d organizations; a call to Stytch takes %s. Each count / its floor.\n\n",
		b.connections, b.organizations, b.organizations, b.latency)
	table := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	lab.Must(io.WriteString(table, b.rows()))
	lab.Check(table.Flush())
	text.WriteString(`
Stytch calls are those of the simulator's journal. Writes, 409 and reads are those of the API server's metrics, without what the
bench itself asked for; the Lease is left out, and reads are those of connections, StytchProjects, Secrets and events.

`)
	for _, r := range b.results {
		fmt.Fprintf(&text, "%s\n    Stytch      %s\n    Kubernetes  %s\n", r.name, madeOfCalls(r), madeOfRequests(r))
	}
	lab.Must(io.WriteString(out, text.String()))
}

// rows are the table's, cells separated by tabs.
func (b *bench) rows() string {
	var rows strings.Builder
	rows.WriteString("phase\tStytch calls\tobject writes\tSecret writes\tevents\t409\treads\tpeak RSS\ttime\n")
	for _, r := range b.results {
		conflicts := r.requests.sum(func(made request) bool { return made.code == http.StatusConflict })
		fmt.Fprintf(&rows, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%.0f MiB\t%s %s\n", r.name,
			against(len(r.calls), r.floor.calls), against(r.objects(), r.floor.objects), against(r.writesOf("secrets"), r.floor.secrets),
			r.writesOf("events"), conflicts, r.requests.sum(request.reads), r.peak, r.took.Round(10*time.Millisecond), r.of)
	}
	return rows.String()
}

// against shows a count and its floor, and by how much it lies above.
func against(count, floor int) string {
	text := fmt.Sprintf("%d / %d", count, floor)
	if count != floor {
		text += fmt.Sprintf(" (%+d)", count-floor)
	}
	return text
}

func madeOfCalls(r result) string {
	operations := map[string]int{}
	for _, call := range r.calls {
		name := cmp.Or(call.Operation, call.Method+" "+call.Path)
		if call.Status >= http.StatusBadRequest || call.Status == 0 {
			name += fmt.Sprintf(" → %d", call.Status)
		}
		operations[name]++
	}
	return list(operations)
}

func madeOfRequests(r result) string {
	requests := map[string]int{}
	for made, n := range r.requests {
		if made.reads() || made.writes() {
			requests[made.String()] += n
		}
	}
	return list(requests)
}

// list shows counts, the largest first.
func list(counts map[string]int) string {
	if len(counts) == 0 {
		return "nothing"
	}
	var parts []string
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%d %s", counts[name], name))
	}
	return strings.Join(parts, ", ")
}

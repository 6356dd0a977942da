package lab

import (
	"regexp"
	"strconv"
	"strings"
)

// Sample is one line of a page of metrics.
type Sample struct {
	Labels map[string]string
	Value  float64
}

var label = regexp.MustCompile(`([a-z_]+)="((?:[^"\\]|\\.)*)"`)

// Value is the value of a metric that has no labels; false if the page does not have it.
func Value(page, metric string) (value float64, found bool) {
	for line := range strings.Lines(page) {
		if rest, is := strings.CutPrefix(line, metric+" "); is {
			return Must(strconv.ParseFloat(strings.TrimSpace(rest), 64)), true
		}
	}
	return 0, false
}

// Samples are the lines of a page that belong to a metric, with labels.
func Samples(page, metric string) []Sample {
	var all []Sample
	for line := range strings.Lines(page) {
		rest, found := strings.CutPrefix(line, metric+"{")
		end := strings.LastIndex(rest, "} ")
		if !found || end < 0 {
			continue
		}
		s := Sample{Labels: map[string]string{}, Value: Must(strconv.ParseFloat(strings.TrimSpace(rest[end+2:]), 64))}
		for _, match := range label.FindAllStringSubmatch(rest[:end], -1) {
			s.Labels[match[1]] = match[2]
		}
		all = append(all, s)
	}
	return all
}

// Requests are the requests that the API server has counted so far. It counts one after its answer.
func (l *Lab) Requests() []Sample {
	return Samples(l.Kubectl("get", "--raw=/metrics"), "apiserver_request_total")
}

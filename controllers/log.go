package controllers

import (
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Log is the logger for a manager that runs these controllers. Nothing can be created in a namespace that is being deleted, events
// included. client-go logs each event that is refused there as an error, although nothing is wrong and nobody can do anything.
func Log(to logr.Logger) logr.Logger { return to.WithSink(logSink{LogSink: to.GetSink()}) }

// logSink logs refused events of namespaces that are being deleted for debugging only.
type logSink struct {
	logr.LogSink
	events bool // it is the logger that client-go logs refused events to
}

// eventLogger is the name of that logger in controller-runtime.
const eventLogger = "events"

func (s logSink) Error(err error, message string, keysAndValues ...any) {
	if !s.events || !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		s.LogSink.Error(err, message, keysAndValues...)
		return
	}
	if s.Enabled(1) {
		s.Info(1, "The namespace is being deleted, so an event was not recorded", "reason", err.Error())
	}
}

func (s logSink) WithValues(keysAndValues ...any) logr.LogSink {
	return logSink{s.LogSink.WithValues(keysAndValues...), s.events}
}

func (s logSink) WithName(name string) logr.LogSink {
	return logSink{s.LogSink.WithName(name), s.events || name == eventLogger}
}

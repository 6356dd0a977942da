package controllers

import (
	"context"
	"log/slog"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// change is what one call changes in Stytch, as the audit log tells it.
type change struct {
	id     string   // of the connection
	fields []string // which it sets
	drift  bool     // it repairs drift
	note   string   // what an event says of it
}

// audit logs a call that changed something in Stytch, or may have. It is the only line about such a call, and always has the same fields:
// docs/operations.md, Audit log.
func (p *pass[O, R]) audit(ctx context.Context, c change, made stytch.Request, err error) {
	outcome, request := connection.Outcome(made, err)
	if outcome == "" {
		return
	}
	p.audited = request
	record := connection.RecordOf(p.o)
	ctrl.LoggerFrom(ctx).Info("Change in Stytch", "audit", slog.GroupValue(
		slog.String("operation", request.Operation),
		slog.String("outcome", outcome),
		slog.Int("status", request.StatusCode),
		slog.String("errorType", request.ErrorType),
		slog.String("requestID", request.ID),
		slog.String("project", record.Project),
		slog.String("organization", record.Organization),
		slog.String("connection", c.id),
		slog.String("kind", p.engine.kindName),
		slog.String("namespace", p.o.GetNamespace()),
		slog.String("name", p.o.GetName()),
		slog.String("uid", string(p.o.GetUID())),
		slog.Int64("generation", p.o.GetGeneration()),
		slog.Bool("drift", c.drift),
		slog.Any("fields", append([]string{}, c.fields...)),
		slog.Any("appliedBy", connection.AppliedBy(p.o, p.shared.AuditAnnotations)),
		slog.String("note", truncateNote(c.note)),
	))
}

// logFailed logs a failed call with its request ID, unless the audit log has it. Status keeps only the first of a series of equal failures.
func (p *pass[O, R]) logFailed(ctx context.Context, failed *stytch.Error) {
	if failed.Request == p.audited {
		return
	}
	ctrl.LoggerFrom(ctx).Info("A call to Stytch failed", "operation", failed.Operation, "status", failed.StatusCode,
		"errorType", failed.ErrorType, "requestID", failed.ID)
}

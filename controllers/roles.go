package controllers

import (
	"context"
	"errors"
	"slices"

	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// knownRoles returns the roles that Stytch has, as far as they are needed to say which of some roles it does not have; none if they
// cannot be read. They only make a message more helpful: so a failure is logged, and changes nothing else.
func (p *pass[O, R]) knownRoles(ctx context.Context, roles []string) []string {
	if len(roles) == 0 {
		return nil
	}
	known, err := p.stytch.PolicyRoles(ctx)
	if err == nil && slices.ContainsFunc(roles, func(r string) bool { return !slices.Contains(known, r) }) {
		var custom []string
		custom, err = p.stytch.CustomRoles(ctx, connection.RecordOf(p.o).Organization)
		known = slices.Concat(known, custom)
	}
	if err == nil {
		return known
	}
	if failed, ok := errors.AsType[*stytch.Error](err); ok {
		p.logFailed(ctx, failed)
	}
	return nil
}

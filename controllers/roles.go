package controllers

import (
	"context"
	"errors"

	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/listing"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// knownRoles returns the roles that Stytch has, as far as they are needed to say which of some roles it does not have; none if they
// cannot be read. They only make a message more helpful: so a failure is logged, and changes nothing else.
func (p *pass[O, R]) knownRoles(ctx context.Context, roles []string) []string {
	known, err := listing.Roles(ctx, p.stytch, connection.RecordOf(p.o).Organization, roles)
	if err == nil {
		return known
	}
	if failed, ok := errors.AsType[*stytch.Error](err); ok {
		p.logFailed(ctx, failed)
	}
	return nil
}

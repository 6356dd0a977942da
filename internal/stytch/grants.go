package stytch

import "errors"

// Grants say which organizations a session may touch. They are asked at each call:
// before the cache answers it, and right before it is sent. They must answer at once.
type Grants interface {
	// Organization reports whether an organization may be touched.
	Organization(id string) bool
	// Source reports whether the connections of a source organization may be read, and
	// used by External connections of an organization.
	Source(organizationID, sourceID string) bool
}

// NotGranted is returned, always as *NotGranted, if a call was not sent, or not
// answered from the cache, because the session's Grants do not let it pass.
type NotGranted struct{} //nolint:errname // it reads like NotYet, which it stands next to

// Error returns a text that does not depend on what there is in Stytch.
func (*NotGranted) Error() string { return "the organization is not granted" }

// Under returns the same session for calls that the grants let pass, and no others.
// The caches and the gate are shared.
func (s *Session) Under(g Grants) *Session {
	guarded := *s.account
	guarded.grants = g
	return &Session{account: &guarded}
}

// granted returns why a call may not be made, now or from the cache; nil if it may.
// Without grants every call may. A call that names no organization is refused unless
// it says what it needs.
func (a *account) granted(op call) error {
	if a.grants == nil {
		return nil
	}
	needs := op.needs
	if needs == nil {
		needs = func(g Grants) bool { return g.Organization(op.organization) }
	}
	if !needs(a.grants) {
		return &NotGranted{}
	}
	return nil
}

// mayBeSent returns a function that says why a call may not be sent at that moment;
// nil if it may. It returns nil if nothing can keep the call back.
func (a *account) mayBeSent(op call) func() error {
	if a.grants == nil {
		return op.permit
	}
	return func() error {
		if err := a.granted(op); err != nil || op.permit == nil {
			return err
		}
		return op.permit()
	}
}

// needsNothing is what calls need that are about the project as a whole.
func needsNothing(Grants) bool { return true }

// HeldBack returns the *NotYet or *NotGranted that an error wraps; nil if it wraps
// neither.
func HeldBack(err error) error {
	if notYet, ok := errors.AsType[*NotYet](err); ok {
		return notYet
	}
	if refused, ok := errors.AsType[*NotGranted](err); ok {
		return refused
	}
	return nil
}

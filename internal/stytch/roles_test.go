package stytch

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

func TestThePolicyIsReadOnceInFiveMinutesForAllOfAProject(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	w.secondly()
	want := []string{"admin", "editor", "stytch_admin", "stytch_member", "viewer"}
	w.expect(func() {
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				var got []string
				err := persist(func() (err error) { got, err = w.caller(fmt.Sprint("uid-", i)).PolicyRoles(ctx(t)); return err })
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("the roles are %q, %v", got, err)
				}
			})
		}
		all.Wait()
	}, "GetRBACPolicy")
	w.clock.advance(5 * time.Minute)
	w.expect(func() { _, err := w.caller("uid").PolicyRoles(ctx(t)); must(t, err) })
	must(t, w.AddProject(stytchsim.Project{ID: stytchsim.DefaultProjectID, Roles: []stytchsim.Role{{ID: "auditor"}}}))
	w.clock.advance(time.Second)
	w.expect(func() {
		got, err := w.caller("uid").PolicyRoles(ctx(t))
		if err != nil || !slices.Equal(got, []string{"auditor", "stytch_admin", "stytch_member"}) {
			t.Errorf("the roles are %q, %v", got, err)
		}
	}, "GetRBACPolicy")
}

func TestTheRolesOfAnOrganizationAreReadOnceInFiveMinutes(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	_, err := w.PatchOrganization(w.org, map[string]any{"custom_roles": []any{map[string]any{"role_id": "pilot"}, map[string]any{"role_id": "cook"}}})
	must(t, err)
	read := func() {
		if got, err := w.caller("uid").CustomRoles(ctx(t), w.org); err != nil || !slices.Equal(got, []string{"cook", "pilot"}) {
			t.Errorf("the roles are %q, %v", got, err)
		}
	}
	w.expect(read, "GetOrganization")
	w.clock.advance(5 * time.Minute)
	w.expect(read)
	w.clock.advance(time.Second)
	w.expect(read, "GetOrganization")
}

func TestAPolicyThatCannotBeReadIsNoEmptyOne(t *testing.T) {
	for body, code := range map[string]int{
		`{"request_id":"r","policy":{"roles":[]}}`:   http.StatusOK,
		`{"request_id":"r","policy":{"roles":null}}`: http.StatusOK,
		`{"request_id":"r","policy":null}`:           http.StatusOK,
		`{"request_id":"r"}`:                         http.StatusOK,
		`<html>`:                                     http.StatusOK,
	} {
		_, err := answering(t, status(code, body)).PolicyRoles(ctx(t))
		_ = failedAs(t, err, Unavailable)
	}
	_, err := answering(t, status(http.StatusForbidden, `{"request_id":"r","error_type":"forbidden"}`)).PolicyRoles(ctx(t))
	_ = failedAs(t, err, PermissionDenied)
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// groups: roles by the names of groups. One was pushed, the other is waited for and picked up after its push.
func (s *story) groups(ctx context.Context) error {
	wanted := s.samples.scim.Spec.GroupImplicitRoles
	if len(wanted) != 2 || wanted[0]["groupName"] == "" || wanted[1]["groupName"] == "" {
		return fmt.Errorf("the sample gives roles to %v, and two groups by name are needed", wanted)
	}
	scim, err := s.kubectl.get(ctx, kindSCIM, s.samples.scim.Metadata.Name)
	if err != nil {
		return err
	}
	first, second := wanted[0]["groupName"], wanted[1]["groupName"]
	s.terminal.note("The identity provider pushes a first group.")
	if err := s.push(ctx, scim, first); err != nil {
		return err
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"groupImplicitRoles": wanted}})
	if err != nil {
		return err
	}
	if err := s.change(ctx, scim, string(patch)); err != nil {
		return err
	}
	if err := s.awaitReason(ctx, scim, "GroupsPending", "Reconciling", 10*time.Second); err != nil {
		return err
	}
	if err := s.givenTo(ctx, scim, wanted[:1]); err != nil {
		return err
	}
	if _, err := s.kubectl.show(ctx, "get", scim.name(), "-o", `jsonpath={.status.groups}{"\n"}{.status.conditions[?(@.type=="Synced")].message}{"\n"}`); err != nil {
		return err
	}
	s.terminal.seen("%s has its role; %s is not there yet, blocks nothing, and is named", first, second)
	return s.pushLate(ctx, scim, second, wanted)
}

// pushLate pushes the group that is waited for, and finds it picked up.
func (s *story) pushLate(ctx context.Context, scim object, name string, wanted []map[string]string) error {
	entry, err := s.sim.now(ctx)
	if err != nil {
		return err
	}
	s.terminal.note("It pushes the other.")
	if err := s.push(ctx, scim, name); err != nil {
		return err
	}
	began := time.Now()
	if err := s.awaitInForce(ctx, "the group to be found", resync+5*time.Second, scim.name()); err != nil {
		return err
	}
	took := time.Since(began)
	sent, err := s.sim.since(ctx, entry)
	if err != nil {
		return err
	}
	sent = scim.about(sent)
	s.terminal.journal(sent)
	if _, err := sent.onlyUpdate("UpdateSCIMConnection", "scim_group_implicit_role_assignments"); err != nil {
		return err
	}
	if err := s.givenTo(ctx, scim, wanted); err != nil {
		return err
	}
	s.terminal.seen("picked up by itself at the next look, %s after the push, with one PUT", took.Round(time.Second/10))
	return nil
}

// push is what an identity provider does.
func (s *story) push(ctx context.Context, scim object, name string) error {
	return s.sim.show(ctx, http.MethodPost, "/__sim/groups", stytchsim.Group{Name: name, ConnectionID: scim.Status.ConnectionID}, nil)
}

// givenTo checks which groups have which roles at Stytch.
func (s *story) givenTo(ctx context.Context, scim object, wanted []map[string]string) error {
	var state stytchsim.State
	if err := s.sim.ask(ctx, http.MethodGet, "/__sim/state", nil, &state); err != nil {
		return err
	}
	names := map[string]string{}
	for _, g := range state.Groups {
		names[g.ID] = g.Name
	}
	is, err := s.sim.connection(ctx, scim)
	if err != nil {
		return err
	}
	var have, want []string
	list, _ := is.Fields["scim_group_implicit_role_assignments"].([]any)
	for _, entry := range list {
		assignment, _ := entry.(map[string]any)
		id, _ := assignment["group_id"].(string)
		have = append(have, fmt.Sprintf("%s %v", names[id], assignment["role_id"]))
	}
	for _, w := range wanted {
		want = append(want, w["groupName"]+" "+w["role"])
	}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		return fmt.Errorf("at Stytch have roles: %v; and should: %v", have, want)
	}
	return nil
}

package stytch

import (
	"testing"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

func TestTheTokensOfASCIMConnectionAreShownOnceAndKeptNowhere(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	if list := w.scim(caller, start); list != nil {
		t.Fatalf("none is there, and listed is %+v", list)
	}
	made, _, err := caller.CreateSCIM(ctx(t), w.org, Fields{"display_name": "Acme", "identity_provider": "okta"})
	must(t, err)
	if made.BearerToken == "" || made.BearerTokenLastFour != made.BearerToken.LastFour() || made.BaseURL == "" || made.BearerTokenExpiresAt.IsZero() || made.NextBearerTokenLastFour != "" {
		t.Errorf("created: %+v", made)
	}
	if !w.VerifyToken(made.ConnectionID, made.BearerToken.Reveal()).Accepted {
		t.Error("the token that was read is not the connection's")
	}
	cached := w.scim(caller, start)
	if len(cached) != 1 || cached[0].BearerToken != "" || cached[0].BearerTokenLastFour != made.BearerTokenLastFour {
		t.Errorf("held: %+v", cached)
	}
	rotating, _, err := caller.StartRotation(ctx(t), w.org, made.ConnectionID)
	must(t, err)
	if rotating.NextBearerToken == "" || rotating.NextBearerTokenLastFour != rotating.NextBearerToken.LastFour() || rotating.BearerToken != "" || rotating.NextBearerTokenExpiresAt.IsZero() {
		t.Errorf("rotating: %+v", rotating)
	}
	if cached = w.scim(caller, start); cached[0].NextBearerToken != "" || cached[0].NextBearerTokenLastFour != rotating.NextBearerTokenLastFour {
		t.Errorf("held while rotating: %+v", cached)
	}
	done, _, err := caller.CompleteRotation(ctx(t), w.org, made.ConnectionID)
	must(t, err)
	if done.BearerTokenLastFour != rotating.NextBearerTokenLastFour || done.NextBearerTokenLastFour != "" {
		t.Errorf("completed: %+v", done)
	}
	_, _, err = caller.CancelRotation(ctx(t), w.org, made.ConnectionID)
	if e := failedAs(t, err, Rejected); e.ErrorType != "scim_connection_not_rotating_token" {
		t.Errorf("cancelling nothing: %v", e)
	}
}

func TestASCIMConnectionIsOneForAnOrganization(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	w.scim(caller, start)
	made, _, err := caller.CreateSCIM(ctx(t), w.org, Fields{"display_name": "Acme", "identity_provider": "okta"})
	must(t, err)
	_, _, err = caller.CreateSCIM(ctx(t), w.org, Fields{"display_name": "Second", "identity_provider": "okta"})
	if e := failedAs(t, err, Rejected); e.ErrorType != "active_scim_connection_exists" || e.Unknown() {
		t.Errorf("creating a second one: %v", e)
	}
	_, err = caller.DeleteSCIM(ctx(t), w.org, made.ConnectionID)
	must(t, err)
	w.expect(func() {
		if list := w.scim(caller, start); list != nil {
			t.Errorf("deleted, and held is %+v", list)
		}
	})
	_, err = caller.DeleteSCIM(ctx(t), w.org, made.ConnectionID)
	_ = failedAs(t, err, NotFound)
}

func TestASCIMConnectionThatIsGoneTakesNoOtherWithIt(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	made, err := w.AddConnection(w.org, stytchsim.SCIM, nil)
	must(t, err)
	w.scim(caller, start)
	_, err = caller.DeleteSCIM(ctx(t), w.org, "scim-connection-test-00000000-0000-4000-8000-000000000000")
	_ = failedAs(t, err, NotFound)
	if cached := w.scim(caller, start); len(cached) != 1 || cached[0].ConnectionID != made.ID {
		t.Errorf("held: %+v", cached)
	}
}

func TestAnAbsentSCIMConnectionIsSeenInEachWayOfSayingIt(t *testing.T) {
	for _, way := range []string{"404", "400", "null", "absent", "deleted"} {
		w := newWorld(t, stytchsim.Switches{AbsentSCIM: way})
		if list := w.scim(w.caller("uid"), start); list != nil {
			t.Errorf("%s: %+v", way, list)
		}
	}
	for _, c := range []struct {
		status int
		body   string
		absent bool
	}{
		{404, refused("something_unheard_of"), true},
		{400, refused("scim_connection_not_found"), true},
		{404, refused("organization_not_found"), false},
		{404, refused("route_not_found"), false},
		{404, refused("project_not_found"), false},
		{400, refused("something_unheard_of"), false},
		{404, "<html>", false},
		{500, refused("no_active_scim_connection"), false},
		{200, "{}", false},
	} {
		list, err := answering(t, status(c.status, c.body)).SCIM(ctx(t), someone, start)
		if absent := err == nil && list == nil; absent != c.absent {
			t.Errorf("%d %s: %+v, %v", c.status, c.body, list, err)
		}
	}
}

func TestARotationThatIsAnsweredWithoutItsTokenIsNotTakenForStarted(t *testing.T) {
	for _, body := range []string{`{"request_id":"r"}`, `{"request_id":"r","connection":{"connection_id":"c"}}`} {
		_, _, err := answering(t, status(200, body)).StartRotation(ctx(t), someone, "c")
		if e := failedAs(t, err, Unavailable); !e.Unknown() || e.Message != "the response lacks the next bearer token" {
			t.Errorf("%s: %v", body, e)
		}
	}
}

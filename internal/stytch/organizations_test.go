package stytch

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

func TestAllOrganizationsAreFoundPageByPage(t *testing.T) {
	for _, cursor := range []string{"null", "empty", "absent"} {
		w := newWorld(t, stytchsim.Switches{Cursor: cursor})
		want := []string{w.org}
		for i := range 1000 {
			want = append(want, w.organization(fmt.Sprint("o-", i)))
		}
		slices.Sort(want)
		var got []string
		w.expect(func() {
			all, err := w.caller("uid").Organizations(ctx(t))
			must(t, err)
			for _, o := range all {
				got = append(got, o.ID)
				if o.ID == w.org && (o.Slug != "acme" || o.Name == "") {
					t.Errorf("it is %+v", o)
				}
			}
		}, "SearchOrganizations", "SearchOrganizations")
		if !slices.Equal(got, want) {
			t.Errorf("found %d organizations, want %d", len(got), len(want))
		}
		known, err := w.caller("uid").DescribeOrganization(ctx(t), "acme")
		if err != nil || known.ID != w.org || known.Slug != "acme" || known.Name == "" {
			t.Errorf("%+v, %v", known, err)
		}
	}
}

func TestASearchThatIsNotWholeIsAnError(t *testing.T) {
	for _, body := range []string{
		`{"request_id":"r","organizations":[{"organization_slug":"acme"}],"results_metadata":{}}`,
		`{"request_id":"r","organizations":[],"results_metadata":{"next_cursor":"1"}}`, // again and again
	} {
		if got, err := answering(t, status(200, body)).Organizations(ctx(t)); err == nil {
			t.Errorf("%s: %+v", body, got)
		}
	}
}

func TestListsKeepTheirPEMWhereThatIsAskedFor(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	text, _ := certificate(t, "idp")
	_, err := w.AddConnection(w.org, stytchsim.SAML, map[string]any{"verification_certificates": []string{text}})
	must(t, err)
	for _, keep := range []bool{false, true} {
		w.service = New(Options{UserAgent: "stytch-operator/test", Now: w.clock.Now, KeepPEM: keep})
		got := w.sso(w.caller("uid"), start).SAML[0].VerificationCertificates[0].PEM
		if want := map[bool]string{true: text}[keep]; got != want {
			t.Errorf("with KeepPEM %t it is %q", keep, got)
		}
	}
}

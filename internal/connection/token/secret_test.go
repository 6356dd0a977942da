package token_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/scim"
	"github.com/stytch-operator/stytch-operator/internal/connection/token"
)

func TestASecretIsOursByItsLabelAlone(t *testing.T) {
	bearer := map[string]string{"token": "some-token-wxyz"}
	for _, test := range []struct {
		name   string
		secret *corev1.Secret
		id     string
		ours   bool
	}{
		{"the connection's ID", TokenSecret(SCIMID, bearer), SCIMID, true},
		{"the mark of this manifest", TokenSecret(connection.MarkLabel(connection.UIDMark(ManifestUID)), bearer), SCIMID, true},
		{"the mark of this manifest before there is an ID", TokenSecret(connection.MarkLabel(connection.UIDMark(ManifestUID)), nil), "", true},
		{"released and empty", TokenSecret("released", nil), SCIMID, true},
		{"released and empty before there is an ID", TokenSecret("released", nil), "", true},
		{"released and not empty", TokenSecret("released", bearer), SCIMID, false},
		{"no label", TokenSecret("", bearer), SCIMID, false},
		{"no label and no ID", TokenSecret("", nil), "", false},
		{"another connection's ID", TokenSecret("scim-connection-live-9", bearer), SCIMID, false},
		{"an ID before there is one", TokenSecret(SCIMID, bearer), "", false},
		{"another manifest's mark", TokenSecret(connection.MarkLabel(connection.UIDMark(OtherUID)), nil), SCIMID, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := token.Owns(test.secret, test.id, SCIMManifest()); got != test.ours {
				t.Errorf("it is ours: %t, want %t", got, test.ours)
			}
		})
	}
}

// held is what a Secret holds of a token, without what is known of it otherwise.
func held(bearer *connection.Token) connection.Token {
	return connection.Token{LastFour: bearer.LastFour, NextLastFour: bearer.NextLastFour, BaseURL: bearer.BaseURL, Foreign: bearer.Foreign}
}

func TestTheTokenOfASecretIsKnownByItsLastFour(t *testing.T) {
	for _, test := range []struct {
		name string
		in   connection.Inputs
		want connection.Token
	}{
		{"no Secret", connection.Inputs{}, connection.Token{}},
		{"a Secret that does not exist", connection.Inputs{Secrets: map[string]*corev1.Secret{"acme-scim": nil}}, connection.Token{}},
		{"a Secret without data", Holding(TokenSecret(SCIMID, nil)), connection.Token{}},
		{"a token", SecretWith(SCIMID, "some-token-wxyz"), connection.Token{LastFour: "wxyz", BaseURL: SCIMRemote().BaseURL}},
		{"a token too short to be one", SecretWith(SCIMID, "wxyz"), connection.Token{BaseURL: SCIMRemote().BaseURL}},
	} {
		t.Run(test.name, func(t *testing.T) {
			want, problems := WantOf(scim.Kind(), SCIMManifest(), SCIMID, test.in)
			Same(t, "the token", held(want.Token), test.want)
			Same(t, "problems", problems, []connection.Problem(nil))
		})
	}
}

func TestASecretThatIsNotOursIsAProblemAndItsTokenIsNotRead(t *testing.T) {
	for _, test := range []struct {
		name, id string
		says     []string
	}{
		{"before there is a connection", "", []string{"Secret acme-scim", "not changed", "Delete it, or apply a new manifest that names another"}},
		{"of a connection", SCIMID, []string{"Secret acme-scim", "not changed", "connections.stytch-operator.dev/connection=" + SCIMID, "delete it"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			want, problems := WantOf(scim.Kind(), SCIMManifest(), test.id, SecretWith("somebody", "their-token-abcd"))
			Same(t, "the token", held(want.Token), connection.Token{Foreign: true})
			if len(problems) != 1 || problems[0].Reason != v1alpha1.ReasonInvalid {
				t.Fatalf("the problems are %+v, want one that is Invalid", problems)
			}
			Contains(t, problems[0].Message, test.says...)
			Lacks(t, problems[0].Message, "abcd", "their-token")
		})
	}
}

func TestAForeignSecretKeepsTheMarkAndTheTokenAsTheyAre(t *testing.T) {
	for _, name := range []string{"Acme – Okta", MarkedName("Acme – Okta", ManifestUID)} {
		r := SCIMRemote()
		r.DisplayName = name
		plan, problems := PlanFor(scim.Kind(), SCIMManifest(), r, SecretWith("somebody", "their-token-abcd"))
		NoSteps(t, plan)
		if len(problems) != 1 {
			t.Errorf("of %q the problems are %+v, want the one", name, problems)
		}
	}
}

func TestATokenThatTheSecretDoesNotHoldIsReported(t *testing.T) {
	held := func(o *v1alpha1.SCIMConnection) {
		o.Status.BearerToken = &v1alpha1.SCIMBearerTokenStatus{LastFour: "wxyz", SecretName: "acme-scim"}
	}
	for _, test := range []struct {
		name    string
		edit    func(*v1alpha1.SCIMConnection)
		isNew   bool
		in      connection.Inputs
		reports bool
		reason  string
	}{
		{"not where it holds it", held, false, SecretWith(SCIMID, "some-token-wxyz"), false, ""},
		{"not while the connection is new: it is replaced", nil, true, connection.Inputs{}, false, ""},
		{"only mentioned where no Secret ever held it", nil, false, connection.Inputs{}, true, ""},
		{
			"only mentioned where status knows the token and no Secret",
			func(o *v1alpha1.SCIMConnection) {
				o.Status.BearerToken = &v1alpha1.SCIMBearerTokenStatus{LastFour: "wxyz"}
			},
			false,
			connection.Inputs{},
			true, "",
		},
		{"as missing where the Secret that held it is gone", held, false, connection.Inputs{}, true, v1alpha1.ReasonInputMissing},
		{"as missing where the Secret that held it holds another", held, false, SecretWith(SCIMID, "some-token-abcd"), true, v1alpha1.ReasonInputMissing},
		{"as missing where its own Secret holds another, though status was lost", nil, false, SecretWith(SCIMID, "some-token-abcd"), true, v1alpha1.ReasonInputMissing},
		{"only mentioned where its own Secret holds none, as one does that was made by hand", nil, false, Holding(TokenSecret(SCIMID, nil)), true, ""},
		{
			"by the ID that the manifest names, where none is recorded",
			func(o *v1alpha1.SCIMConnection) { o.Spec.ConnectionID, o.Status.ConnectionID = SCIMID, "" },
			false,
			connection.Inputs{},
			true, "",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, r := SCIMManifest(), SCIMRemote()
			if test.edit != nil {
				test.edit(o)
			}
			if test.isNew {
				r.DisplayName = MarkedName("Acme – Okta", o.UID)
			}
			plan, problems := PlanFor(scim.Kind(), o, r, test.in)
			if !test.reports {
				Same(t, "problems", problems, []connection.Problem(nil))
				return
			}
			NoSteps(t, plan)
			if len(problems) != 1 || problems[0].Reason != test.reason {
				t.Fatalf("the problems are %+v, want one with the reason %q", problems, test.reason)
			}
			Contains(t, problems[0].Message, "Secret acme-scim", "ending in wxyz", "under the key token", v1alpha1.LabelConnection+"="+SCIMID+", or", v1alpha1.AnnotationRotateToken+"=wxyz to rotate the token.")
			Lacks(t, problems[0].Message, "abcd")
		})
	}
}

func TestSCIMStatusSaysWhatMayBeKnownOfTheToken(t *testing.T) {
	r := SCIMRemote()
	r.BearerTokenExpiresAt = YearsOn(5)
	o := SCIMManifest()

	PublishedToken(o, r, connection.Inputs{})
	Same(t, "the base URL", o.Status.BaseURL, r.BaseURL)
	Same(t, "the token that no Secret holds", o.Status.BearerToken, &v1alpha1.SCIMBearerTokenStatus{
		LastFour: "wxyz", ExpiresAt: new(metav1.NewTime(YearsOn(5))), Phase: v1alpha1.TokenIdle,
	})

	PublishedToken(o, r, SecretWith(SCIMID, "some-token-wxyz"))
	Same(t, "the Secret that holds it", o.Status.BearerToken.SecretName, "acme-scim")
	Same(t, "the token that it holds", o.Status.BearerToken.SecretLastFour, "wxyz")

	r.BearerTokenExpiresAt = time.Time{}
	PublishedToken(o, r, connection.Inputs{})
	Same(t, "the token whose Secret went away", o.Status.BearerToken, &v1alpha1.SCIMBearerTokenStatus{
		LastFour: "wxyz", SecretName: "acme-scim", SecretLastFour: "wxyz", Phase: v1alpha1.TokenIdle,
	})
}

func TestTheTemplateIsAppliedToTheConnectionsSecretAfterItsToken(t *testing.T) {
	const bearer = "some-token-wxyz"
	base := SCIMRemote().BaseURL
	completed := Holding(TokenSecret(SCIMID, map[string]string{"token": "some-token-abcd", "next-token": bearer, "base-url": base}))
	labeled := SecretWith(SCIMID, bearer)
	labeled.Secrets["acme-scim"].Labels["team"] = "infra"
	immutable := SecretWith(SCIMID, bearer)
	immutable.Secrets["acme-scim"].Immutable = new(true)
	for _, test := range []struct {
		name    string
		in      connection.Inputs
		actions []connection.Action
	}{
		{"to the Secret with the token", SecretWith(SCIMID, bearer), []connection.Action{token.ApplyTemplate}},
		{"to one that has the mark of the creation", SecretWith(connection.MarkLabel(connection.UIDMark(ManifestUID)), bearer), []connection.Action{token.ApplyTemplate}},
		{"to an immutable one, of which labels and annotations can be changed", immutable, []connection.Action{token.ApplyTemplate}},
		{"after the token was moved", completed, []connection.Action{token.PromoteToken, token.ApplyTemplate}},
		{"after the base URL", Holding(TokenSecret(SCIMID, map[string]string{"token": bearer})), []connection.Action{token.PublishToken, token.ApplyTemplate}},
		{"not where it is so", labeled, nil},
		{"not to a Secret that is not there", connection.Inputs{}, nil},
		{"not to a Secret of somebody else", SecretWith("somebody", bearer), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := SCIMManifest()
			o.Spec.BearerToken.SecretTemplate = &v1alpha1.ObjectTemplate{Labels: map[string]v1alpha1.LabelValue{"team": "infra"}}
			plan, _ := PlanFor(scim.Kind(), o, SCIMRemote(), test.in)
			var actions []connection.Action
			for _, s := range plan {
				actions = append(actions, s.Action)
			}
			Same(t, "the actions", actions, test.actions)
			if test.actions != nil {
				Same(t, "what is shown last", connection.Show(plan[len(plan)-1:]), []v1alpha1.Change{{Field: "secretTemplate.labels.team", Want: "infra"}})
			}
		})
	}
}

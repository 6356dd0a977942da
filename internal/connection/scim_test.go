package connection_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/scim"
	"github.com/stytch-operator/stytch-operator/internal/connection/token"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// tokenSecret is a Secret in the place of a token's.
func tokenSecret(label string, data map[string]string) *corev1.Secret {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "acme-scim"}, Data: map[string][]byte{}}
	if label != "" {
		secret.Labels = map[string]string{v1alpha1.LabelConnection: label}
	}
	for key, value := range data {
		secret.Data[key] = []byte(value)
	}
	return secret
}

func TestASecretIsOursByItsLabelAlone(t *testing.T) {
	bearer := map[string]string{"token": "some-token-wxyz"}
	for _, test := range []struct {
		name   string
		secret *corev1.Secret
		id     string
		ours   bool
	}{
		{"the connection's ID", tokenSecret(scimID, bearer), scimID, true},
		{"the mark of this manifest", tokenSecret(connection.MarkLabel(manifestUID), bearer), scimID, true},
		{"the mark of this manifest before there is an ID", tokenSecret(connection.MarkLabel(manifestUID), nil), "", true},
		{"released and empty", tokenSecret("released", nil), scimID, true},
		{"released and empty before there is an ID", tokenSecret("released", nil), "", true},
		{"released and not empty", tokenSecret("released", bearer), scimID, false},
		{"no label", tokenSecret("", bearer), scimID, false},
		{"no label and no ID", tokenSecret("", nil), "", false},
		{"another connection's ID", tokenSecret("scim-connection-live-9", bearer), scimID, false},
		{"an ID before there is one", tokenSecret(scimID, bearer), "", false},
		{"another manifest's mark", tokenSecret(connection.MarkLabel(otherUID), nil), scimID, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := token.Owns(test.secret, test.id, manifestUID); got != test.ours {
				t.Errorf("it is ours: %t, want %t", got, test.ours)
			}
		})
	}
}

// held is what a Secret holds of a token, without what is known of it otherwise.
func held(bearer *connection.Token) connection.Token {
	return connection.Token{LastFour: bearer.LastFour, NextLastFour: bearer.NextLastFour, BaseURL: bearer.BaseURL, Foreign: bearer.Foreign}
}

// publishedToken puts into status what a pass would, without taking a step.
func publishedToken(o *v1alpha1.SCIMConnection, r stytch.SCIMConnection, in connection.Inputs) {
	kind := scim.Kind()
	learn(kind, o, r, r, nil, noon)
	want, _ := wantOf(kind, o, scimID, in)
	publish(kind, o, r, want)
}

func TestTheTokenOfASecretIsKnownByItsLastFour(t *testing.T) {
	for _, test := range []struct {
		name string
		in   connection.Inputs
		want connection.Token
	}{
		{"no Secret", connection.Inputs{}, connection.Token{}},
		{"a Secret that does not exist", connection.Inputs{Secrets: map[string]*corev1.Secret{"acme-scim": nil}}, connection.Token{}},
		{"a Secret without data", holding(tokenSecret(scimID, nil)), connection.Token{}},
		{"a token", secretWith(scimID, "some-token-wxyz"), connection.Token{LastFour: "wxyz", BaseURL: scimRemote().BaseURL}},
		{"a token too short to be one", secretWith(scimID, "wxyz"), connection.Token{BaseURL: scimRemote().BaseURL}},
	} {
		t.Run(test.name, func(t *testing.T) {
			want, problems := wantOf(scim.Kind(), scimManifest(), scimID, test.in)
			same(t, "the token", held(want.Token), test.want)
			same(t, "problems", problems, []connection.Problem(nil))
		})
	}
}

func TestASecretThatIsNotOursIsAProblemAndItsTokenIsNotRead(t *testing.T) {
	for _, test := range []struct {
		name, id string
		says     []string
	}{
		{"before there is a connection", "", []string{"Secret acme-scim", "not changed", "Delete it, or apply a new manifest that names another"}},
		{"of a connection", scimID, []string{"Secret acme-scim", "not changed", "connections.stytch-operator.dev/connection=" + scimID, "delete it"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			want, problems := wantOf(scim.Kind(), scimManifest(), test.id, secretWith("somebody", "their-token-abcd"))
			same(t, "the token", held(want.Token), connection.Token{Foreign: true})
			if len(problems) != 1 || problems[0].Reason != v1alpha1.ReasonInvalid {
				t.Fatalf("the problems are %+v, want one that is Invalid", problems)
			}
			contains(t, problems[0].Message, test.says...)
			lacks(t, problems[0].Message, "abcd", "their-token")
		})
	}
}

func TestAForeignSecretKeepsTheMarkAndTheTokenAsTheyAre(t *testing.T) {
	for _, name := range []string{"Acme – Okta", connection.ProvisionalName("Acme – Okta", manifestUID)} {
		r := scimRemote()
		r.DisplayName = name
		plan, problems := planFor(scim.Kind(), scimManifest(), r, secretWith("somebody", "their-token-abcd"))
		noSteps(t, plan)
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
		{"not where it holds it", held, false, secretWith(scimID, "some-token-wxyz"), false, ""},
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
		{"as missing where the Secret that held it holds another", held, false, secretWith(scimID, "some-token-abcd"), true, v1alpha1.ReasonInputMissing},
		{
			"by the ID that the manifest names, where none is recorded",
			func(o *v1alpha1.SCIMConnection) { o.Spec.ConnectionID, o.Status.ConnectionID = scimID, "" },
			false,
			connection.Inputs{},
			true, "",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, r := scimManifest(), scimRemote()
			if test.edit != nil {
				test.edit(o)
			}
			if test.isNew {
				r.DisplayName = connection.ProvisionalName("Acme – Okta", o.UID)
			}
			plan, problems := planFor(scim.Kind(), o, r, test.in)
			if !test.reports {
				same(t, "problems", problems, []connection.Problem(nil))
				return
			}
			noSteps(t, plan)
			if len(problems) != 1 || problems[0].Reason != test.reason {
				t.Fatalf("the problems are %+v, want one with the reason %q", problems, test.reason)
			}
			contains(t, problems[0].Message, "Secret acme-scim", "ending in wxyz", "under the key token", v1alpha1.LabelConnection+"="+scimID+", or", v1alpha1.AnnotationRotateToken+"=wxyz to rotate the token.")
			lacks(t, problems[0].Message, "abcd")
		})
	}
}

func TestSCIMStatusSaysWhatMayBeKnownOfTheToken(t *testing.T) {
	r := scimRemote()
	r.BearerTokenExpiresAt = yearsOn(5)
	o := scimManifest()

	publishedToken(o, r, connection.Inputs{})
	same(t, "the base URL", o.Status.BaseURL, r.BaseURL)
	same(t, "the token that no Secret holds", o.Status.BearerToken, &v1alpha1.SCIMBearerTokenStatus{
		LastFour: "wxyz", ExpiresAt: new(metav1.NewTime(yearsOn(5))), Phase: v1alpha1.TokenIdle,
	})

	publishedToken(o, r, secretWith(scimID, "some-token-wxyz"))
	same(t, "the Secret that holds it", o.Status.BearerToken.SecretName, "acme-scim")
	same(t, "the token that it holds", o.Status.BearerToken.SecretLastFour, "wxyz")

	r.BearerTokenExpiresAt = time.Time{}
	publishedToken(o, r, connection.Inputs{})
	same(t, "the token whose Secret went away", o.Status.BearerToken, &v1alpha1.SCIMBearerTokenStatus{
		LastFour: "wxyz", SecretName: "acme-scim", SecretLastFour: "wxyz", Phase: v1alpha1.TokenIdle,
	})
}

func TestSCIMIsCreatedWithItsProviderAlone(t *testing.T) {
	o := scimManifest()
	same(t, "the body", scim.Kind().Creation(o), stytch.Fields{"identity_provider": "okta"})
	o.Spec.IdentityProvider = ""
	same(t, "the body without a provider", scim.Kind().Creation(o), stytch.Fields{})
}

func TestAnySCIMConnectionOfTheOrganizationIsARival(t *testing.T) {
	scimConn := scim.Kind()
	if !scimConn.Rival(scimManifest(), stytch.SCIMConnection{}) || scimConn.Shared {
		t.Error("a second SCIM connection is not seen as a rival")
	}
	same(t, "what it refers to", scimConn.References(scimManifest()), []connection.Reference{{Kind: "Secret", Name: "acme-scim"}})
	same(t, "whether it may lack something", scimConn.MissingToActivate != nil, false)
	same(t, "its API", scimConn.API, stytch.APISCIM)
}

func TestASCIMConnectionWritesNothingDownBeforeAnUpdate(t *testing.T) {
	kind, o, r := scim.Kind(), scimManifest(), scimRemote()
	learn(kind, o, r, r, nil, noon)
	before := inJSON(t, o)
	same(t, "what is written down before a step", begins(kind, o, r, connection.Step{}, noon), false)
	same(t, "what is undone", refuse(kind, o, connection.Step{}, "invalid_x509_certificate"), (*connection.Step)(nil))
	learn(kind, o, r, r, nil, noon)
	same(t, "the manifest", inJSON(t, o), before)
}

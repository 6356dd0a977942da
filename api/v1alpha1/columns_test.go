package v1alpha1_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// column is one that kubectl get prints; wide ones only with -o wide.
type column struct {
	name string
	wide bool
	cell any
}

// TestKubectlGetShowsWhatMatters asks the API server for the table that kubectl prints.
func TestKubectlGetShowsWhatMatters(t *testing.T) {
	expiry := time.Now().AddDate(3, 0, 0).UTC().Truncate(time.Second)
	expires := expiry.Format(time.RFC3339)
	for _, situation := range []struct {
		plural string
		object client.Object
		want   []column
	}{
		{"stytchprojects", project(), []column{
			{"Name", false, "shown"},
			{"Ready", false, "True"},
			{"Environment", false, "live"},
			{"Project", false, "project-live-1"},
			{"Name in Stytch", true, "Acme"},
			{"Age", false, "0s"},
			{"Message", true, "Stytch accepts the credentials."},
		}},
		{"scimconnections", scim(expiry), []column{
			{"Name", false, "shown"},
			{"Ready", false, "True"},
			{"State", false, "active"},
			{"Organization", false, "acme"},
			{"Connection", false, "scim-connection-live-1"},
			{"Token expires", false, expires},
			{"Age", false, "0s"},
			{"Token", true, "Rotating"},
			{"Synced", true, "InSync"},
			{"Message", true, "Stytch has what the manifest says."},
		}},
		{"samlconnections", saml(expiry), []column{
			{"Name", false, "shown"},
			{"Ready", false, "True"},
			{"State", false, "active"},
			{"Organization", false, "acme"},
			{"Connection", false, "saml-connection-live-1"},
			{"Certificate expires", false, expires},
			{"Age", false, "0s"},
			{"Synced", true, "InSync"},
			{"Message", true, "Stytch has what the manifest says."},
		}},
		{"oidcconnections", oidc(), []column{
			{"Name", false, "shown"},
			{"Ready", false, "True"},
			{"State", false, "active"},
			{"Organization", false, "acme"},
			{"Connection", false, "oidc-connection-live-1"},
			{"Age", false, "0s"},
			{"Issuer", true, "https://acme.okta.com"},
			{"Synced", true, "InSync"},
			{"Message", true, "Stytch has what the manifest says."},
		}},
		{"externalconnections", external(), []column{
			{"Name", false, "shown"},
			{"Ready", false, "True"},
			{"State", false, "active"},
			{"Organization", false, "acme"},
			{"Connection", false, "external-connection-live-1"},
			{"Age", false, "0s"},
			{"Source", true, "saml-connection-live-1"},
			{"Synced", true, "InSync"},
			{"Message", true, "Stytch has what the manifest says."},
		}},
	} {
		t.Run(situation.plural, func(t *testing.T) {
			object := situation.object
			object.SetNamespace("default")
			object.SetName("shown")
			seen := object.DeepCopyObject().(client.Object)
			stand(t, object)
			seen.SetResourceVersion(object.GetResourceVersion())
			seen.SetUID(object.GetUID())
			if err := api.Status().Update(t.Context(), seen); err != nil {
				t.Fatal(err)
			}
			if got := columns(t, situation.plural); !reflect.DeepEqual(got, situation.want) {
				t.Errorf("got\n%v\nwant\n%v", got, situation.want)
			}
		})
	}
}

// columns are those of the one object of a kind, as the API server has them for kubectl. An age of some seconds is one of none.
func columns(t *testing.T, plural string) []column {
	t.Helper()
	config := rest.CopyConfig(apiServer)
	config.APIPath, config.GroupVersion, config.NegotiatedSerializer = "/apis", &v1alpha1.GroupVersion, scheme.Codecs.WithoutConversion()
	connection, err := rest.RESTClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	text, err := connection.Get().Namespace("default").Resource(plural).
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").Do(t.Context()).Raw()
	if err != nil {
		t.Fatal(err)
	}
	var table metav1.Table
	if err := json.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Rows) != 1 || len(table.Rows[0].Cells) != len(table.ColumnDefinitions) {
		t.Fatalf("not one row: %s", text)
	}
	var all []column
	for i, definition := range table.ColumnDefinitions {
		c := column{definition.Name, definition.Priority > 0, table.Rows[0].Cells[i]}
		age, isText := c.cell.(string)
		if young, err := time.ParseDuration(age); definition.Name == "Age" && isText && err == nil && young < time.Minute {
			c.cell = "0s"
		}
		all = append(all, c)
	}
	return all
}

func conditions(of ...string) []metav1.Condition {
	var all []metav1.Condition
	for i := 0; i < len(of); i += 3 {
		all = append(all, metav1.Condition{
			Type: of[i], Status: metav1.ConditionTrue, Reason: of[i+1], Message: of[i+2], LastTransitionTime: metav1.Now(),
		})
	}
	return all
}

func inForce(connectionID string) v1alpha1.ConnectionStatus {
	return v1alpha1.ConnectionStatus{
		ConnectionID: connectionID, State: "active", ObservedGeneration: 1, AppliedGeneration: 1,
		Conditions: conditions(
			v1alpha1.ConditionReady, v1alpha1.ReasonActive, "The connection is active.",
			v1alpha1.ConditionSynced, v1alpha1.ReasonInSync, "Stytch has what the manifest says."),
	}
}

func project() *v1alpha1.StytchProject {
	return &v1alpha1.StytchProject{
		Spec: v1alpha1.StytchProjectSpec{ProjectSpec: v1alpha1.ProjectSpec{ProjectID: "project-live-1", SecretRef: v1alpha1.SecretKeyRef{Name: "stytch", Key: "secret"}}},
		Status: v1alpha1.StytchProjectStatus{ProjectStatus: v1alpha1.ProjectStatus{
			Environment: "live", ProjectName: "Acme", ObservedGeneration: 1,
			Conditions: conditions(v1alpha1.ConditionReady, v1alpha1.ReasonVerified, "Stytch accepts the credentials."),
		}},
	}
}

func scim(expiry time.Time) *v1alpha1.SCIMConnection {
	return &v1alpha1.SCIMConnection{
		Spec: v1alpha1.SCIMConnectionSpec{
			ConnectionSpec: v1alpha1.ConnectionSpec{Organization: "acme"}, BearerToken: v1alpha1.SCIMBearerToken{SecretName: "acme-scim"},
		},
		Status: v1alpha1.SCIMConnectionStatus{
			ConnectionStatus: inForce("scim-connection-live-1"),
			BearerToken:      &v1alpha1.SCIMBearerTokenStatus{LastFour: "wxyz", ExpiresAt: new(metav1.NewTime(expiry)), SecretName: "acme-scim", Phase: v1alpha1.TokenRotating},
		},
	}
}

func saml(expiry time.Time) *v1alpha1.SAMLConnection {
	return &v1alpha1.SAMLConnection{
		Spec: v1alpha1.SAMLConnectionSpec{ConnectionSpec: v1alpha1.ConnectionSpec{Organization: "acme"}},
		Status: v1alpha1.SAMLConnectionStatus{
			ConnectionStatus: inForce("saml-connection-live-1"),
			VerificationCertificates: []v1alpha1.CertificateStatus{
				{CertificateID: "saml-verification-key-live-1", ExpiresAt: new(metav1.NewTime(expiry))},
				{CertificateID: "saml-verification-key-live-2", ExpiresAt: new(metav1.NewTime(expiry.AddDate(1, 0, 0)))},
			},
		},
	}
}

func oidc() *v1alpha1.OIDCConnection {
	return &v1alpha1.OIDCConnection{
		Spec: v1alpha1.OIDCConnectionSpec{
			ConnectionSpec: v1alpha1.ConnectionSpec{Organization: "acme"}, Issuer: "https://acme.okta.com",
		},
		Status: v1alpha1.OIDCConnectionStatus{ConnectionStatus: inForce("oidc-connection-live-1")},
	}
}

func external() *v1alpha1.ExternalConnection {
	return &v1alpha1.ExternalConnection{
		Spec: v1alpha1.ExternalConnectionSpec{
			ConnectionSpec: v1alpha1.ConnectionSpec{Organization: "acme"},
			SourceRef:      &v1alpha1.ExternalSourceRef{Kind: v1alpha1.SourceSAML, Name: "acme"},
		},
		Status: v1alpha1.ExternalConnectionStatus{
			ConnectionStatus: inForce("external-connection-live-1"),
			Source:           &v1alpha1.ExternalSourceStatus{OrganizationID: "organization-live-1", ConnectionID: "saml-connection-live-1"},
		},
	}
}

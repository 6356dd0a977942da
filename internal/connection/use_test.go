package connection_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
)

func TestAManifestUsesItsProjectAsLongAsItMayHaveAConnectionToDelete(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(o *v1alpha1.SAMLConnection)
		uses   bool
	}{
		{"not begun yet", func(*v1alpha1.SAMLConnection) {}, true},
		{"begun", func(o *v1alpha1.SAMLConnection) { o.Finalizers = []string{v1alpha1.Finalizer} }, true},
		{"retained", func(o *v1alpha1.SAMLConnection) { o.Spec.DeletionPolicy = v1alpha1.DeletionRetain }, false},
		{"observed", func(o *v1alpha1.SAMLConnection) { o.Spec.Management = v1alpha1.ManagementObserve }, false},
		{"paused", func(o *v1alpha1.SAMLConnection) { o.Spec.Management = v1alpha1.ManagementPaused }, false},
		{"being deleted", func(o *v1alpha1.SAMLConnection) {
			o.DeletionTimestamp, o.Finalizers = &metav1.Time{Time: Noon}, []string{v1alpha1.Finalizer, "somebody/else"}
		}, true},
		{"kept by somebody else alone", func(o *v1alpha1.SAMLConnection) {
			o.DeletionTimestamp, o.Finalizers = &metav1.Time{Time: Noon}, []string{"somebody/else"}
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := SAMLManifest()
			o.Finalizers, o.Spec.DeletionPolicy = nil, v1alpha1.DeletionDelete
			test.change(o)
			Same(t, "whether it uses its project", connection.Uses(o), test.uses)
		})
	}
}

func TestAProjectThatIsBeingDeletedSaysWhatItIsKeptForAndWhoGoesOn(t *testing.T) {
	leaving := connection.User{Kind: "SAMLConnection", Name: "b", Leaving: true}
	staying := connection.User{Kind: "SCIMConnection", Name: "a"}
	many := slices.Repeat([]connection.User{leaving}, 12)
	const kept = "The StytchProject is kept until the connections with deletionPolicy: Delete are deleted in Stytch: "
	for _, test := range []struct {
		name, credentials, also, says string
		users                         []connection.User
	}{
		{"those that are being deleted", v1alpha1.ReasonVerified, "Reconciling", kept + "SAMLConnection b.", []connection.User{leaving}},
		{
			"those that are not", v1alpha1.ReasonVerified, "Stalled",
			kept + "SCIMConnection a, SAMLConnection b. Delete these manifests, or set their deletionPolicy to Retain: SCIMConnection a.",
			[]connection.User{leaving, staying},
		},
		{"many", v1alpha1.ReasonVerified, "Reconciling", kept + strings.Repeat("SAMLConnection b, ", 10) + "and 2 more.", many},
		{"while the Secret is gone", v1alpha1.ReasonInputMissing, "Reconciling", kept + "SAMLConnection b.", []connection.User{leaving}},
		{"while the credentials are refused", v1alpha1.ReasonCredentialsRejected, "Stalled", kept + "SAMLConnection b.", []connection.User{leaving}},
	} {
		t.Run(test.name, func(t *testing.T) {
			was := connection.JudgeProject(v1alpha1.ProjectStatus{}, 1, told{reason: test.credentials}.check(), Noon)
			status := connection.JudgeProject(was, 1, connection.ProjectReport{Users: test.users}, Noon)
			as := v1alpha1.ConnectionStatus{Conditions: status.Conditions, ObservedGeneration: status.ObservedGeneration}
			Same(t, "what else stands", strings.Join(slices.Collect(abnormal(as)), " "), test.also)
			Same(t, "its reason and message", fmt.Sprint(status.Conditions[1].Reason, ": ", status.Conditions[1].Message), "InUse: "+test.says)
			Same(t, "Ready", conditionWords(as, "Ready"), conditionWords(v1alpha1.ConnectionStatus{Conditions: was.Conditions}, "Ready"))
			Same(t, "the status of the same finding", connection.JudgeProject(status, 1, connection.ProjectReport{Users: test.users}, Noon.Add(time.Hour)), status)
			Same(t, "the status once nothing keeps it", connection.JudgeProject(status, 1, connection.ProjectReport{}, Noon), was)
		})
	}
}

package main

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// The life of a token, with the real manager: each step waits for it, is refused where it would not be followed, and shows the token
// only when asked to.
func TestRotateATokenToTheEnd(t *testing.T) {
	m := newManaged(t)
	o := m.scim("acme")
	first := m.token(o, v1alpha1.SecretKeyToken)

	m.refuses("no rotation is in progress", "rotate", "acme", "--acknowledge")
	started := m.mustRun("rotate", "acme")
	m.reload(o)
	if want := "(ending in " + o.Status.BearerToken.NextLastFour + ") is in Secret acme-token under the key next-token"; !strings.Contains(started.err, want) {
		t.Errorf("it did not say %q:\n%s", want, started.err)
	}
	m.refuses("a rotation is in progress already", "rotate", "acme")

	m.mustRun("rotate", "acme", "--cancel")
	if m.reload(o); o.Status.BearerToken.NextLastFour != "" || m.token(o, v1alpha1.SecretKeyToken) != first {
		t.Error("the rotation is not canceled")
	}
	m.expectNoRequest(o)

	again := m.mustRun("rotate", "acme", "--show-token") // the same token as before, so it has to be another request
	next := m.token(o, v1alpha1.SecretKeyNextToken)
	if again.out != next+"\n" {
		t.Error("it did not print the next token alone")
	}
	done := m.mustRun("rotate", "scimconn/acme", "--acknowledge")
	if m.token(o, v1alpha1.SecretKeyToken) != next {
		t.Error("the rotation is not completed")
	}
	if !strings.Contains(done.err, "is now the current one, and the old one has stopped working") {
		t.Errorf("it said\n%s", done.err)
	}
	for _, quiet := range []said{started, done} {
		if quiet.out != "" || strings.Contains(quiet.err, first) || strings.Contains(quiet.err, next) {
			t.Error("it showed a token, or something else on standard output, without being asked to")
		}
	}
	m.expectNoRequest(o)
}

// expectNoRequest fails if there is an annotation of a rotation that has ended, or if the operator says something of one.
func (m *managed) expectNoRequest(o *v1alpha1.SCIMConnection) {
	m.t.Helper()
	m.eventually("Synced says nothing of annotations", func() bool {
		m.reload(o)
		synced := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionSynced)
		return sawAnnotations(o) && !strings.Contains(synced.Message, "annotation")
	})
	for _, annotation := range []string{v1alpha1.AnnotationRotateToken, v1alpha1.AnnotationAcknowledgeToken, v1alpha1.AnnotationCancelRotation} {
		if o.Annotations[annotation] != "" {
			m.t.Errorf("%s is left", annotation)
		}
	}
}

// An annotation of somebody else is not removed, and one annotation does not remove another.
func TestRotateLeavesAnnotationsOfOthers(t *testing.T) {
	m := newManaged(t)
	o := m.scim("other")
	m.mustRun("rotate", "other")
	m.mustRun("resync", "other")
	m.reload(o)
	for _, annotation := range []string{v1alpha1.AnnotationRotateToken, v1alpha1.AnnotationResyncRequested} {
		if o.Annotations[annotation] == "" || !slices.ContainsFunc(o.ManagedFields, func(e metav1Entry) bool { return e.Manager == managerOf(annotation) }) {
			t.Errorf("%s is %q, and is to have a field manager of its own", annotation, o.Annotations[annotation])
		}
	}
	m.edit(o, func() { o.Annotations[v1alpha1.AnnotationCancelRotation] = "none" })
	m.mustRun("rotate", "other", "--acknowledge")
	if m.reload(o); o.Annotations[v1alpha1.AnnotationCancelRotation] != "none" || o.Annotations[v1alpha1.AnnotationResyncRequested] == "" || o.Annotations[v1alpha1.AnnotationRotateToken] != "" {
		t.Errorf("the annotations are %v", o.Annotations)
	}
}

// What the operator would not follow is not asked of it, and its own words say why.
func TestRotateRefusesWhatWouldNotBeFollowed(t *testing.T) {
	m := newManaged(t)
	o := m.scim("acme")
	secret := &corev1.Secret{ObjectMeta: m.meta("acme-token")}
	m.edit(secret, func() { secret.Labels[v1alpha1.LabelConnection] = "scim-connection-test-another" })
	m.refuses("does not have the label of this connection", "rotate", "acme")

	m.edit(secret, func() { secret.Labels[v1alpha1.LabelConnection] = o.Status.ConnectionID })
	m.edit(o, func() { o.Spec.Management = v1alpha1.ManagementObserve })
	m.refuses("has management: Observe", "rotate", "acme")

	m.create(samlOf(m.stage, "okta", v1alpha1.ManagementManage))
	m.refuses(`there is no SCIMConnection "okta"`, "rotate", "okta")
	m.refuses("does not name a kind", "rotate", "samlconnection/okta")
	m.refuses("--show-token cannot be combined", "rotate", "acme", "--cancel", "--show-token")
	if m.reload(o); o.Annotations[v1alpha1.AnnotationRotateToken] != "" {
		t.Error("a refused request was written")
	}
}

// Somebody who may not read the token is told so before the old one stops working.
func TestATokenThatCannotBeShownIsNotRotated(t *testing.T) {
	m := newManaged(t)
	o := m.scim("people")
	editor := m.editor()
	editor.refuses("you may not read Secret people-token", "rotate", "people", "--show-token")
	if m.reload(o); o.Annotations[v1alpha1.AnnotationRotateToken] != "" {
		t.Error("the request was written")
	}
	editor.mustRun("rotate", "people")
	editor.refuses("you may not read Secret people-token", "rotate", "people", "--acknowledge", "--show-token")
	if m.reload(o); o.Status.BearerToken.NextLastFour == "" {
		t.Error("the rotation was completed")
	}
}

// editor is somebody who may do anything with connections, and nothing with Secrets.
func (s *stage) editor() *stage {
	s.t.Helper()
	for _, text := range []string{
		"kind: Role\nrules: [{apiGroups: [" + v1alpha1.GroupVersion.Group + "], resources: ['*'], verbs: ['*']}]",
		"kind: RoleBinding\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: editor}\nsubjects: [{kind: User, name: editor, apiGroup: rbac.authorization.k8s.io}]",
	} {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte("apiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: editor}\n"+text), &o.Object); err != nil {
			s.t.Fatal(err)
		}
		o.SetNamespace(s.namespace)
		s.create(o)
	}
	return s.as("editor")
}

// token is what the Secret of a connection has under a key.
func (m *managed) token(o *v1alpha1.SCIMConnection, key string) string {
	m.t.Helper()
	secret := &corev1.Secret{ObjectMeta: m.meta(o.Spec.BearerToken.SecretName)}
	m.reload(secret)
	return string(secret.Data[key])
}

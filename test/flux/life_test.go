package flux_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/utils"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
	"github.com/stytch-operator/stytch-operator/test/process"
)

const (
	layout    = "config/samples/gitops/flux"
	namespace = "acme"
)

// flux is a life of Flux with the two Kustomizations of the layout. Git is a copy of it, in which a test commits.
type flux struct {
	*cluster
	git            string
	kustomizations map[string]kustomizev1.Kustomization
	inventory      map[string][]*unstructured.Unstructured // by the name of a Kustomization
}

// begin fills the layout in, and makes what it speaks of at Stytch.
func begin(t *testing.T) *flux {
	t.Helper()
	f := &flux{cluster: start(t), git: t.TempDir(), inventory: map[string][]*unstructured.Unstructured{}}
	if err := os.CopyFS(f.git, os.DirFS(filepath.Join(top, layout))); err != nil {
		t.Fatal(err)
	}
	f.kustomizations = f.readKustomizations(t)
	f.commit(t, "credentials/secret.yaml", "REPLACE-ME", stytchsim.DefaultSecret)
	f.commit(t, "credentials/stytchproject.yaml", "project-test-REPLACE-ME", stytchsim.DefaultProjectID+"\n  baseURL: "+f.url)
	for _, slug := range []string{"acme", "acme-partner"} {
		if _, err := f.stytch.AddOrganization(stytchsim.Organization{Slug: slug, Name: slug}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.stytch.AddDocument(stytchsim.Document{
		URL:         "https://acme.okta.com/app/exkREPLACE-ME/sso/saml/metadata",
		IDPEntityID: "http://www.okta.com/exk1", IDPSSOURL: "https://acme.okta.com/app/exk1/sso/saml", Certificates: []string{certificate(t)},
	}); err != nil {
		t.Fatal(err)
	}
	f.kubectl(t, "create", "namespace", namespace)
	return f
}

// readKustomizations are the Flux Kustomizations of the layout, with the component, by name.
func (f *flux) readKustomizations(t *testing.T) map[string]kustomizev1.Kustomization {
	t.Helper()
	found := map[string]kustomizev1.Kustomization{}
	for text := range strings.SplitSeq(f.kubectl(t, "kustomize", filepath.Join(top, layout)), "\n---\n") {
		var k kustomizev1.Kustomization
		if err := yaml.UnmarshalStrict([]byte(text), &k); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		found[k.Name] = k
	}
	return found
}

// commit replaces a text in a file of Git.
func (f *flux) commit(t *testing.T, file, old, text string) {
	t.Helper()
	path := filepath.Join(f.git, file)
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(was), old) {
		t.Fatalf("%s has no %q", file, old)
	}
	write(t, path, strings.ReplaceAll(string(was), old, text))
}

// reconcile does what kustomize-controller does: builds, applies, prunes, waits, and all that again after a failure, as with
// spec.retryInterval: a renamed manifest has a Conflict until the old one is gone. It returns what was changed.
func (f *flux) reconcile(t *testing.T, name string) []string {
	t.Helper()
	k := f.kustomizations[name]
	var changes []string
	var err error
	if !process.Eventually(t, func() bool {
		var applied []string
		if applied, err = f.apply(t, k, false); err == nil {
			err = f.await(t, k, f.inventory[name])
		}
		changes = append(changes, applied...)
		return err == nil
	}) {
		t.Fatalf("%s: %v\n%s", name, err, f.kubectl(t, "get", "stytch", "-n", namespace, "-o", "yaml"))
	}
	return changes
}

// apply applies what a Kustomization has in Git, and prunes what it had before.
func (f *flux) apply(t *testing.T, k kustomizev1.Kustomization, force bool) ([]string, error) {
	t.Helper()
	text := f.kubectl(t, "kustomize", filepath.Join(f.git, filepath.Base(k.Spec.Path)))
	objects, err := utils.ReadObjects(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	applier := f.applier(t, k.Spec.HealthCheckExprs)
	applier.SetOwnerLabels(objects, k.Name, k.Namespace)
	options := ssa.DefaultApplyOptions()
	options.Force = force
	options.Cleanup.FieldManagers = []ssa.FieldManager{
		{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationApply}, {Name: "kubectl", OperationType: metav1.ManagedFieldsOperationUpdate},
	}
	applied, err := applier.ApplyAllStaged(t.Context(), objects, options)
	if err != nil {
		return nil, err
	}
	stale := slices.DeleteFunc(slices.Clone(f.inventory[k.Name]), func(old *unstructured.Unstructured) bool {
		return slices.ContainsFunc(objects, func(o *unstructured.Unstructured) bool { return identity(o) == identity(old) })
	})
	f.inventory[k.Name] = objects
	f.remove(t, k, stale)
	var changes []string
	for _, entry := range applied.Entries {
		if entry.Action != ssa.UnchangedAction {
			changes = append(changes, entry.String())
		}
	}
	return changes, nil
}

func identity(o client.Object) string {
	return fmt.Sprintf("%s %s/%s", o.GetObjectKind().GroupVersionKind().Kind, o.GetNamespace(), o.GetName())
}

// await waits as spec.wait has it; it asks more often, and gives up sooner.
func (f *flux) await(t *testing.T, k kustomizev1.Kustomization, objects []*unstructured.Unstructured) error {
	t.Helper()
	return f.applier(t, k.Spec.HealthCheckExprs).Wait(objects, ssa.WaitOptions{Interval: 100 * time.Millisecond, Timeout: process.Patience / 8, FailFast: true})
}

// remove deletes objects as a prune does, and does not wait.
func (f *flux) remove(t *testing.T, k kustomizev1.Kustomization, objects []*unstructured.Unstructured) {
	t.Helper()
	applier := f.applier(t, nil)
	options := ssa.DefaultDeleteOptions()
	options.Inclusions = applier.GetOwnerLabels(k.Name, k.Namespace)
	if _, err := applier.DeleteAll(t.Context(), objects, options); err != nil {
		t.Fatal(err)
	}
}

// delete deletes Kustomizations, in this order.
func (f *flux) delete(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		f.remove(t, f.kustomizations[name], f.inventory[name])
	}
	for _, name := range names {
		for _, o := range f.inventory[name] {
			eventually(t, identity(o)+" is gone", func() bool {
				return apierrors.IsNotFound(f.client.Get(t.Context(), client.ObjectKeyFromObject(o), o.DeepCopy()))
			})
		}
		delete(f.inventory, name)
	}
}

// get is an object as the API server has it.
func (f *flux) get(t *testing.T, kind, name string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("connections.stytch-operator.dev/v1alpha1")
	o.SetKind(kind)
	if err := f.client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, o); err != nil {
		t.Fatal(err)
	}
	return o
}

// versions are the resource versions of everything that was applied.
func (f *flux) versions(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, objects := range f.inventory {
		for _, o := range objects {
			live := o.DeepCopy()
			if err := f.client.Get(t.Context(), client.ObjectKeyFromObject(o), live); err != nil {
				t.Fatal(err)
			}
			found[identity(o)] = live.GetResourceVersion()
		}
	}
	return found
}

func connectionID(o *unstructured.Unstructured) string {
	id, _, _ := unstructured.NestedString(o.Object, "status", "connectionID")
	return id
}

// remote is how many connections there are at Stytch.
func (f *flux) remote() int {
	return len(f.stytch.Connections("acme")) + len(f.stytch.Connections("acme-partner"))
}

const (
	credentials = "stytch-credentials"
	connections = "stytch-connections"
	moved       = "stytch-moved"
	scimFile    = "connections/scim.yaml"
	requested   = "connections.stytch-operator.dev/resync-requested"
)

func TestTheLayoutLivesInFlux(t *testing.T) {
	f := begin(t)

	t.Run("the connections wait for the credentials", func(t *testing.T) {
		k := f.kustomizations[connections]
		if len(f.kustomizations) != 2 || len(k.Spec.DependsOn) != 1 || k.Spec.DependsOn[0].Name != credentials || len(k.Spec.HealthCheckExprs) != 4 {
			t.Errorf("the Kustomizations are %+v", f.kustomizations)
		}
		for name, k := range f.kustomizations {
			if !k.Spec.Wait || !k.Spec.Prune || k.Spec.Force {
				t.Errorf("%s has wait %t, prune %t, force %t", name, k.Spec.Wait, k.Spec.Prune, k.Spec.Force)
			}
		}
	})
	t.Run("everything becomes healthy, in order", func(t *testing.T) {
		f.reconcile(t, credentials)
		f.reconcile(t, connections)
		waiting, err := status.Compute(f.get(t, "SCIMConnection", "acme-scim"))
		if err != nil || waiting.Status != status.InProgressStatus {
			t.Errorf("kstatus alone says %v (%v): nothing shows that the expressions are needed", waiting, err)
		}
	})
	t.Run("the commands of the page run", func(t *testing.T) {
		f.runCommands(t)
		f.kubectl(t, "annotate", "-n", namespace, "scimconnection/acme-scim", requested+"-")
	})
	t.Run("a second time, nothing is written", func(t *testing.T) {
		before := f.versions(t)
		for _, name := range []string{credentials, connections} {
			if changes := f.reconcile(t, name); changes != nil {
				t.Errorf("%s changed %q", name, changes)
			}
		}
		if after := f.versions(t); !maps.Equal(before, after) {
			t.Errorf("the versions were %v and are %v", before, after)
		}
	})
	t.Run("Flux takes back an annotation of kubectl, and leaves one of another field manager", func(t *testing.T) {
		for _, c := range []struct {
			by   []string
			kept bool
		}{{nil, false}, {[]string{"--field-manager=oncall"}, true}} {
			f.kubectl(t, append([]string{"annotate", "-n", namespace, "scimconnection/acme-scim", requested + "=now"}, c.by...)...)
			f.reconcile(t, connections)
			if _, is := f.get(t, "SCIMConnection", "acme-scim").GetAnnotations()[requested]; is != c.kept {
				t.Errorf("with %q the annotation is there: %t, want %t", c.by, is, c.kept)
			}
		}
	})
	t.Run("a rename under Matching keeps the connection", func(t *testing.T) {
		before := connectionID(f.get(t, "SCIMConnection", "acme-scim"))
		f.commit(t, scimFile, "name: acme-scim\n", "name: acme-directory\n")
		f.commit(t, scimFile, "deletionPolicy: Retain\n", "deletionPolicy: Retain\n  adoptionPolicy: Matching\n")
		f.reconcile(t, connections)
		if after := connectionID(f.get(t, "SCIMConnection", "acme-directory")); after != before || before == "" || f.remote() != 3 {
			t.Errorf("the connection was %s and is %s, and there are %d", before, after, f.remote())
		}
	})
	t.Run("force deletes the manifest at a typo", func(t *testing.T) {
		f.commit(t, scimFile, "management: Manage\n", "management: Managed\n")
		if _, err := f.apply(t, f.kustomizations[connections], false); !apierrors.IsInvalid(errors.Unwrap(err)) {
			t.Errorf("without force: %v", err)
		}
		f.get(t, "SCIMConnection", "acme-directory")
		_, err := f.apply(t, f.kustomizations[connections], true)
		o := &metav1.PartialObjectMetadata{}
		o.SetGroupVersionKind(f.get(t, "SAMLConnection", "acme-okta").GroupVersionKind().GroupVersion().WithKind("SCIMConnection"))
		if gone := f.client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "acme-directory"}, o); err == nil || !apierrors.IsNotFound(gone) {
			t.Errorf("with force: %v, and the manifest: %v", err, gone)
		}
		f.commit(t, scimFile, "management: Managed\n", "management: Manage\n")
		f.reconcile(t, connections)
	})
	t.Run("a move to another Flux Kustomization keeps the connection, although the old one is reconciled first", func(t *testing.T) {
		before := connectionID(f.get(t, "SCIMConnection", "acme-directory"))
		k := f.kustomizations[connections]
		k.Name, k.Spec.Path = moved, "./stytch/moved"
		f.kustomizations[moved] = k
		if err := os.CopyFS(filepath.Join(f.git, "moved"), os.DirFS(filepath.Join(f.git, "connections"))); err != nil {
			t.Fatal(err)
		}
		f.commit(t, "moved/kustomization.yaml", "- saml.yaml\n- scim.yaml\n- external.yaml\n", "- scim.yaml\n")
		f.commit(t, "connections/kustomization.yaml", "- scim.yaml\n", "")
		f.reconcile(t, connections)
		f.reconcile(t, moved)
		if after := connectionID(f.get(t, "SCIMConnection", "acme-directory")); after != before || before == "" || f.remote() != 3 {
			t.Errorf("the connection was %s and is %s, and there are %d", before, after, f.remote())
		}
	})
	t.Run("a prune of everything ends, and under Retain the connections stay", func(t *testing.T) {
		before := f.remote()
		f.delete(t, moved, connections, credentials)
		if f.remote() != before || before < 3 {
			t.Errorf("there were %d connections, and are %d", before, f.remote())
		}
	})
}

func TestAPruneOfEverythingAtOnceDeletesTheConnectionsUnderDelete(t *testing.T) {
	f := begin(t)
	for _, file := range []string{"saml", "scim", "external"} {
		f.commit(t, "connections/"+file+".yaml", "deletionPolicy: Retain\n", "deletionPolicy: Delete\n")
	}
	f.reconcile(t, credentials)
	f.reconcile(t, connections)
	if f.remote() != 3 {
		t.Fatalf("there are %d connections", f.remote())
	}
	f.delete(t, credentials, connections) // the Secret first
	if f.remote() != 0 {
		t.Errorf("%d connections are left: %+v", f.remote(), f.stytch.State())
	}
}

// certificate is a new one in PEM.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilversion "k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/stytch-operator/stytch-operator/config/crd"
	"github.com/stytch-operator/stytch-operator/controllers"
)

// applyCommand is the argument with which this program applies its CRDs and ends, as a job of the chart has it do: the manager itself has no
// right on CRDs. docs/design/011-helm-chart.md says why Helm does not do it.
const applyCommand = "apply-crds"

// crdManager is the field manager of the CRDs that this program writes.
const crdManager = "stytch-operator-crds"

// crdTimeout is how long the API server has for each request about a CRD.
const crdTimeout = 30 * time.Second

// runApply applies the CRDs and says on out what became of each.
func runApply(args []string, out io.Writer) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no arguments, but got %q", applyCommand, args[0])
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("loading the Kubernetes client configuration: %w", err)
	}
	controllers.Identify(config, version)
	config.Timeout = crdTimeout
	return applyCRDs(ctrl.SetupSignalHandler(), config, out)
}

// applyCRDs applies every CRD, also after one of them failed.
func applyCRDs(ctx context.Context, config *rest.Config, out io.Writer) error {
	all, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("creating the client for CRDs: %w", err)
	}
	crds := all.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	var errs []error
	for _, want := range crd.Definitions() {
		became, err := applyCRD(ctx, crds, want)
		if err != nil {
			errs = append(errs, fmt.Errorf("applying the CRD %s: %w", want.GetName(), err))
			continue
		}
		_, _ = fmt.Fprintf(out, "%s: %s\n", want.GetName(), became)
	}
	return errors.Join(errs...)
}

// applyCRD creates a CRD, or replaces the one that is there unless that is a newer one. It says what it did.
func applyCRD(ctx context.Context, crds dynamic.ResourceInterface, want *unstructured.Unstructured) (became string, err error) {
	changed := func(err error) bool {
		return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err)
	}
	err = retry.OnError(retry.DefaultRetry, changed, func() error {
		have, err := crds.Get(ctx, want.GetName(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			became = "created, version " + crdVersion(want)
			_, err = crds.Create(ctx, want, metav1.CreateOptions{FieldManager: crdManager})
			return err
		}
		if err != nil {
			return err
		}
		if have.GetDeletionTimestamp() != nil {
			return errors.New("it is being deleted, with all manifests of its kind. Wait until it is gone; a manifest that stays has a finalizer")
		}
		if became, err = judgeCRD(crdVersion(have), crdVersion(want)); err != nil || became != "" {
			return err
		}
		became = "applied, version " + crdVersion(want)
		_, err = crds.Update(ctx, replaced(have, want), metav1.UpdateOptions{FieldManager: crdManager})
		return err
	})
	return became, err
}

// judgeCRD says why a CRD of one version is left as it is instead of becoming that of another one; empty if it is not. One without a version
// was applied before there were versions.
func judgeCRD(have, want string) (string, error) {
	if have == "" {
		return "", nil
	}
	there, err := utilversion.ParseSemantic(have)
	if err != nil {
		return "", fmt.Errorf("the annotation %s is %q, which is not a version. Remove the annotation to have the CRD replaced", crd.VersionAnnotation, have)
	}
	ours, err := utilversion.ParseSemantic(want)
	if err != nil {
		return "", fmt.Errorf("this program has the CRD in version %q: %w", want, err)
	}
	if ours.LessThan(there) {
		return fmt.Sprintf("left as it is: version %s is newer than %s", have, want), nil
	}
	return "", nil
}

func crdVersion(o *unstructured.Unstructured) string {
	return o.GetAnnotations()[crd.VersionAnnotation]
}

// replaced is a CRD that is there with the spec of another one, whole, whoever applied what is there, and only as it was read. Labels and
// annotations of others stay.
func replaced(have, want *unstructured.Unstructured) *unstructured.Unstructured {
	o := have.DeepCopy()
	o.Object["spec"] = want.DeepCopy().Object["spec"]
	o.SetLabels(merged(have.GetLabels(), want.GetLabels()))
	o.SetAnnotations(merged(have.GetAnnotations(), want.GetAnnotations()))
	return o
}

// merged are both, of which the second win; nil if there are none.
func merged(first, second map[string]string) map[string]string {
	if len(first)+len(second) == 0 {
		return nil
	}
	both := map[string]string{}
	maps.Copy(both, first)
	maps.Copy(both, second)
	return both
}

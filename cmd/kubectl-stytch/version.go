package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/config/crd"
)

func (c *cli) versionCommand() *cobra.Command {
	onlyClient := false
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version of this plugin, and of the CRDs in the cluster",
		Example: `  # Both versions
  kubectl stytch version

  # Without asking the cluster
  kubectl stytch version --client`,
		Args:              takesNothing(""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, _ = fmt.Fprintln(c.Out, "plugin:", version)
			if onlyClient {
				return nil
			}
			of, err := c.connect()
			if err != nil {
				return err
			}
			installed, err := of.crdVersion(cmd.Context())
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintln(c.Out, "CRDs:  ", installed)
			return nil
		},
	}
	cmd.Flags().BoolVar(&onlyClient, "client", false, "Show only the version of this plugin.")
	return cmd
}

// crdVersion is the version of the CRDs in the cluster, in words where there is none, or where the user may not read them.
func (c *cluster) crdVersion(ctx context.Context) (string, error) {
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	err := c.Get(ctx, client.ObjectKey{Name: "samlconnections." + v1alpha1.GroupVersion.Group}, object)
	switch {
	case apierrors.IsNotFound(err):
		return "not installed", nil
	case apierrors.IsForbidden(err):
		return "unknown (you may not read CustomResourceDefinitions)", nil
	case err != nil:
		return "", err
	}
	if v := object.Annotations[crd.VersionAnnotation]; v != "" {
		return v, nil
	}
	return "unknown (they do not say)", nil
}

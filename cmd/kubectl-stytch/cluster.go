package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/external"
	"github.com/stytch-operator/stytch-operator/internal/connection/oidc"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/connection/scim"
	"github.com/stytch-operator/stytch-operator/internal/listing"
)

// kind is one kind of connection, as the cluster has it.
type kind struct {
	name, short string // as people may write it, in lower case; the plural is name+"s"
	object      func() v1alpha1.Connection
	list        func() client.ObjectList
	expiries    func(v1alpha1.Connection) []connection.Expiry
	plan        func(context.Context, *planner, v1alpha1.Connection) planned
}

// newKind is a kind that the operator's own Kind decides about. Remote lists its connections in Stytch.
func newKind[O v1alpha1.Connection, R any](
	name, short string, of connection.Kind[O, R], remote listing.List[R], object func() O, list func() client.ObjectList,
) kind {
	return kind{
		name: name, short: short, list: list,
		object: func() v1alpha1.Connection { return object() },
		expiries: func(o v1alpha1.Connection) []connection.Expiry {
			if typed, ok := o.(O); ok {
				return of.Ends(typed)
			}
			return nil
		},
		plan: func(ctx context.Context, p *planner, o v1alpha1.Connection) planned {
			typed, ok := o.(O)
			if !ok {
				return planned{Reason: reasonFailed, Message: "it is of another kind"}
			}
			return plan(ctx, p, of, remote, typed)
		},
	}
}

// kinds are all kinds of connections.
func kinds() []kind {
	return []kind{
		newKind("scimconnection", "scimconn", scim.Kind(), listing.SCIM, func() *v1alpha1.SCIMConnection { return &v1alpha1.SCIMConnection{} },
			func() client.ObjectList { return &v1alpha1.SCIMConnectionList{} }),
		newKind("samlconnection", "samlconn", saml.Kind(), listing.SAML, func() *v1alpha1.SAMLConnection { return &v1alpha1.SAMLConnection{} },
			func() client.ObjectList { return &v1alpha1.SAMLConnectionList{} }),
		newKind("oidcconnection", "oidcconn", oidc.Kind(), listing.OIDC, func() *v1alpha1.OIDCConnection { return &v1alpha1.OIDCConnection{} },
			func() client.ObjectList { return &v1alpha1.OIDCConnectionList{} }),
		newKind("externalconnection", "extconn", external.Kind(), listing.External, func() *v1alpha1.ExternalConnection { return &v1alpha1.ExternalConnection{} },
			func() client.ObjectList { return &v1alpha1.ExternalConnectionList{} }),
	}
}

// called says that people mean this kind by a word.
func (k kind) called(word string) bool {
	word, _, _ = strings.Cut(strings.ToLower(word), ".") // samlconnections.connections.stytch-operator.dev
	return word == k.name || word == k.name+"s" || word == k.short
}

// kindOf is the kind of a connection.
func kindOf(o v1alpha1.Connection) kind {
	all := kinds()
	return all[slices.IndexFunc(all, func(k kind) bool { return k.name == strings.ToLower(gvkOf(o).Kind) })]
}

// cluster is where the objects are, and the namespace that names without one mean.
type cluster struct {
	client.WithWatch
	namespace string
}

// connect makes a client of the cluster that the flags and the kubeconfig name.
func (c *cli) connect() (*cluster, error) {
	config, err := c.flags.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	config.WarningHandler = rest.NewWarningWriter(c.ErrOut, rest.WarningWriterOptions{Deduplicate: true})
	config.UserAgent = "kubectl-stytch/" + version
	config.QPS = -1 // the API server's own fairness limits a person enough
	namespace, _, err := c.flags.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, err
	}
	of, err := client.NewWithWatch(config, client.Options{Scheme: newScheme()})
	if err != nil {
		return nil, err
	}
	return &cluster{of, namespace}, nil
}

func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	utilruntime.Must(corev1.AddToScheme(scheme))
	utilruntime.Must(metav1.AddMetaToScheme(scheme))
	return scheme
}

// find returns the connections that are named, NAME or KIND/NAME each, in this order and each once.
func (c *cluster) find(ctx context.Context, names []string, among ...kind) ([]v1alpha1.Connection, error) {
	var found []v1alpha1.Connection
	for _, name := range names {
		o, err := c.findOne(ctx, name, among)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(found, func(other v1alpha1.Connection) bool { return other.GetUID() == o.GetUID() }) {
			found = append(found, o)
		}
	}
	return found, nil
}

func (c *cluster) findOne(ctx context.Context, name string, among []kind) (v1alpha1.Connection, error) {
	offered := among
	word, bare, qualified := strings.Cut(name, "/")
	if qualified {
		among = slices.DeleteFunc(slices.Clone(among), func(k kind) bool { return !k.called(word) })
		if len(among) == 0 {
			return nil, fmt.Errorf("%q does not name a kind that this command is for, such as %s", name, offered[0].name)
		}
	} else {
		bare = name
	}
	var found []v1alpha1.Connection
	for _, k := range among {
		o := k.object()
		err := c.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: bare}, o)
		switch {
		case apierrors.IsNotFound(err):
		case err != nil:
			return nil, err
		default:
			found = append(found, o)
		}
	}
	switch len(found) {
	case 0:
		sort := "connection"
		if len(offered) == 1 {
			sort = gvkOf(offered[0].object()).Kind
		}
		return nil, fmt.Errorf("there is no %s %q in namespace %q", sort, name, c.namespace)
	case 1:
		return found[0], nil
	}
	var all []string
	for _, o := range found {
		all = append(all, refOf(o))
	}
	return nil, fmt.Errorf("%q names several objects in namespace %q: %s. Name one of them", name, c.namespace, strings.Join(all, ", "))
}

// every returns all connections of these kinds in a namespace; in all namespaces if it is empty.
func (c *cluster) every(ctx context.Context, namespace string, of ...kind) ([]v1alpha1.Connection, error) {
	var found []v1alpha1.Connection
	for _, k := range of {
		list := k.list()
		if err := c.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return nil, err
		}
		err := meta.EachListItem(list, func(o runtime.Object) error {
			typed, ok := o.(v1alpha1.Connection)
			if !ok {
				return errors.New("the list has something that is no connection")
			}
			found = append(found, typed)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// gvkOf is the kind of an object as the scheme has it. Typed clients leave it out of objects.
func gvkOf(o client.Object) metav1.GroupVersionKind {
	kinds, _, err := newScheme().ObjectKinds(o)
	utilruntime.Must(err)
	return metav1.GroupVersionKind(kinds[0])
}

// refOf names an object as kubectl does: samlconnection/acme-okta.
func refOf(o client.Object) string { return strings.ToLower(gvkOf(o).Kind) + "/" + o.GetName() }

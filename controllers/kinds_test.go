package controllers

import (
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// kindOfSpecs is one kind of connection, as the specs know it.
type kindOfSpecs struct {
	name       string
	object     v1alpha1.Connection
	list       client.ObjectList
	manifest   func(w *world) v1alpha1.Connection
	reconciler func(p *process) reconcile.Reconciler
	// edit changes much, and touch one field alone, which Stytch's update endpoint calls touched.
	edit    func(o v1alpha1.Connection)
	touch   func(o v1alpha1.Connection)
	touched string
}

// kindsOfSpecs are all kinds of connections. What holds for every kind is a spec for each of them: a new kind is one entry here.
func kindsOfSpecs() []kindOfSpecs {
	return []kindOfSpecs{
		{
			name: "ExternalConnection", object: &v1alpha1.ExternalConnection{}, list: &v1alpha1.ExternalConnectionList{},
			manifest:   func(w *world) v1alpha1.Connection { return w.external() },
			reconciler: func(p *process) reconcile.Reconciler { return p.external },
			edit:       func(o v1alpha1.Connection) { o.(*v1alpha1.ExternalConnection).Spec.ImplicitRoles = []string{"editor"} },
			touch:      func(o v1alpha1.Connection) { o.(*v1alpha1.ExternalConnection).Spec.ImplicitRoles = []string{} },
			touched:    "external_connection_implicit_role_assignments",
		},
		{
			name: "OIDCConnection", object: &v1alpha1.OIDCConnection{}, list: &v1alpha1.OIDCConnectionList{},
			manifest:   func(w *world) v1alpha1.Connection { return w.oidc("entra") },
			reconciler: func(p *process) reconcile.Reconciler { return p.oidc },
			edit: func(o v1alpha1.Connection) {
				o.(*v1alpha1.OIDCConnection).Spec.TokenURL = "https://tokens.example.com"
				o.CommonSpec().DisplayName = "Entra, renamed"
			},
			touch:   func(o v1alpha1.Connection) { o.(*v1alpha1.OIDCConnection).Spec.CustomScopes = []string{} },
			touched: "custom_scopes",
		},
		{
			name: "SAMLConnection", object: &v1alpha1.SAMLConnection{}, list: &v1alpha1.SAMLConnectionList{},
			manifest:   func(w *world) v1alpha1.Connection { return w.saml("okta") },
			reconciler: func(p *process) reconcile.Reconciler { return p.saml },
			edit: func(o v1alpha1.Connection) {
				o.(*v1alpha1.SAMLConnection).Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{{PEM: newCertificate("new")}, {PEM: newCertificate("newer")}}
				o.CommonSpec().DisplayName = "Okta, renamed"
			},
			touch: func(o v1alpha1.Connection) {
				o.(*v1alpha1.SAMLConnection).Spec.IDPInitiatedAuth = v1alpha1.ToggleEnabled
			},
			touched: "idp_initiated_auth_disabled",
		},
		{
			name: "SCIMConnection", object: &v1alpha1.SCIMConnection{}, list: &v1alpha1.SCIMConnectionList{},
			manifest:   func(w *world) v1alpha1.Connection { return w.scim("directory") },
			reconciler: func(p *process) reconcile.Reconciler { return p.scim },
			edit:       func(o v1alpha1.Connection) { o.CommonSpec().DisplayName = "Directory, renamed" },
			touch:      func(o v1alpha1.Connection) { o.CommonSpec().DisplayName = "Renamed" },
			touched:    "display_name",
		},
	}
}

// resourcesOfSpecs are the resources of all kinds, as paths name them.
func resourcesOfSpecs() []string {
	var resources []string
	for _, kind := range kindsOfSpecs() {
		resources = append(resources, strings.ToLower(kind.name)+"s")
	}
	return resources
}

package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/yaml"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// draft is the manifest of a connection, and what is written around it.
type draft struct {
	object  v1alpha1.Connection
	notes   []string // comments before it
	later   []string // lines of spec for values that Stytch does not show, which are commented out, and what to know of them
	left    []string // fields with values that no manifest may have
	refused string   // why there can be no manifest at all
	text    []byte
}

// Forms of values, as the CRDs have them.
var (
	exact       = regexp.MustCompile(`^([^\p{Z}\p{C}]([^\p{Cc}]*[^\p{Z}\p{C}])?)?$`)
	oneLine     = regexp.MustCompile(`^[^\p{Cc}]*$`)
	httpsURL    = regexp.MustCompile(`^https://[^/?#\p{Z}\p{C}<>"][^\p{Z}\p{C}<>"]*$`)
	anyURL      = regexp.MustCompile(`^[^\p{Z}\p{C}<>"]*$`)
	scope       = regexp.MustCompile(`^[]!#$&-[^-~]+$`)
	provisional = regexp.MustCompile(` \[new [0-9a-f]{8}\]$`)
	ofStytch    = regexp.MustCompile(`^[a-z]+-(connection-|group-)?(live|test)-[A-Za-z0-9-]+$`)
	ofSource    = regexp.MustCompile(`^(saml|oidc)-connection-(live|test)-[A-Za-z0-9-]+$`)
)

// Limits of the CRDs.
const (
	maxID          = 128
	maxRoles       = 100
	maxMapping     = 64
	maxScopes      = 50
	maxCertificate = 5
	maxPEM         = 16384
	maxURL         = 2048
)

// providers are the identity providers that a manifest may name.
func providers() []string {
	return []string{
		"classlink", "cyberark", "duo", "generic", "google-workspace", "jumpcloud", "keycloak", "miniorange", "microsoft-entra", "okta",
		"onelogin", "pingfederate", "rippling", "salesforce", "shibboleth",
	}
}

// begin begins the manifest of a connection with what all kinds have.
func (i *importer) begin(o v1alpha1.Connection, organization stytch.Organization, r stytch.Connection, kind string) *draft {
	d := &draft{object: o}
	gvk := gvkOf(o)
	o.GetObjectKind().SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(gvk.Kind))
	o.SetName(i.nameOf(organization, r, kind))
	i.keepMetadata(o, r.ConnectionID)
	i.named[r.ConnectionID] = o
	*o.CommonSpec() = v1alpha1.ConnectionSpec{
		ProjectRef: i.flags.projectRef(), Organization: organization.ID, ConnectionID: r.ConnectionID, Management: v1alpha1.ManagementObserve,
		DisplayName: d.value("displayName", r.DisplayName, exact, 255),
	}
	i.keepDecisions(o, organization)
	if provisional.MatchString(r.DisplayName) {
		d.leave("displayName")
		o.CommonSpec().DisplayName = ""
	}
	if len(r.ConnectionID) > maxID || !ofStytch.MatchString(r.ConnectionID) || !strings.HasPrefix(r.ConnectionID, kind+"-connection-") {
		d.refused = "the ID does not have the form that IDs of its kind have"
	}
	d.notes = append(d.notes, fmt.Sprintf("%s of organization %s in Stytch.", shown(orKind(r.DisplayName, kind)), shown(labelOf(organization))))
	return d
}

func orKind(name, kind string) string {
	if name == "" {
		return "A connection (" + kind + ")"
	}
	return name
}

// shown is a text for a comment: one line, of what can be printed.
func shown(text string) string {
	quoted := fmt.Sprintf("%q", connection.Cut(text))
	return quoted[1 : len(quoted)-1]
}

// keepMetadata keeps what the file of a connection says besides its spec.
func (i *importer) keepMetadata(o v1alpha1.Connection, id string) {
	known, ok := i.files[id]
	if ok {
		o.SetLabels(known.object.GetLabels())
		o.SetAnnotations(known.object.GetAnnotations())
	}
	switch {
	case i.explicit:
		o.SetNamespace(i.namespace)
	case ok && known.object.GetNamespace() != i.namespace:
		o.SetNamespace(known.object.GetNamespace())
	}
}

// keepDecisions keeps what the file of a connection says of things that Stytch does not show: somebody has decided them.
func (i *importer) keepDecisions(o v1alpha1.Connection, organization stytch.Organization) {
	known, ok := i.files[o.CommonSpec().ConnectionID]
	if !ok {
		return
	}
	spec, was := o.CommonSpec(), known.object.CommonSpec()
	spec.Management, spec.AdoptionPolicy, spec.DeletionPolicy, spec.ResyncInterval = was.Management, was.AdoptionPolicy, was.DeletionPolicy, was.ResyncInterval
	if i.flags.project == "" {
		spec.ProjectRef = was.ProjectRef
	}
	if was.Organization == organization.Slug {
		spec.Organization = was.Organization
	}
	switch o := o.(type) {
	case *v1alpha1.SAMLConnection:
		if was, ok := known.object.(*v1alpha1.SAMLConnection); ok {
			o.Spec.SigningPrivateKeyRef, o.Spec.EncryptionPrivateKeyRefs = was.Spec.SigningPrivateKeyRef, was.Spec.EncryptionPrivateKeyRefs
			o.Spec.DetailsConfigMapName, o.Spec.DetailsTemplate = was.Spec.DetailsConfigMapName, was.Spec.DetailsTemplate
		}
	case *v1alpha1.OIDCConnection:
		if was, ok := known.object.(*v1alpha1.OIDCConnection); ok {
			o.Spec.ClientSecretRef = was.Spec.ClientSecretRef
			o.Spec.DetailsConfigMapName, o.Spec.DetailsTemplate = was.Spec.DetailsConfigMapName, was.Spec.DetailsTemplate
		}
	case *v1alpha1.SCIMConnection:
		if was, ok := known.object.(*v1alpha1.SCIMConnection); ok {
			o.Spec.BearerToken = was.Spec.BearerToken
		}
	}
}

// keepProvider sets the certificates of the identity provider, unless the file of the connection has them come from elsewhere: by its
// metadata, which also has its ID and URL, or from a ConfigMap or Secret. Inline they would not be renewed there any more.
func (i *importer) keepProvider(o *v1alpha1.SAMLConnection, certificates []v1alpha1.VerificationCertificate) {
	o.Spec.VerificationCertificates = certificates
	was, ok := i.files[o.Spec.ConnectionID].object.(*v1alpha1.SAMLConnection)
	switch {
	case !ok:
	case was.Spec.MetadataURL != "":
		o.Spec.MetadataURL, o.Spec.IDPEntityID, o.Spec.IDPSSOURL, o.Spec.VerificationCertificates = was.Spec.MetadataURL, "", "", nil
	case slices.ContainsFunc(was.Spec.VerificationCertificates, func(c v1alpha1.VerificationCertificate) bool { return c.PEM == "" }):
		o.Spec.VerificationCertificates = was.Spec.VerificationCertificates
	}
}

// leave leaves a field out.
func (d *draft) leave(field string) {
	d.left = connection.AddOnce(d.left, field)
}

// value is a text, if a manifest may have it.
func (d *draft) value(field, text string, form *regexp.Regexp, most int) string {
	if text == "" || utf8.RuneCountInString(text) <= most && form.MatchString(text) {
		return text
	}
	d.leave(field)
	return ""
}

// optional is a text that is absent where Stytch shows none.
func (d *draft) optional(field, text string, form *regexp.Regexp, most int) *string {
	if text = d.value(field, text, form, most); text != "" {
		return &text
	}
	return nil
}

func (d *draft) provider(name string) string {
	if name != "" && !slices.Contains(providers(), name) {
		d.leave("identityProvider")
		return ""
	}
	return name
}

// roles are never absent, even if there are none: one that somebody adds in Stytch is a difference.
func (d *draft) roles(list []string) []string {
	list = slices.Compact(slices.Sorted(slices.Values(list)))
	if len(list) > maxRoles || slices.ContainsFunc(list, func(role string) bool { return !isRole(role) }) {
		d.leave("implicitRoles")
		return nil
	}
	return append([]string{}, list...)
}

func isRole(role string) bool {
	return role != "" && utf8.RuneCountInString(role) <= maxID && exact.MatchString(role)
}

func (d *draft) groupRoles(list []stytch.GroupRole) []v1alpha1.GroupRole {
	roles := []v1alpha1.GroupRole{}
	for _, r := range list {
		if r.Group == "" || utf8.RuneCountInString(r.Group) > 1024 || !oneLine.MatchString(r.Group) || !isRole(r.RoleID) {
			d.leave("groupImplicitRoles")
			return nil
		}
		if one := (v1alpha1.GroupRole{Group: r.Group, Role: r.RoleID}); !slices.Contains(roles, one) {
			roles = append(roles, one)
		}
	}
	if len(roles) > maxRoles {
		d.leave("groupImplicitRoles")
		return nil
	}
	slices.SortFunc(roles, func(a, b v1alpha1.GroupRole) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Role, b.Role))
	})
	return roles
}

func (d *draft) mapping(list map[string]string) map[string]v1alpha1.Attribute {
	if len(list) == 0 {
		return nil
	}
	mapping := map[string]v1alpha1.Attribute{}
	for key, value := range list {
		// A key << means something in YAML, and is written without quotes: no program could read the manifest.
		if length := utf8.RuneCountInString(key); length == 0 || length > 128 || key == "<<" || utf8.RuneCountInString(value) > 256 || !exact.MatchString(value) {
			d.leave("attributeMapping")
			return nil
		}
		mapping[key] = v1alpha1.Attribute(value)
	}
	if len(mapping) > maxMapping {
		d.leave("attributeMapping")
		return nil
	}
	return mapping
}

func (i *importer) saml(in stytch.Organization, r stytch.SAMLConnection) draft {
	o := &v1alpha1.SAMLConnection{}
	d := i.begin(o, in, r.Connection, "saml")
	s := &o.Spec
	s.IdentityProvider = v1alpha1.SSOIdentityProvider(d.provider(r.IdentityProvider))
	s.IDPEntityID = d.value("idpEntityID", r.IDPEntityID, exact, 1024)
	s.IDPSSOURL = d.value("idpSSOURL", r.IDPSSOURL, httpsURL, maxURL)
	s.AttributeMapping = d.mapping(r.AttributeMapping)
	s.NameIDFormat = d.optional("nameIDFormat", r.NameIDFormat, exact, 256)
	s.AlternativeAudienceURI = d.optional("alternativeAudienceURI", r.AlternativeAudienceURI, exact, maxURL)
	s.AlternativeACSURL = d.optional("alternativeACSURL", r.AlternativeACSURL, anyURL, maxURL)
	s.IDPInitiatedAuth, s.GatewayCallback = v1alpha1.ToggleEnabled, v1alpha1.PermissionDenied
	if r.IDPInitiatedAuthDisabled {
		s.IDPInitiatedAuth = v1alpha1.ToggleDisabled
	}
	if r.AllowGatewayCallback {
		s.GatewayCallback = v1alpha1.PermissionAllowed
	}
	s.ImplicitRoles, s.GroupImplicitRoles = d.roles(r.ImplicitRoles), d.groupRoles(r.GroupImplicitRoles)
	if len(s.GroupImplicitRoles) > 0 && s.AttributeMapping != nil && s.AttributeMapping["groups"] == "" {
		d.leave("groupImplicitRoles")
		s.GroupImplicitRoles = nil
	}
	i.keepProvider(o, d.certificates(r.VerificationCertificates))
	if s.SigningPrivateKeyRef == nil {
		d.later = append(d.later, "Stytch then signs with this key: an identity provider that checks signatures needs its certificate.", "signingPrivateKeyRef:", "  name: "+o.Name+"-signing-key", "  key: tls.key")
	}
	if len(r.EncryptionKeyIDs) > 0 && s.EncryptionPrivateKeyRefs == nil {
		d.notes = append(d.notes, fmt.Sprintf("Stytch has %d encryption keys, and does not show them.", len(r.EncryptionKeyIDs)))
		d.later = append(d.later, "Stytch has keys already, and does not say which. The operator asks before it adds one (KeysUnidentified).", "encryptionPrivateKeyRefs:", "- name: "+o.Name+"-encryption-key", "  key: tls.key")
	}
	return *d
}

// certificates are all of them or, where a manifest could not say exactly which there are, none.
func (d *draft) certificates(list []stytch.Certificate) []v1alpha1.VerificationCertificate {
	var certificates []v1alpha1.VerificationCertificate
	seen := map[string]bool{}
	byFingerprint := func(a, b stytch.Certificate) int { return cmp.Compare(a.SHA256, b.SHA256) }
	for _, c := range slices.SortedFunc(slices.Values(list), byFingerprint) {
		read, _, err := pki.ReadCertificates([]byte(c.PEM))
		if err != nil || len(read) != 1 || len(c.PEM) > maxPEM || seen[c.SHA256] || len(list) > maxCertificate {
			d.leave("verificationCertificates")
			return nil
		}
		seen[c.SHA256] = true
		certificates = append(certificates, v1alpha1.VerificationCertificate{PEM: c.PEM})
	}
	return certificates
}

func (i *importer) oidc(in stytch.Organization, r stytch.OIDCConnection) draft {
	o := &v1alpha1.OIDCConnection{}
	d := i.begin(o, in, r.Connection, "oidc")
	s := &o.Spec
	s.IdentityProvider = v1alpha1.SSOIdentityProvider(d.provider(r.IdentityProvider))
	s.ClientID = d.value("clientID", r.ClientID, exact, 512)
	if s.Issuer = d.value("issuer", r.Issuer, httpsURL, maxURL); strings.Contains(s.Issuer, "/.well-known/") {
		d.leave("issuer")
		s.Issuer = ""
	}
	s.AuthorizationURL = d.value("authorizationURL", r.AuthorizationURL, httpsURL, maxURL)
	s.TokenURL = d.value("tokenURL", r.TokenURL, httpsURL, maxURL)
	s.UserinfoURL = d.value("userinfoURL", r.UserinfoURL, httpsURL, maxURL)
	s.JWKSURL = d.value("jwksURL", r.JWKSURL, httpsURL, maxURL)
	s.CustomScopes = d.scopes(r.CustomScopes)
	s.AttributeMapping = d.mapping(r.AttributeMapping)
	if s.ClientSecretRef == nil {
		d.later = append(d.later, "clientSecretRef:", "  name: "+o.Name+"-client-secret", "  key: client-secret")
	}
	return *d
}

func (d *draft) scopes(text string) []string {
	if decoded, err := url.PathUnescape(text); err == nil {
		text = decoded
	}
	scopes := slices.Compact(slices.Sorted(slices.Values(strings.Fields(text))))
	bad := func(s string) bool { return len(s) > 256 || !scope.MatchString(s) }
	if len(scopes) > 0 && (len(scopes) > maxScopes || !slices.Contains(scopes, "openid") || slices.ContainsFunc(scopes, bad)) {
		d.leave("customScopes")
		return nil
	}
	return scopes
}

func (i *importer) scim(in stytch.Organization, r stytch.SCIMConnection) draft {
	o := &v1alpha1.SCIMConnection{}
	d := i.begin(o, in, r.Connection, "scim")
	o.Spec.IdentityProvider = v1alpha1.SCIMIdentityProvider(d.provider(r.IdentityProvider))
	o.Spec.BearerToken.SecretName = cmp.Or(o.Spec.BearerToken.SecretName, o.Name+"-token")
	roles, groups := []v1alpha1.SCIMGroupRole{}, map[string]string{}
	for _, g := range r.GroupImplicitRoles {
		if len(g.GroupID) > maxID || !strings.HasPrefix(g.GroupID, "scim-group-") || !ofStytch.MatchString(g.GroupID) || !isRole(g.RoleID) {
			d.leave("groupImplicitRoles")
		}
		if one := (v1alpha1.SCIMGroupRole{GroupID: g.GroupID, Role: g.RoleID}); !slices.Contains(roles, one) {
			roles = append(roles, one)
		}
		groups[g.GroupID] = g.GroupName
	}
	if len(roles) > maxRoles {
		d.leave("groupImplicitRoles")
	}
	slices.SortFunc(roles, func(a, b v1alpha1.SCIMGroupRole) int {
		return cmp.Or(cmp.Compare(a.GroupID, b.GroupID), cmp.Compare(a.Role, b.Role))
	})
	if !slices.Contains(d.left, "groupImplicitRoles") {
		o.Spec.GroupImplicitRoles = roles
	}
	d.notes = append(d.notes,
		"Stytch does not show its token. Put it into Secret "+o.Spec.BearerToken.SecretName+" under the key token, and give the Secret the label",
		"  "+v1alpha1.LabelConnection+": "+r.ConnectionID,
		"or, once management is Manage, rotate it: kubectl stytch rotate "+o.Name)
	for _, id := range slices.Sorted(maps.Keys(groups)) {
		if groups[id] != "" {
			d.notes = append(d.notes, "Group "+shown(id)+" is "+shown(groups[id])+".")
		}
	}
	return *d
}

func (i *importer) external(in stytch.Organization, r stytch.ExternalConnection) draft {
	o := &v1alpha1.ExternalConnection{}
	d := i.begin(o, in, r.Connection, "external")
	o.Spec.ImplicitRoles, o.Spec.GroupImplicitRoles = d.roles(r.ImplicitRoles), d.groupRoles(r.GroupImplicitRoles)
	oidc := strings.HasPrefix(r.ExternalConnectionID, "oidc-")
	if oidc && len(o.Spec.ImplicitRoles) > 0 {
		d.leave("implicitRoles")
		o.Spec.ImplicitRoles = nil
	}
	if oidc && len(o.Spec.GroupImplicitRoles) > 0 {
		d.leave("groupImplicitRoles")
		o.Spec.GroupImplicitRoles = nil
	}
	source := &v1alpha1.ExternalSource{OrganizationID: r.ExternalOrganizationID, ConnectionID: r.ExternalConnectionID}
	manifest, imported := i.named[source.ConnectionID]
	imported = imported && manifest.GetNamespace() == o.GetNamespace() // a reference does not leave it
	switch {
	case source.OrganizationID == in.ID || !stytch.IsOrganizationID(source.OrganizationID) || len(source.ConnectionID) > maxID || !ofSource.MatchString(source.ConnectionID):
		d.refused = "Stytch shows no source that a manifest may have"
	case imported && oidc:
		o.Spec.SourceRef = &v1alpha1.ExternalSourceRef{Kind: v1alpha1.SourceOIDC, Name: manifest.GetName()}
	case imported:
		o.Spec.SourceRef = &v1alpha1.ExternalSourceRef{Kind: v1alpha1.SourceSAML, Name: manifest.GetName()}
	default:
		o.Spec.Source = source
	}
	return *d
}

// render writes the manifest with its comments.
func (d *draft) render() error {
	manifest, err := asMap(d.object)
	if err != nil {
		return err
	}
	delete(manifest, "status")
	text, err := yaml.Marshal(manifest)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, note := range d.notes {
		b.WriteString("# " + note + "\n")
	}
	if len(d.left) > 0 {
		b.WriteString("# Not managed, because no manifest may have the values that Stytch has: " + strings.Join(d.left, ", ") + "\n")
	}
	b.Write(text)
	if len(d.later) > 0 {
		b.WriteString("  # Stytch does not show these values. To have them managed, store them in Secrets and uncomment:\n")
	}
	for _, line := range d.later {
		b.WriteString("  # " + line + "\n")
	}
	d.text = []byte(b.String())
	return nil
}

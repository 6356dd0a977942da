package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// importer makes manifests of what is in Stytch.
type importer struct {
	*cli
	flags   importFlags
	kinds   []kind
	planner *planner
	caller  *stytch.Caller

	namespace string // of manifests that have none
	explicit  bool   // --namespace is given
	files     map[string]file
	found     []tenant
	named     map[string]v1alpha1.Connection // the manifests, by the ID of the connection
	problems  []error                        // with what is not imported
}

// tenant is what is in an organization.
type tenant struct {
	stytch.Organization
	sso  stytch.SSOConnections
	scim []stytch.SCIMConnection
}

func (c *cli) newImporter(ctx context.Context, flags importFlags) (*importer, error) {
	i := &importer{cli: c, flags: flags, named: map[string]v1alpha1.Connection{}, explicit: c.flags.Namespace != nil && *c.flags.Namespace != ""}
	var err error
	if i.kinds, err = flags.check(); err != nil {
		return nil, err
	}
	if i.namespace, _, err = c.flags.ToRawKubeConfigLoader().Namespace(); err != nil {
		return nil, err
	}
	if i.files, err = c.filesIn(flags.directory, i.namespace); err != nil {
		return nil, err
	}
	i.planner, err = c.newPlanner(ctx, planFlags{
		project: flags.project, offline: byEnvironment(flags.project), keepPEM: true,
		allowedHosts: flags.allowedHosts, insecureLoopback: flags.insecureLoopback,
	})
	if err != nil {
		return nil, err
	}
	opened, err := i.planner.open(ctx, i.namespace, v1alpha1.ProjectRef{Kind: v1alpha1.NamespacedProject, Name: v1alpha1.DefaultProjectName})
	if err != nil {
		return nil, err
	}
	for _, organization := range flags.organizations {
		if problem := connection.SameEnvironment(opened.projectID, organization, ""); problem != nil {
			return nil, errors.New(problem.Message)
		}
	}
	i.caller = opened.Caller(i.namespace, "import", stytch.Urgent)
	return i, nil
}

// read reads the connections, organization by organization. One that cannot be read does not keep the others back.
func (i *importer) read(ctx context.Context) error {
	defer i.caller.Close()
	organizations, err := i.organizations(ctx)
	if err != nil {
		return err
	}
	for n, organization := range organizations {
		in, err := i.connections(ctx, organization)
		failed, known := errors.AsType[*stytch.Error](err)
		switch {
		case err == nil:
			i.found = append(i.found, in)
			_, _ = fmt.Fprintf(i.ErrOut, "organization %s (%d of %d): %s\n", labelOf(organization), n+1, len(organizations), counted(in.count(), "connection"))
		case !known || failed.Class == stytch.CredentialsRejected || ctx.Err() != nil:
			return i.planner.explainedCall(err)
		case failed.Class == stytch.OrganizationNotFound:
			i.problems = append(i.problems, fmt.Errorf("organization %s: it was deleted in the meantime", labelOf(organization)))
		default:
			i.problems = append(i.problems, fmt.Errorf("organization %s: %w", labelOf(organization), i.planner.explainedCall(err)))
		}
	}
	return nil
}

// organizations are those that are asked for, each once.
func (i *importer) organizations(ctx context.Context) ([]stytch.Organization, error) {
	if i.flags.all {
		all, err := paced(ctx, i.planner.pace, func() ([]stytch.Organization, error) { return i.caller.Organizations(ctx) })
		return all, i.planner.explainedCall(err)
	}
	var all []stytch.Organization
	for _, name := range i.flags.organizations {
		one, err := paced(ctx, i.planner.pace, func() (stytch.Organization, error) { return i.caller.DescribeOrganization(ctx, name) })
		if failed, ok := errors.AsType[*stytch.Error](err); ok && failed.Class == stytch.OrganizationNotFound {
			return nil, fmt.Errorf("the project has no organization with the ID, slug or external ID %q", name)
		}
		if err != nil {
			return nil, i.planner.explainedCall(err)
		}
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all, nil
}

// connections reads the connections of an organization: those of the kinds that are asked for.
func (i *importer) connections(ctx context.Context, of stytch.Organization) (tenant, error) {
	in := tenant{Organization: of}
	var err error
	if i.wants("samlconnection") || i.wants("oidcconnection") || i.wants("externalconnection") {
		in.sso, err = paced(ctx, i.planner.pace, func() (stytch.SSOConnections, error) { return i.caller.SSO(ctx, of.ID, i.planner.began) })
	}
	if err == nil && i.wants("scimconnection") {
		in.scim, err = paced(ctx, i.planner.pace, func() ([]stytch.SCIMConnection, error) { return i.caller.SCIM(ctx, of.ID, i.planner.began) })
	}
	if !i.wants("samlconnection") {
		in.sso.SAML = nil
	}
	if !i.wants("oidcconnection") {
		in.sso.OIDC = nil
	}
	if !i.wants("externalconnection") {
		in.sso.External = nil
	}
	return in, err
}

func (i *importer) wants(name string) bool {
	return slices.ContainsFunc(i.kinds, func(k kind) bool { return k.name == name })
}

func (t tenant) count() int {
	return len(t.sso.SAML) + len(t.sso.OIDC) + len(t.sso.External) + len(t.scim)
}

// drafts are the manifests of everything that was found.
func (i *importer) drafts() ([]draft, error) {
	var all []draft
	for _, in := range i.found {
		for _, r := range in.scim {
			all = append(all, i.scim(in.Organization, r))
		}
		for _, r := range in.sso.SAML {
			all = append(all, i.saml(in.Organization, r))
		}
		for _, r := range in.sso.OIDC {
			all = append(all, i.oidc(in.Organization, r))
		}
	}
	for _, in := range i.found { // once all sources have their names
		for _, r := range in.sso.External {
			all = append(all, i.external(in.Organization, r))
		}
	}
	all = slices.DeleteFunc(all, i.refuse)
	taken := map[string]string{}
	for n := range all {
		o := all[n].object
		if other := taken[refOf(o)]; other != "" {
			return nil, fmt.Errorf("the connections %s and %s would both be %s", other, o.CommonSpec().ConnectionID, refOf(o))
		}
		taken[refOf(o)] = o.CommonSpec().ConnectionID
		if err := all[n].render(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// refuse says that a connection cannot have a manifest, and keeps why.
func (i *importer) refuse(d draft) bool {
	if d.refused != "" {
		i.problems = append(i.problems, fmt.Errorf("%s cannot be imported: %s", d.object.CommonSpec().ConnectionID, d.refused))
	}
	return d.refused != ""
}

// nameOf is the name of a connection's manifest: that of the file that has it or, without one, a name that depends on the connection
// alone. So it does not change with what else there is, or with the order in which it is read.
func (i *importer) nameOf(organization stytch.Organization, r stytch.Connection, kind string) string {
	if known, ok := i.files[r.ConnectionID]; ok {
		return known.object.GetName()
	}
	return manifestName(organization.Slug, r.DisplayName, kind, r.ConnectionID)
}

const (
	maxNameOfSlug  = 20
	maxNameOfShown = 30
	digitsOfID     = 10
)

// manifestName is the slug of the organization and the display name, as far as Kubernetes takes them, and a part of a hash of the ID.
func manifestName(slug, displayName, kind, id string) string {
	sum := sha256.Sum256([]byte(id))
	owner, shown := plain(slug, maxNameOfSlug), plain(displayName, maxNameOfShown)
	if shown == "" {
		shown = kind
	}
	if owner != "" && shown != owner && !strings.HasPrefix(shown, owner+"-") {
		shown = owner + "-" + shown
	}
	return shown + "-" + hex.EncodeToString(sum[:])[:digitsOfID]
}

var notPlain = regexp.MustCompile(`[^a-z0-9]+`)

// plain is a text in lower-case letters, digits and hyphens, with at most so many of them. Accents are dropped.
func plain(text string, most int) string {
	letters := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(text))
	text = strings.Trim(notPlain.ReplaceAllString(letters, "-"), "-")
	return strings.TrimRight(text[:min(len(text), most)], "-")
}

// labelOf is how people know an organization.
func labelOf(o stytch.Organization) string {
	if o.Slug == "" {
		return o.ID
	}
	return fmt.Sprintf("%s (%s)", shown(o.Slug), o.ID)
}

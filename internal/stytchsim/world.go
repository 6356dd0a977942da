package stytchsim

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// world is everything the simulated Stytch remembers. Whoever touches it holds
// the simulator's lock.
type world struct {
	roles       []Role // of a project that is added without any
	projects    map[string]*project
	order       []*project
	connections map[string]connection // every connection there is, by ID
	groups      map[string]*group     // every SCIM group there is, by ID
	members     map[string]*member    // every member there is, by ID
	documents   map[string]Document   // what identity providers serve, by URL
}

// project is an environment of a Stytch project: what a pair of credentials opens.
type project struct {
	id, secret, name string
	roles            []Role // of its RBAC policy, without the reserved ones that are as ever
	order            []*organization
	organizations    map[string]*organization // by ID, by slug and by external ID
}

// connection is a connection of any kind.
type connection interface {
	base() *baseConnection
	fields() []field
	document(r renderer) document
}

// baseConnection is what connections of every kind have.
type baseConnection struct {
	kind             Kind
	id               string
	org              *organization
	status           string
	displayName      string
	identityProvider string // not on External connections
}

func (h *baseConnection) base() *baseConnection { return h }

// The states of a connection (openapi: SAMLConnection, SCIMConnection).
const (
	statePending = "pending"
	stateActive  = "active"
	stateDeleted = "deleted"
)

func newWorld(first Project, roles []Role) *world {
	w := &world{
		roles:       roles,
		projects:    map[string]*project{},
		connections: map[string]connection{},
		groups:      map[string]*group{},
		members:     map[string]*member{},
		documents:   map[string]Document{},
	}
	w.addProject(first)
	return w
}

// addProject adds a project, or gives an existing one another secret or name, or
// other roles.
func (w *world) addProject(p Project) {
	have, known := w.projects[p.ID]
	if !known {
		have = &project{id: p.ID, roles: w.roles, organizations: map[string]*organization{}}
		w.projects[p.ID] = have
		w.order = append(w.order, have)
	}
	if p.Secret != "" {
		have.secret = p.Secret
	}
	if p.Name != "" {
		have.name = p.Name
	}
	if p.Roles != nil {
		have.roles = p.Roles
	}
}

// organization finds one in any project; a slug that two projects know means
// the elder project's.
func (w *world) organization(key string) (*organization, bool) {
	for _, p := range w.order {
		if org, ok := p.organizations[key]; ok {
			return org, true
		}
	}
	return nil, false
}

// environment is what IDs of the project say.
//
// Source: the official SDKs take a project for live when its ID starts with
// project-live- and for test otherwise; IDs carry the environment in every
// sample of the docs.
func (p *project) environment() string {
	if strings.HasPrefix(p.id, "project-live-") {
		return "live"
	}
	return "test"
}

// root is the API's address in answers: base URLs, callbacks. It is Stytch's and
// not the simulator's, because these are addresses for identity providers.
func (p *project) root() string {
	if p.environment() == "live" {
		return "https://api.stytch.com"
	}
	return "https://test.stytch.com"
}

// newID makes an ID as Stytch's are: what it is, the environment, a UUID (docs:
// every sample).
func (p *project) newID(what string) string {
	return what + "-" + p.environment() + "-" + newUUID()
}

// newID makes an ID of a connection in the organization.
func (o *organization) newID(kind Kind) string { return o.project.newID(string(kind) + "-connection") }

// callback is the address that an identity provider sends a login to (docs,
// start-sso-authenticate, and the samples).
func (o *organization) callback(connectionID string) string {
	return o.project.root() + "/v1/b2b/sso/callback/" + connectionID
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: the runtime ends the process instead
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// newToken makes a bearer token of 48 characters, as long as those in the docs.
func newToken() string {
	var b [36]byte
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// add puts a connection where its organization and the world find it.
func (w *world) add(c connection) {
	h := c.base()
	w.connections[h.id] = c
	if scim, ok := c.(*scimConnection); ok {
		h.org.scim = scim
		return
	}
	h.org.sso = append(h.org.sso, c)
}

// remove takes a connection out of the world, rules or not.
func (w *world) remove(c connection) {
	h := c.base()
	delete(w.connections, h.id)
	if scim, ok := c.(*scimConnection); ok {
		for _, g := range scim.groups {
			delete(w.groups, g.id)
		}
		scim.groups = nil
		h.status = stateDeleted
		h.org.scim, h.org.formerSCIM = nil, scim
		return
	}
	h.org.sso = slices.DeleteFunc(h.org.sso, func(other connection) bool { return other.base().id == h.id })
	if h.org.defaultConnection == h.id {
		h.org.defaultConnection = ""
	}
}

// dependants are the External connections to a source.
func (w *world) dependants(sourceID string) []connection {
	var found []connection
	for _, p := range w.order {
		for _, org := range p.order {
			for _, c := range org.sso {
				if external, ok := c.(*externalConnection); ok && external.sourceID == sourceID {
					found = append(found, c)
				}
			}
		}
	}
	return found
}

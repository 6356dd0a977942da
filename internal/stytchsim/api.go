package stytchsim

import "time"

// Options configure a simulator. The zero value works: one test project
// [DefaultProjectID] with [DefaultSecret], the default switches, the real clock.
type Options struct {
	// ProjectID is the first project; its prefix project-live- makes the IDs of
	// everything in it live ones. Empty: DefaultProjectID.
	ProjectID string
	// Secret is the first project's secret. Empty: DefaultSecret.
	Secret string
	// ProjectName is what whoami answers. Empty: "Simulated project".
	ProjectName string
	// Roles are the role IDs of each project's RBAC policy in addition to the reserved
	// stytch_member and stytch_admin, until AddProject sets others. Nil: editor,
	// viewer, admin.
	Roles []string
	// Switches choose between undocumented behaviors of Stytch.
	Switches Switches
	// Now is the simulator's clock. Nil: time.Now.
	Now func() time.Time
	// TokenLifetime is how long a SCIM bearer token is valid. Zero means five years.
	TokenLifetime time.Duration
	// NextTokenLifetime is how much longer than the current token the next one of
	// a rotation is valid. Zero means one year.
	NextTokenLifetime time.Duration
	// Latency is how long each call of the Stytch API is delayed.
	Latency time.Duration
	// Intercept sees each call around its effect; see [Sim.SetIntercept].
	Intercept Intercept
}

// The defaults of Options.
const (
	DefaultProjectID = "project-test-11111111-1111-4111-8111-111111111111"
	DefaultSecret    = "secret-test-simulated"
)

// Intercept is called for each call that reaches the rules, once before and once
// after its effect. If it returns true, the connection is cut: the client gets no
// response, and the call has taken effect only in stage AfterEffect. It runs
// without the lock of the simulator, so it may call the simulator, and may be
// called concurrently.
type Intercept func(stage Stage, op Operation) (abort bool)

// Stage is when in a call an [Intercept] is called.
type Stage int

// The two stages.
const (
	BeforeEffect Stage = iota + 1
	AfterEffect
)

// Operation is a call as an [Intercept] sees it.
type Operation struct {
	Seq       int    // as in the journal
	Name      string // e.g. CreateSAMLConnection
	Method    string
	Path      string
	Status    int    // of the answer that would follow; AfterEffect only
	ErrorType string // likewise
}

// Project is one Stytch project environment, with its credentials. Roles are those
// of its RBAC policy. stytch_member and stytch_admin are always there; one of that
// name in Roles has other permissions than by default.
type Project struct {
	ID     string `json:"project_id"`
	Secret string `json:"secret,omitempty"`
	Name   string `json:"name,omitempty"`
	Roles  []Role `json:"roles,omitempty"`
}

// Role is a role of a project's RBAC policy, or a custom role of an organization.
type Role struct {
	ID          string       `json:"role_id"`
	Description string       `json:"description"`
	Permissions []Permission `json:"permissions"`
}

// Permission is what may be done with a resource; the action * is all of them.
type Permission struct {
	ResourceID string   `json:"resource_id"`
	Actions    []string `json:"actions"`
}

// Organization is a tenant of a project. An empty ProjectID means the first
// project.
type Organization struct {
	ProjectID         string `json:"project_id,omitempty"`
	ID                string `json:"organization_id,omitempty"`
	Slug              string `json:"organization_slug"`
	Name              string `json:"organization_name"`
	ExternalID        string `json:"organization_external_id,omitempty"`
	DefaultConnection string `json:"sso_default_connection_id,omitempty"`
	CustomRoles       []Role `json:"custom_roles,omitempty"`
}

// Member is a member of an organization, which is named by ID, slug or external
// ID. Roles are those assigned to the member; stytch_member is every member's.
type Member struct {
	ID             string   `json:"member_id,omitempty"`
	OrganizationID string   `json:"organization_id"`
	EmailAddress   string   `json:"email_address,omitempty"`
	Roles          []string `json:"roles,omitempty"`
}

// Session is a login of a member. Its token or its JWT, whichever a call brings
// along, stands for the member until the session expires; the JWT only for five
// minutes, unless switch stale-jwt says otherwise.
type Session struct {
	ID         string    `json:"member_session_id,omitempty"`
	MemberID   string    `json:"member_id"`
	Token      string    `json:"session_token,omitempty"`
	JWT        string    `json:"session_jwt,omitempty"`
	Expires    time.Time `json:"expires_at,omitzero"`     // zero in AddSession: in an hour
	JWTExpires time.Time `json:"jwt_expires_at,omitzero"` // zero in AddSession: in five minutes
}

// SessionCheck says whose session a token or a JWT is of, and what the member may
// do. It is empty where there is no such session, or none any more.
type SessionCheck struct {
	Valid          bool         `json:"valid"`
	MemberID       string       `json:"member_id,omitempty"`
	OrganizationID string       `json:"organization_id,omitempty"`
	Roles          []string     `json:"roles,omitempty"`
	Permissions    []Permission `json:"permissions,omitempty"`
}

// Group is a SCIM group as if an identity provider had pushed it. Either
// ConnectionID or OrganizationID (the SCIM connection of that organization) is
// required.
type Group struct {
	ID             string `json:"group_id,omitempty"`
	Name           string `json:"group_name"`
	OrganizationID string `json:"organization_id,omitempty"`
	ConnectionID   string `json:"connection_id,omitempty"`
}

// Kind is one of the four kinds of connections.
type Kind string

// The kinds, as in IDs and in the control endpoints.
const (
	SCIM     Kind = "scim"
	SAML     Kind = "saml"
	OIDC     Kind = "oidc"
	External Kind = "external"
)

// Connection is a connection as the simulator holds it. Fields has all fields of
// the API's object except tokens, client secrets and private keys.
type Connection struct {
	Kind           Kind           `json:"kind"`
	ID             string         `json:"connection_id"`
	OrganizationID string         `json:"organization_id"`
	Status         string         `json:"status"`
	DisplayName    string         `json:"display_name"`
	Fields         map[string]any `json:"fields"`
}

// Document is what an identity provider serves at a URL: a SAML metadata
// document, an OIDC discovery document, or anything else in Body.
type Document struct {
	URL string `json:"url"`

	IDPEntityID  string   `json:"idp_entity_id,omitempty"`
	IDPSSOURL    string   `json:"idp_sso_url,omitempty"`
	Certificates []string `json:"certificates,omitempty"` // PEM

	AuthorizationEndpoint string `json:"authorization_endpoint,omitempty"`
	TokenEndpoint         string `json:"token_endpoint,omitempty"`
	UserinfoEndpoint      string `json:"userinfo_endpoint,omitempty"`
	JWKSURI               string `json:"jwks_uri,omitempty"`

	Body string `json:"body,omitempty"` // not a document at all, say HTML
}

// TokenCheck says whether a SCIM endpoint would accept a bearer token, and which of
// the connection's tokens it is: "current", "next" or "".
type TokenCheck struct {
	Accepted bool   `json:"accepted"`
	Which    string `json:"which,omitempty"`
}

// Call is one entry of the journal. It is added when the call arrives and
// completed when it ends.
type Call struct {
	Seq       int       `json:"seq"`
	Time      time.Time `json:"time"` // of arrival
	Method    string    `json:"method"`
	Path      string    `json:"path"`
	Query     string    `json:"query,omitempty"`
	ProjectID string    `json:"project_id,omitempty"` // the basic auth user, right or wrong
	Operation string    `json:"operation,omitempty"`
	Fields    []string  `json:"fields"` // names of the body's fields, sorted
	UserAgent string    `json:"user_agent,omitempty"`

	MemberSession bool `json:"member_session,omitempty"` // a member's session came with it

	Outcome   Outcome `json:"outcome"`
	Status    int     `json:"status"` // 0 while open and when cut
	ErrorType string  `json:"error_type,omitempty"`
	RequestID string  `json:"request_id"`
	Committed bool    `json:"committed"`         // its effect took place
	Limited   bool    `json:"limited,omitempty"` // it fell into a closed window of a limit
	Fault     int     `json:"fault,omitempty"`   // the planted fault it met
}

// Outcome is how a call ended.
type Outcome string

// The outcomes.
const (
	Open     Outcome = "open"     // no answer yet
	Answered Outcome = "answered" // an answer was sent
	Cut      Outcome = "cut"      // the connection ended without an answer
)

// Limit is a rate limit: at most Requests per Window for each project, in windows
// aligned to the clock. Path is a pattern as in [Fault]; empty means all calls.
type Limit struct {
	Requests int      `json:"requests"`
	Window   Duration `json:"window"`
	Method   string   `json:"method,omitempty"`
	Path     string   `json:"path,omitempty"`
}

// Fault is a failure for the calls of the Stytch API that match it.
type Fault struct {
	ID int `json:"id,omitempty"` // given by the simulator

	// Which calls: all of what is set must match. In Path, * stands for anything
	// within one segment and ** for the rest of the path.
	Method    string `json:"method,omitempty"`
	Path      string `json:"path,omitempty"`
	Operation string `json:"operation,omitempty"`
	Field     string `json:"field,omitempty"` // the body has it
	Skip      int    `json:"skip,omitempty"`  // let the first so many pass
	Times     int    `json:"times,omitempty"` // then strike so many; 0 is for ever

	// What happens. Empty Effect: FaultError when Status or ErrorType is set, else
	// FaultDelay.
	Effect Effect   `json:"effect,omitempty"`
	Delay  Duration `json:"delay,omitempty"` // waited first, with every effect

	// Commit makes a wrong answer (error, empty-body, invalid-json, html) come
	// after the call took effect, instead of in its place.
	Commit bool `json:"commit,omitempty"`

	Status       int    `json:"status,omitempty"`
	ErrorType    string `json:"error_type,omitempty"`
	ErrorMessage string `json:"error_message,omitempty"`
	RetryAfter   string `json:"retry_after,omitempty"` // the header; empty: none
	Body         string `json:"body,omitempty"`        // instead of the effect's own

	Struck int `json:"struck,omitempty"` // how often it has, so far
}

// Effect is what a [Fault] does to a call.
type Effect string

// The effects.
const (
	// FaultError answers Status (500) and ErrorType (internal_server_error).
	FaultError Effect = "error"
	// FaultDelay only waits; the call then goes on as ever.
	FaultDelay Effect = "delay"
	// FaultCutBeforeCommit ends the connection; nothing happened.
	FaultCutBeforeCommit Effect = "cut-before-commit"
	// FaultCutAfterCommit ends the connection after the effect.
	FaultCutAfterCommit Effect = "cut-after-commit"
	// FaultCommitAfterGivingUp waits until the caller has hung up, then Delay, and
	// then lets the call take effect: the POST nobody waited for.
	FaultCommitAfterGivingUp Effect = "commit-after-giving-up"
	// FaultEmptyList answers a listing, truthful in form, with nothing in it; a
	// SCIM connection as absent.
	FaultEmptyList Effect = "empty-list"
	// FaultEmptyBody answers Status (200) and not a byte.
	FaultEmptyBody Effect = "empty-body"
	// FaultInvalidJSON answers Status (200) and half a JSON document.
	FaultInvalidJSON Effect = "invalid-json"
	// FaultHTML answers Status (502) and a page as a proxy would.
	FaultHTML Effect = "html"
)

// State is all state of the simulator, without secrets.
type State struct {
	Projects      []Project      `json:"projects"`
	Organizations []Organization `json:"organizations"`
	Connections   []Connection   `json:"connections"`
	Groups        []Group        `json:"groups"`
	Members       []Member       `json:"members"`
	Sessions      []Session      `json:"sessions"`
	Documents     []string       `json:"documents"` // their URLs
	Faults        []Fault        `json:"faults"`
	Limits        []Limit        `json:"limits"`
	Switches      Switches       `json:"switches"`
	Calls         int            `json:"calls"` // seq of the newest journal entry
}

// Duration is a time.Duration that is written like "1m30s" in JSON.
type Duration time.Duration

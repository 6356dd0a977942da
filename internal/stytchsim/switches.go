package stytchsim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Switches choose between behaviours of Stytch that nobody documents and a
// caller can see. An empty field means the first value of its comment, which is
// the likeliest; [SwitchTable] says the same to a program.
type Switches struct {
	// What an answer looks like.

	CreateStatus     string // 200, 201
	AnswerConnection string // present, null, absent: the connection in the answer of a POST or PUT
	AbsentSCIM       string // 404, 400, null, absent, deleted: reading an organization without one
	Lists            string // empty, null, absent: a list with nothing in it, except in SAML connections and organizations
	Strings          string // empty, null, absent: a string without value, except in SAML connections and organizations
	Cursor           string // null, empty, absent: next_cursor on the last page
	UnsetMapping     string // empty, null, absent: attribute_mapping never set
	UnsetProvider    string // empty, generic: identity_provider never set
	UnsetNameID      string // empty, default: nameid_format never set
	Timestamps       string // seconds, nanoseconds, absent
	PEM              string // standard, as-sent, crlf, one-line, no-final-newline
	Order            string // stable, reversed, rotating: of every list
	ClientSecret     string // plain, masked, empty: of an OIDC connection
	PrivateKey       string // plain, masked, empty: encryption keys of a SAML connection
	RetryAfter       string // no, yes: the header on a 429

	// What is made of a request.

	EmptyString       string // clear, ignore, refuse: "" in an update
	Null              string // ignore, clear, refuse: null in a request
	EmptyMapping      string // refuse, clear, ignore: {} as SAML attribute_mapping
	IncompleteMapping string // refuse, accept: SAML attribute_mapping without e-mail or name
	CustomScopes      string // decoded, as-sent, encoded: the spaces in custom_scopes
	SCIMProviders     string // 15, 8: how many identity providers SCIM knows

	// What the rules are.

	DefaultConnection    string // first-active, by-hand: what becomes the default
	Activation           string // sticks, falls-back: an active connection made incomplete
	DuplicateEntityID    string // accept, refuse: one idp_entity_id twice in an organization
	DuplicateCertificate string // append, dedupe
	ExpiredCertificate   string // accept, refuse
	MetadataCertificates string // append, append-all, replace: what update-by-URL does to those there
	SigningCertificates  string // replace, append: what a new signing key does to the old certificate
	StartWhileRotating   string // reissue, refuse
	NextToken            string // waits, works: before a rotation is completed
	DeletedSource        string // stay, cascade, refuse: External connections to a connection that goes
	ExternalNotFound     string // 404, 400: status of external_connection_id_not_found
	ForeignConnection    string // not-found, mismatch: an ID of another organization
	EndedSession         string // 404, 401: a member's session that expired, was revoked or never was
	StaleJWT             string // refuse, accept: a session JWT older than five minutes, while its session goes on
	ImplicitRoles        string // in-addition, instead: what a member needs for role assignments
}

// Switch is one row of the table of switches.
type Switch struct {
	Name   string   // as a flag and in JSON
	Values []string // the first is the default
	About  string
	at     func(*Switches) *string
}

// The positions that more than one switch has.
const (
	posAbsent   = "absent"
	posAccept   = "accept"
	posAppend   = "append"
	posAsSent   = "as-sent"
	posClear    = "clear"
	posDefault  = "default"
	posDeleted  = "deleted"
	posEmpty    = "empty"
	posIgnore   = "ignore"
	posInstead  = "instead"
	posMasked   = "masked"
	posNo       = "no"
	posNull     = "null"
	posPlain    = "plain"
	posPresent  = "present"
	posRefuse   = "refuse"
	posReplace  = "replace"
	posReversed = "reversed"
	posRotating = "rotating"
	posSeconds  = "seconds"
	posStable   = "stable"
	posYes      = "yes"
	status200   = "200"
	status201   = "201"
	status400   = "400"
	status401   = "401"
	status404   = "404"
)

// SwitchTable lists every switch: its name, its positions, its meaning.
func SwitchTable() []Switch {
	return slices.Concat(answerSwitches(), requestSwitches(), ruleSwitches())
}

func answerSwitches() []Switch {
	return []Switch{
		{"create-status", []string{status200, status201}, "HTTP status of a create (200 in openapi, 201 in the SCIM overview of the docs)", func(s *Switches) *string { return &s.CreateStatus }},
		{"answer-connection", []string{posPresent, posNull, posAbsent}, "the connection in the response to a POST or PUT (optional in openapi)", func(s *Switches) *string { return &s.AnswerConnection }},
		{"absent-scim", []string{status404, status400, posNull, posAbsent, posDeleted}, "response to reading the SCIM connection of an organization that has none", func(s *Switches) *string { return &s.AbsentSCIM }},
		{"lists", []string{posEmpty, posNull, posAbsent}, "an empty list, except in SAML connections and organizations, where it is []", func(s *Switches) *string { return &s.Lists }},
		{"strings", []string{posEmpty, posNull, posAbsent}, `an empty string, except in SAML connections and organizations, where it is ""`, func(s *Switches) *string { return &s.Strings }},
		{"cursor", []string{posNull, posEmpty, posAbsent}, "next_cursor on the last page (openapi: null)", func(s *Switches) *string { return &s.Cursor }},
		{"unset-mapping", []string{posEmpty, posNull, posAbsent}, "an attribute_mapping that was never set", func(s *Switches) *string { return &s.UnsetMapping }},
		{"unset-provider", []string{posEmpty, "generic"}, "an identity_provider that was never set", func(s *Switches) *string { return &s.UnsetProvider }},
		{"unset-nameid", []string{posEmpty, posDefault}, "a nameid_format that was never set", func(s *Switches) *string { return &s.UnsetNameID }},
		{"timestamps", []string{posSeconds, "nanoseconds", posAbsent}, "precision of timestamps (all optional in openapi)", func(s *Switches) *string { return &s.Timestamps }},
		{"pem", []string{"standard", posAsSent, "crlf", "one-line", "no-final-newline"}, "PEM format of certificates and keys in responses", func(s *Switches) *string { return &s.PEM }},
		{"order", []string{posStable, posReversed, posRotating}, "order of lists in responses; rotating changes it with each call", func(s *Switches) *string { return &s.Order }},
		{"client-secret", []string{posPlain, posMasked, posEmpty}, "an OIDC client_secret in responses", func(s *Switches) *string { return &s.ClientSecret }},
		{"private-key", []string{posPlain, posMasked, posEmpty}, "a SAML encryption private_key in responses", func(s *Switches) *string { return &s.PrivateKey }},
		{"retry-after", []string{posNo, posYes}, "whether a 429 of a rate limit has a Retry-After header", func(s *Switches) *string { return &s.RetryAfter }},
	}
}

func requestSwitches() []Switch {
	return []Switch{
		{"empty-string", []string{posClear, posIgnore, posRefuse}, `"" as the value of a string in an update`, func(s *Switches) *string { return &s.EmptyString }},
		{"null-value", []string{posIgnore, posClear, posRefuse}, "null as the value of a field", func(s *Switches) *string { return &s.Null }},
		{"empty-mapping", []string{posRefuse, posClear, posIgnore}, "{} as a SAML attribute_mapping", func(s *Switches) *string { return &s.EmptyMapping }},
		{"incomplete-mapping", []string{posRefuse, posAccept}, "a SAML attribute_mapping without e-mail or name", func(s *Switches) *string { return &s.IncompleteMapping }},
		{"custom-scopes", []string{"decoded", posAsSent, "encoded"}, "spaces of custom_scopes in responses", func(s *Switches) *string { return &s.CustomScopes }},
		{"scim-providers", []string{"15", "8"}, "number of identity providers that SCIM accepts", func(s *Switches) *string { return &s.SCIMProviders }},
	}
}

func ruleSwitches() []Switch {
	return []Switch{
		{"default-connection", []string{"first-active", "by-hand"}, "which SSO connection becomes the default automatically", func(s *Switches) *string { return &s.DefaultConnection }},
		{"activation", []string{"sticks", "falls-back"}, "an active connection that becomes incomplete", func(s *Switches) *string { return &s.Activation }},
		{"duplicate-entity-id", []string{posAccept, posRefuse}, "the same idp_entity_id twice in an organization", func(s *Switches) *string { return &s.DuplicateEntityID }},
		{"duplicate-certificate", []string{posAppend, "dedupe"}, "an x509_certificate that the connection already has", func(s *Switches) *string { return &s.DuplicateCertificate }},
		{"expired-certificate", []string{posAccept, posRefuse}, "an expired x509_certificate", func(s *Switches) *string { return &s.ExpiredCertificate }},
		{"metadata-certificates", []string{posAppend, "append-all", posReplace}, "what update-by-URL does with certificates: add new ones, add all, or replace", func(s *Switches) *string { return &s.MetadataCertificates }},
		{"signing-certificates", []string{posReplace, posAppend}, "what a new signing key does to existing signing certificates", func(s *Switches) *string { return &s.SigningCertificates }},
		{"start-while-rotating", []string{"reissue", posRefuse}, "starting a token rotation while one is in progress", func(s *Switches) *string { return &s.StartWhileRotating }},
		{"next-token", []string{"waits", "works"}, "the next token before its rotation is completed: not valid yet (openapi), or valid", func(s *Switches) *string { return &s.NextToken }},
		{"deleted-source", []string{"stay", "cascade", posRefuse}, "what happens to External connections when their source is deleted", func(s *Switches) *string { return &s.DeletedSource }},
		{"external-not-found", []string{status404, status400}, "HTTP status of external_connection_id_not_found", func(s *Switches) *string { return &s.ExternalNotFound }},
		{"foreign-connection", []string{"not-found", "mismatch"}, "a connection ID of another organization", func(s *Switches) *string { return &s.ForeignConnection }},
		{"ended-session", []string{status404, status401}, "response to a member's session that expired, was revoked or never existed: 404 session_not_found, or 401 unauthorized_credentials", func(s *Switches) *string { return &s.EndedSession }},
		{"stale-jwt", []string{posRefuse, posAccept}, "a session JWT that is older than 5 minutes while its session is valid", func(s *Switches) *string { return &s.StaleJWT }},
		{"implicit-roles", []string{"in-addition", posInstead}, "update.settings.implicit-roles for role assignments: in addition to update (docs), or instead of it (SDKs)", func(s *Switches) *string { return &s.ImplicitRoles }},
	}
}

// Set moves the switch of that name, or says which names or positions there are.
func (s *Switches) Set(name, value string) error {
	for _, row := range SwitchTable() {
		if row.Name != name {
			continue
		}
		if !slices.Contains(row.Values, value) {
			return fmt.Errorf("switch %s: %q is not one of %s", name, value, strings.Join(row.Values, ", "))
		}
		*row.at(s) = value
		return nil
	}
	return fmt.Errorf("unknown switch %q", name)
}

// withDefaults is the switches with each empty one at its default.
func (s Switches) withDefaults() (Switches, error) {
	for _, row := range SwitchTable() {
		value := *row.at(&s)
		if value == "" {
			value = row.Values[0]
		}
		if err := s.Set(row.Name, value); err != nil {
			return s, err
		}
	}
	return s, nil
}

// MarshalJSON writes the switches by the names their flags have.
func (s Switches) MarshalJSON() ([]byte, error) {
	named := map[string]string{}
	for _, row := range SwitchTable() {
		named[row.Name] = *row.at(&s)
	}
	return json.Marshal(named)
}

// UnmarshalJSON moves the switches that are named and leaves the others.
func (s *Switches) UnmarshalJSON(data []byte) error {
	var named map[string]string
	if err := json.Unmarshal(data, &named); err != nil {
		return fmt.Errorf("reading switches: %w", err)
	}
	for name, value := range named {
		if err := s.Set(name, value); err != nil {
			return err
		}
	}
	return nil
}

package stytch

type wireSCIM struct {
	wireConnection
	IdentityProvider         string       `json:"identity_provider"`
	BaseURL                  string       `json:"base_url"`
	BearerToken              string       `json:"bearer_token"`
	NextBearerToken          string       `json:"next_bearer_token"`
	BearerTokenLastFour      string       `json:"bearer_token_last_four"`
	NextBearerTokenLastFour  string       `json:"next_bearer_token_last_four"`
	BearerTokenExpiresAt     optionalTime `json:"bearer_token_expires_at"`
	NextBearerTokenExpiresAt optionalTime `json:"next_bearer_token_expires_at"`
	GroupRoles               []struct {
		RoleID    string `json:"role_id"`
		GroupID   string `json:"group_id"`
		GroupName string `json:"group_name"`
	} `json:"scim_group_implicit_role_assignments"`
}

func (w wireSCIM) connection() SCIMConnection {
	c := SCIMConnection{
		Connection:               w.wireConnection.connection(),
		IdentityProvider:         w.IdentityProvider,
		BaseURL:                  w.BaseURL,
		BearerToken:              Secret(w.BearerToken),
		NextBearerToken:          Secret(w.NextBearerToken),
		BearerTokenLastFour:      w.BearerTokenLastFour,
		NextBearerTokenLastFour:  w.NextBearerTokenLastFour,
		BearerTokenExpiresAt:     w.BearerTokenExpiresAt.Time,
		NextBearerTokenExpiresAt: w.NextBearerTokenExpiresAt.Time,
	}
	for _, role := range w.GroupRoles {
		c.GroupImplicitRoles = append(c.GroupImplicitRoles, SCIMGroupRole(role))
	}
	// Responses that show a token lack its last four.
	if c.BearerTokenLastFour == "" {
		c.BearerTokenLastFour = c.BearerToken.LastFour()
	}
	if c.NextBearerTokenLastFour == "" {
		c.NextBearerTokenLastFour = c.NextBearerToken.LastFour()
	}
	return c
}

// groupsReply is one page of the groups of a SCIM connection. No schema has its
// request_id.
type groupsReply struct {
	envelope
	Groups     []SCIMGroup
	NextCursor string
}

func (r *groupsReply) parts() map[string]any {
	return r.and(map[string]any{"scim_groups": listOf(&r.Groups, wireGroup.group), "next_cursor": &r.NextCursor})
}

type wireGroup struct {
	ID   string `json:"group_id"`
	Name string `json:"group_name"`
}

func (w wireGroup) group() SCIMGroup { return SCIMGroup(w) }

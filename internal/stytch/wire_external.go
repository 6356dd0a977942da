package stytch

type wireExternal struct {
	wireConnection
	ExternalOrganizationID string          `json:"external_organization_id"`
	ExternalConnectionID   string          `json:"external_connection_id"`
	Roles                  []wireRole      `json:"external_connection_implicit_role_assignments"`
	GroupRoles             []wireGroupRole `json:"external_group_implicit_role_assignments"`
}

func (w wireExternal) connection() ExternalConnection {
	return ExternalConnection{
		Connection:             w.wireConnection.connection(),
		ExternalOrganizationID: w.ExternalOrganizationID,
		ExternalConnectionID:   w.ExternalConnectionID,
		ImplicitRoles:          roles(w.Roles),
		GroupImplicitRoles:     convert(w.GroupRoles, wireGroupRole.role),
	}
}

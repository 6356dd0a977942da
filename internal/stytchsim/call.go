package stytchsim

import (
	"time"
)

// call is one authenticated request as the rules see it, with the values of the
// switches.
type call struct {
	world    *world
	switches Switches
	options  *Options
	route    route
	project  *project
	org      *organization // nil where the path names none
	in       input
	path     func(name string) string
	query    func(name string) string
	now      time.Time
	seq      int // the journal's seq, for the order of lists
}

// renderer returns the renderer of this call's response.
func (c *call) renderer() renderer { return renderer{c.switches, c.seq} }

// lookup finds the connection a path names, of the kind the path is about.
//
// Inferred: a connection of another kind, of another project and (switch
// foreign-connection) of another organization is answered as one that does not
// exist. The error types enumerate sso_connection_organization_mismatch without
// saying where it occurs.
func lookup[C connection](c *call, missing string) (C, error) {
	id := c.path("connection_id")
	found, ok := c.world.connections[id].(C)
	if !ok || found.base().org.project != c.project {
		return found, refuse(missing, "There is no such connection: %s.", id)
	}
	if found.base().org == c.org {
		return found, nil
	}
	if c.switches.ForeignConnection == "mismatch" {
		return found, refuse("sso_connection_organization_mismatch", "The connection belongs to another organization.")
	}
	return found, refuse(missing, "There is no such connection: %s.", id)
}

// answer is the response to a POST or PUT about a connection.
//
// Source: connection is optional in all of these response schemas of openapi.
func (c *call) answer(connection document) document {
	switch c.switches.AnswerConnection {
	case posNull:
		return document{"connection": nil}
	case posAbsent:
		return document{}
	default:
		return document{"connection": connection}
	}
}

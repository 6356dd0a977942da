// Package controllers reconciles manifests with Stytch. It reads both, asks package connection what to do, does it, and writes
// the result into status.
//
//	Reconcile (engine.go)      settled? noteExpiry      paused? conclude      deleted? remove      else keep:
//	  │
//	  ├─ openProject           what is granted; session of the project; organization         access.go, sessions.go
//	  ├─ identify              list the organization, find the manifest's connection         adopt.go, claims.go
//	  ├─ create                turn, finalizer, live read, [prove the Secret], POST,         create.go
//	  │                        [token into the Secret], recordID
//	  │  or adopt              finalizer, recordID                                           adopt.go
//	  │  or planCreation       under Observe                                                 create.go
//	  ├─ converge              read, ask connection.Convergence for the next move, make it,  converge.go, inputs.go
//	  │                        until it ends
//	  └─ conclude              events, at most one write of status, time of the next pass    conclude.go, events.go
//
// One engine serves all kinds. What differs is a connection.Kind, which decides, and a remote (remote.go), which makes the calls.
// Each kind has a file: external.go, oidc.go, saml.go, scim.go. Further files hold their parts: token.go, the Secret of a SCIM
// connection; details.go, the ConfigMap of SAML and OIDC connections; source.go, the connections that an ExternalConnection
// refers to.
//
//	audit.go       one line in the log for each call that changes something
//	access.go      what the project of a manifest grants it
//	questions.go   when a list has to be newer than what a manifest asks
//	remove.go      deletion of a manifest
//	roles.go       which roles there are, for a message
//	write.go       writes of a manifest and its status, and what a refused write means
//	shared.go      what the engines share: options, clients, sessions, memory
//	memory.go      what the process remembers of manifests
//	values.go      what it remembers of the values in Secrets
//	project.go     the controllers of StytchProjects and ClusterStytchProjects
//	grants.go      what the grants of a ClusterStytchProject are used for, and who is woken by them
//	member.go      the member in whose name calls are made
//	use.go         what a StytchProject is kept for while it is being deleted
//	siblings.go    deletions that wait for others of the organization
//	setup.go       permissions, and the controllers in the manager
//	watches.go     which change wakes which manifests
//	index.go       by what manifests are listed from the cache
//	log.go         events that a namespace refuses are no errors in the log
//	metrics.go     metrics that are read from status
//	standing.go    metrics of the conditions of manifests, of their deletion and of drift
//
// This package decides only about Kubernetes and its own process: which version of an object is current, which writes the cache
// does not show yet, who is woken by what, whether a StytchProject has been checked, what an error of the API server means, what
// to say about objects that are missing or cannot be written, and which events are new. Every decision about a connection is a
// pure function of package connection: whose it is, what is sent, what a refusal by Stytch means, whether it may be created or
// deleted, and when the next pass is due.
package controllers

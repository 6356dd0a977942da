// Package controllers is the doing: it reads manifests and Stytch, asks package connection what to make of them, carries that
// out, and writes down what came of it.
//
//	Reconcile  settled? → done          paused? → say so          deleting? → remove
//	  open       the StytchProject's session
//	  identify   list the organization, Identify
//	  create     turn, finalizer, live read, [prove the Secret], POST, [Secret], record the ID
//	  converge   want, have, Plan, one step, and again, until the plan is empty
//	  conclude   Judge, at most one status write, when to look again
//
// One engine serves every kind. What differs is a connection.Kind, which thinks, and a remote, which talks. Nothing here decides:
// a decision that is not about Kubernetes itself belongs to package connection.
package controllers

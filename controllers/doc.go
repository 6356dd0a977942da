// Package controllers is the doing: it reads manifests and Stytch, asks package connection what to make of them, carries that
// out, and writes down what came of it.
//
//	Reconcile  settled? → done          paused? → say so          deleting? → remove
//	  open       the StytchProject's session
//	  identify   list the organization, Identify
//	  create     turn, finalizer, live read, [prove the Secret], POST, [Secret], record the ID
//	  converge   read, ask connection.Convergence for the next move, make it, and again, until the move is the end
//	  conclude   Judge, at most one status write, when to look again
//
// One engine serves every kind. What differs is a connection.Kind, which thinks, and a remote, which talks.
//
// What is decided here is about Kubernetes and this process alone: which version of an object is believed, which of the process's
// writes the cache has not seen, who is woken by what, whether a StytchProject was checked, what an error of the API server
// means, what is said of objects that are missing or cannot be written, and which events are news. Everything that is decided about
// a connection (whose it is, what is sent, what a refusal by Stytch ends, whether it may be created or deleted, and when it is
// looked at again) is a pure function of package connection.
package controllers

// Command kubectl-stytch is a plugin of kubectl for people who work with connections: kubectl stytch COMMAND.
//
//	main.go         what becomes of the process: signals, exit code
//	command.go      the command itself: its flags, and what every subcommand is made of
//	cluster.go      the kinds, and objects of the cluster by the names that people give
//	annotate.go     annotations that ask the operator for something
//	await.go        waiting for what the operator makes of it
//	completion.go   names for the shell
//	plan.go · planner.go · converge.go · manifests.go · credentials.go · grants.go   plan: what is asked for, what it is planned from, what
//	                would be done, the files and the cluster, the project's secret and its grants; print.go shows it
//	pace.go         the pace of calls to Stytch
//	import.go · importer.go · draft.go · importfile.go   import: what is asked for, what is read, the manifest of each connection, the
//	                directory that it is written to
//	adopt.go        adopt, which is made from plans
//	reader_unix.go  whether somebody still reads what a watch shows
//	status.go · watch.go · resync.go · rotate.go · version.go   one subcommand each
//	testdata        what the program says, in golden files (golden_test.go)
//
// It thinks as the manager does, with the same packages, and never imports controllers. In the cluster it writes nothing but those annotations, in Stytch nothing at all. It
// shows a token only with --show-token.
package main

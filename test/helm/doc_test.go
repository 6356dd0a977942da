// Package helm_test holds the chart to what config/ deploys, and lives through its releases with real Helm and a real API server.
//
//	helm_test.go      the programs: Helm 4 and 3, kubectl, this version's manager and one that came before
//	cluster_test.go   an API server, a stand-in for the kubelet, which runs the chart's job and manager, and a pretended Stytch
//	config_test.go    the chart installs what config/ does
//	values_test.go    what values do, and which are refused
//	readme_test.go    every value is explained
//	life_test.go      install, upgrade, rollback, uninstall, and the way from config/default
//	started_test.go   docs/getting-started.md, command by command
//	demo_test.go      the demo of docs/helm.md, likewise
//
// Helm is never told to wait: no controller of Kubernetes runs here.
package helm_test

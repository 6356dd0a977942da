// Command golangci-lint is golangci-lint with kube-api-linter built in.
//
// golangci-lint loads a module plugin only when it is compiled into the binary; its own way to do that ("golangci-lint
// custom") clones a repository. This main does the same from Go modules alone.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/golangci/golangci-lint/v2/pkg/commands"
	"github.com/golangci/golangci-lint/v2/pkg/exitcodes"
	_ "sigs.k8s.io/kube-api-linter" // registers the linter "kubeapilinter"
)

func main() {
	if err := commands.Execute(buildInfo()); err != nil {
		fmt.Fprintln(os.Stderr, "golangci-lint ended with an error:", err)
		os.Exit(exitcodes.Failure)
	}
}

// buildInfo names the versions that this module pins: "golangci-lint version" is what a bug report quotes.
func buildInfo() commands.BuildInfo {
	info := commands.BuildInfo{Version: "unknown", Commit: "built from hack/lint", Date: "unknown"}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}
	info.GoVersion = build.GoVersion
	for _, dep := range build.Deps {
		switch dep.Path {
		case "github.com/golangci/golangci-lint/v2":
			info.Version = strings.TrimPrefix(dep.Version, "v")
		case "sigs.k8s.io/kube-api-linter":
			info.Commit = "hack/lint, with kube-api-linter " + dep.Version
		}
	}
	return info
}

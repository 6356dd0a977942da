package build_test

import (
	"os"
	"regexp"
	"testing"
)

// What modules have in different versions is compiled twice, and a cold run of CI is mostly the compiler's time.
func TestModulesThatShareWhatIsCompiledHaveTheSameVersions(t *testing.T) {
	ours := versions(t, "../go.mod")
	for _, module := range []string{"../hack/helm", "../hack/tools", "../test/flux"} {
		shared := 0
		for path, version := range versions(t, module+"/go.mod") {
			switch want, ok := ours[path]; {
			case !ok:
			case version != want:
				t.Errorf("%s has %s %s, and the operator %s: raise both to the newer", module, path, version, want)
			default:
				shared++
			}
		}
		if shared < 5 {
			t.Errorf("%s shares %d modules with the operator, but client-go alone needs more", module, shared)
		}
	}
}

// versions are those of the modules of k8s.io and golang.org/x that a go.mod requires, by their paths.
func versions(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, required := range regexp.MustCompile(`(?m)^(?:\t|require )((?:k8s\.io|golang\.org/x)/\S+) (v\S+)`).FindAllStringSubmatch(string(text), -1) {
		all[required[1]] = required[2]
	}
	return all
}

// Command health prints the health of an object as Argo CD sees it with the customizations of a ConfigMap: "Healthy: …". The object, as
// JSON, is on standard input, and the file of the ConfigMap is the argument.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/argoproj/argo-cd/v3/util/lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stytch-operator/stytch-operator/test/argocd/internal/customizations"
)

func main() {
	verdict, err := healthOf(os.Args[1], os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(verdict)
}

func healthOf(file string, in io.Reader) (string, error) {
	text, err := io.ReadAll(in)
	if err != nil {
		return "", err
	}
	var o unstructured.Unstructured
	if err := o.UnmarshalJSON(text); err != nil {
		return "", err
	}
	overrides, err := customizations.Read(file)
	if err != nil {
		return "", err
	}
	vm := lua.VM{ResourceOverrides: overrides}
	script, _, err := vm.GetHealthScript(&o)
	if err != nil {
		return "", err
	}
	status, err := vm.ExecuteHealthLua(&o, script)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s: %s", status.Status, status.Message), nil
}

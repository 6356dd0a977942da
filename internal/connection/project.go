package connection

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// Stytch's own roots (stytch-go chooses them in the same way).
const (
	liveURL = "https://api.stytch.com"
	testURL = "https://test.stytch.com"
)

// Endpoints says which roots of the API a StytchProject may name.
type Endpoints struct {
	// AllowedHosts beside Stytch's own, each with its port where that is not 443.
	AllowedHosts []string
	// InsecureLoopback allows http, on loopback only.
	InsecureLoopback bool
}

// BaseURL of a project's API. The choice is narrow because whoever may write a StytchProject could otherwise make the operator
// fetch addresses inside the cluster and read the answers in conditions.
func (e Endpoints) BaseURL(spec v1alpha1.StytchProjectSpec) (string, *Problem) {
	if spec.BaseURL == "" {
		if Environment(spec.ProjectID) == "live" {
			return liveURL, nil
		}
		return testURL, nil
	}
	base, err := url.Parse(spec.BaseURL)
	if err != nil {
		return "", invalid("spec.baseURL is not a URL: give one such as https://login.example.com.")
	}
	root := base.Scheme + "://" + base.Host
	switch {
	case base.Scheme == "https" && slices.Contains(append([]string{"api.stytch.com", "test.stytch.com"}, e.AllowedHosts...), base.Host):
		return root, nil
	case base.Scheme == "https":
		return "", invalid(fmt.Sprintf("spec.baseURL names the host %s, which is not Stytch's: start the manager with --allowed-base-url-hosts=%s to allow it.", base.Host, base.Host))
	case e.InsecureLoopback && loopback(base.Hostname()):
		return root, nil
	default:
		return "", invalid("spec.baseURL must be https. Only for tests, http on a loopback address is allowed by the manager's --allow-insecure-loopback.")
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func invalid(message string) *Problem {
	return &Problem{Reason: v1alpha1.ReasonInvalid, Message: message}
}

// Environment of a project: live or test. Stytch's SDKs choose in the same way.
func Environment(projectID string) string {
	if strings.HasPrefix(projectID, "project-live-") {
		return "live"
	}
	return "test"
}

// SameEnvironment reports IDs that belong to another environment than the project, before Stytch is asked for them.
func SameEnvironment(projectID string, ids ...string) *Problem {
	other := map[string]string{"live": "-test-", "test": "-live-"}[Environment(projectID)]
	for _, id := range ids {
		if strings.Contains(id, other) && isID(id) {
			return invalid(fmt.Sprintf("%s is of another environment than the project %s: name an ID of the project's own environment.", id, projectID))
		}
	}
	return nil
}

// idPrefixes of what manifests name. Slugs may hold anything else.
func idPrefixes() []string {
	return []string{"organization-live-", "organization-test-", "saml-connection-", "oidc-connection-", "scim-connection-", "external-connection-"}
}

func isID(s string) bool {
	return slices.ContainsFunc(idPrefixes(), func(prefix string) bool { return strings.HasPrefix(s, prefix) })
}

// IsOrganizationID says whether an organization is written as its ID, so that it need not be resolved.
func IsOrganizationID(s string) bool {
	return strings.HasPrefix(s, "organization-live-") || strings.HasPrefix(s, "organization-test-")
}

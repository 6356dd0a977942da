package connection

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Stytch's own roots (stytch-go chooses them in the same way).
const (
	liveURL = "https://api.stytch.com"
	testURL = "https://test.stytch.com"
)

// Endpoints says which roots of the API a StytchProject may name.
type Endpoints struct {
	// AllowedHosts in addition to Stytch's own, each with its port where that is not 443.
	AllowedHosts []string
	// InsecureLoopback allows http, on loopback only.
	InsecureLoopback bool
}

// BaseURL of a project's API. The choice is narrow because whoever may write a StytchProject could otherwise make the operator
// fetch addresses inside the cluster and read the answers in conditions.
func (e Endpoints) BaseURL(spec v1alpha1.ProjectSpec) (string, *Problem) {
	if spec.BaseURL == "" {
		if Environment(spec.ProjectID) == "live" {
			return liveURL, nil
		}
		return testURL, nil
	}
	base, err := url.Parse(spec.BaseURL)
	if err != nil || base.Hostname() == "" {
		return "", invalid("spec.baseURL is not a URL. Set a URL such as https://login.example.com.")
	}
	host := httpsHost(base.Host)
	switch {
	case base.Scheme == "https" && e.allows(host):
		return "https://" + host, nil
	case base.Scheme == "https":
		return "", invalid(fmt.Sprintf("spec.baseURL has the host %s, which is not a host of Stytch. To allow it, start the manager with --allowed-base-url-hosts=%s.", host, host))
	case base.Scheme == "http" && e.InsecureLoopback && loopback(base.Hostname()):
		return "http://" + base.Host, nil
	default:
		return "", invalid("spec.baseURL must use https. For tests only, the manager flag --allow-insecure-loopback allows http on a loopback address.")
	}
}

// allows says whether a host is Stytch's or allowed.
func (e Endpoints) allows(host string) bool {
	return slices.ContainsFunc(append([]string{"api.stytch.com", "test.stytch.com"}, e.AllowedHosts...), func(allowed string) bool {
		return httpsHost(allowed) == host
	})
}

// httpsHost is a host in the one spelling that is compared: in lower case, and without https's own port.
func httpsHost(host string) string { return strings.TrimSuffix(strings.ToLower(host), ":443") }

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

// SecretNames are the Secrets that a project references, each once: that of its secret, and that of a member's session.
func SecretNames(project v1alpha1.Project) []string {
	names := []string{project.CommonSpec().SecretRef.Name}
	if ref := project.MemberSession(); ref != nil {
		names = AddOnce(names, ref.Name)
	}
	return names
}

// MemberOf is who gives the session of a member, as the client knows it: one entry of one StytchProject. The entry is part of it since
// another one may be of a member who may see less.
func MemberOf(project v1alpha1.Project) string {
	ref := project.MemberSession()
	return fmt.Sprintf("%s/%s/%s", project.GetUID(), ref.Name, ref.Key)
}

// Member is in whose name the calls of a StytchProject are made that has a memberSessionRef, or what is wrong with the session.
func Member(project v1alpha1.Project, secret *corev1.Secret) (stytch.Member, *Problem) {
	ref := *project.MemberSession()
	entry := SecretKey("spec.memberSessionRef", ref)
	const instead = "Store a session token or session JWT of the member, and nothing else"
	session, problem := entry.ReadSecret(Inputs{Secrets: map[string]*corev1.Secret{ref.Name: secret}}, instead)
	if problem == nil && !stytch.IsSession(session) {
		problem = new(entry.Invalid(errors.New("contains spaces, control characters or other characters that no session has. " + instead)))
	}
	if problem != nil {
		return stytch.Member{}, problem
	}
	return stytch.Member{Session: session, Of: MemberOf(project)}, nil
}

// SameEnvironment reports IDs that belong to another environment than the project, before Stytch is asked for them. Nothing is
// known while the project is not.
func SameEnvironment(projectID string, ids ...string) *Problem {
	if projectID == "" {
		return nil
	}
	other := map[string]string{"live": "test-", "test": "live-"}[Environment(projectID)]
	for _, id := range ids {
		if slices.ContainsFunc(idPrefixes(), func(prefix string) bool { return strings.HasPrefix(id, prefix+other) }) {
			return invalid(fmt.Sprintf("%s belongs to another environment than the project %s. Use an ID from the project's environment.", id, projectID))
		}
	}
	return nil
}

// SameProject reports that the StytchProject or ClusterStytchProject of a manifest stands for another project than the one that the manifest was pinned to.
func SameProject(o v1alpha1.Connection, project string) *Problem {
	pinned := RecordOf(o).Project
	if pinned == "" || pinned == project {
		return nil
	}
	ref := o.CommonSpec().Project()
	cause := fmt.Sprintf("This manifest belongs to the project %s, but %s now refers to %s.", pinned, ref, project)
	return &Problem{Reason: v1alpha1.ReasonConflict, Cause: cause, Message: cause +
		" Restore the " + string(ref.Kind) + ", or delete this manifest (deletionPolicy: Retain keeps the connection) and apply it with another name."}
}

// idPrefixes of what manifests name, before the environment. Slugs may hold anything else.
func idPrefixes() []string {
	return []string{"organization-", "saml-connection-", "oidc-connection-", "scim-connection-", "external-connection-"}
}

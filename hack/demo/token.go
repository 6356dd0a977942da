package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// token: the Secret has a token that Stytch accepts and that status describes, and nothing else has it.
func (s *story) token() {
	scim, token := s.tokenOf(s.scim)
	s.Show("get", scim.name())
	s.Show("get", scim.name(), "-o", "jsonpath={.status.bearerToken}")
	four := scim.Status.BearerToken.LastFour
	if !strings.HasSuffix(token, four) || !s.accepts(scim, token) {
		lab.Failf("%s has a token that does not end in %s, or that Stytch does not accept", scim.tokenSecret(), four)
	}
	s.Seen("%s has a token that ends in %s, as status says, and Stytch accepts it", scim.tokenSecret(), four)
	s.searchFor(bearerToken(token))
}

// tokenOf is a SCIM connection as it is now, and the token in its Secret.
func (s *story) tokenOf(sample object) (object, string) {
	scim := s.get(sample)
	return scim, string(s.read(scim.tokenSecret()).Data["token"])
}

// accepts asks whether Stytch's SCIM endpoint would let a token in.
func (s *story) accepts(scim object, token string) bool {
	var check stytchsim.TokenCheck
	s.Ask(http.MethodPost, "/verify-token", map[string]string{"connection_id": scim.Status.ConnectionID, "token": token}, &check)
	return check.Accepted
}

// hidden is a secret value, and what would be seen of it where it does not belong.
type hidden struct {
	what, value string
	traces      []string
}

// bearerToken is a token, whose last four characters may be seen.
func bearerToken(token string) hidden {
	if len(token) < 16 {
		lab.Failf("this is not a token: %q", token)
	}
	return hidden{"the token", token, []string{token[:len(token)-4]}}
}

// found counts the value in a text: in base64 as a whole, and plain by its traces.
func (h hidden) found(text string) int {
	n := strings.Count(text, base64.StdEncoding.EncodeToString([]byte(h.value)))
	for _, trace := range h.traces {
		n += strings.Count(text, trace)
	}
	return n
}

// searchFor searches for secret values in every place that can be read without the right to read Secrets; and in the Secrets, to
// prove that it would find them.
func (s *story) searchFor(values ...hidden) {
	values = append(values, hidden{"the project's secret", s.Sim.Secret, []string{s.Sim.Secret}})
	secrets := s.Kubectl("get", "-A", "-o", "json", "secrets")
	var what []string
	for _, h := range values {
		what = append(what, h.what)
		if n := h.found(secrets); n != 1 {
			lab.Failf("the search finds %s %d times in the Secrets, where it is once", h.what, n)
		}
	}
	kinds := strings.Fields(s.Kubectl("api-resources", "--verbs=list", "-o", "name"))
	kinds = slices.DeleteFunc(kinds, func(kind string) bool { return kind == "secrets" })
	s.Command("kubectl get -A -o json $(kubectl api-resources --verbs=list -o name | grep -vx secrets | paste -sd,)   # all but Secrets")
	places := s.places()
	places["objects and events"] = s.Kubectl("get", "-A", "-o", "json", strings.Join(kinds, ","))
	searched(places, values...)
	s.Seen("%s: in no object of %d kinds (events among them), not in the manager's log and metrics, not in the journal of calls",
		strings.Join(what, ", "), len(kinds))
}

// places are what can be read besides the API server's objects.
func (s *story) places() map[string]string {
	return map[string]string{
		"the manager's log":     string(lab.Must(os.ReadFile(s.Manager.Log))),
		"the manager's metrics": s.Fetch(s.Metrics),
		"the journal of calls":  string(lab.Must(json.Marshal(s.Calls(0)))),
	}
}

// searched fails where a value is in a place.
func searched(places map[string]string, values ...hidden) {
	for place, text := range places {
		for _, h := range values {
			if h.found(text) > 0 {
				lab.Failf("%s is in: %s", h.what, place)
			}
		}
	}
}

package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// token: its Secret's last four equal status, expiry in the table, and nothing else holds it.
func (s *story) token(ctx context.Context) error {
	scim, token, err := s.tokenOf(ctx, s.samples.scim)
	if err != nil {
		return err
	}
	table, err := s.kubectl.show(ctx, "get", "scimconnection", scim.Metadata.Name)
	if err != nil {
		return err
	}
	status := scim.Status.BearerToken
	if status.ExpiresAt == "" || !strings.Contains(table, status.ExpiresAt) {
		return fmt.Errorf("the table does not show the token's expiry, which is %q", status.ExpiresAt)
	}
	four, err := s.kubectl.show(ctx, "get", "scimconnection", scim.Metadata.Name, "-o", "jsonpath={.status.bearerToken.lastFour}")
	if err != nil {
		return err
	}
	if len(token) < 16 || token[len(token)-4:] != four {
		return fmt.Errorf("the token in Secret %s does not end in %s", status.SecretName, four)
	}
	accepted, err := s.sim.accepts(ctx, scim.Status.ConnectionID, token)
	if err != nil || !accepted {
		return errors.Join(err, fmt.Errorf("stytch does not accept the token of Secret %s: %v", status.SecretName, accepted))
	}
	s.terminal.seen("Secret %s holds a token that ends in %s, as status says, and Stytch accepts it", status.SecretName, four)
	return s.searchFor(ctx, bearerToken(token))
}

// hidden is a value that stands in one Secret, and what would be seen of it where it does not belong.
type hidden struct {
	what, value string
	traces      []string
}

// bearerToken is a token, of which the last four characters may be seen.
func bearerToken(token string) hidden {
	return hidden{"the token", token, []string{token[:len(token)-4]}}
}

// tokenOf reads a SCIM connection and the token in its Secret.
func (s *story) tokenOf(ctx context.Context, scim object) (object, string, error) {
	is, err := s.kubectl.get(ctx, kindSCIM, scim.Metadata.Name)
	if err != nil {
		return is, "", err
	}
	secret, err := s.kubectl.get(ctx, "secret", scim.Spec.BearerToken.SecretName)
	return is, string(secret.Data["token"]), err
}

// searchFor looks for secret values in every place that somebody may read who may not read Secrets, and, to prove that they would
// be found, in the Secrets.
func (s *story) searchFor(ctx context.Context, values ...hidden) error {
	kinds, err := s.kubectl.run(ctx, "api-resources", "--verbs=list", "-o", "name")
	if err != nil {
		return err
	}
	names := slices.DeleteFunc(strings.Fields(kinds), func(name string) bool { return name == "secrets" })
	s.terminal.command("kubectl get -A -o json $(kubectl api-resources --verbs=list -o name | grep -vx secrets | paste -sd,)   # all but Secrets")
	objects, err := s.kubectl.run(ctx, "get", "-A", "-o", "json", strings.Join(names, ","))
	if err != nil {
		return err
	}
	secrets, err := s.kubectl.run(ctx, "get", "-A", "-o", "json", "secrets")
	if err != nil {
		return err
	}
	var what []string
	for _, h := range values {
		what = append(what, h.what)
		if n := h.occurrences(secrets); n != 1 {
			return fmt.Errorf("the search finds %s %d times in the Secrets, where it stands once", h.what, n)
		}
	}
	places, err := s.elsewhere(ctx)
	if err != nil {
		return err
	}
	places["objects and events"] = objects
	what = append(what, "the project's secret")
	size, err := searched(places, append(values, hidden{"the project's secret", s.sim.Secret, []string{s.sim.Secret}}))
	if err != nil {
		return err
	}
	var list struct{ Items []any }
	if err := json.Unmarshal([]byte(objects), &list); err != nil {
		return err
	}
	s.terminal.seen("%s: in none of %d objects of %d kinds (events among them), not in the manager's log and metrics, not in the journal of calls; %d kB searched",
		strings.Join(what, ", "), len(list.Items), len(names), size/1000)
	return nil
}

// searched looks for values in places where none of them belongs, and says how much it has read.
func searched(places map[string]string, values []hidden) (size int, err error) {
	for place, text := range places {
		size += len(text)
		for _, h := range values {
			if h.occurrences(text) > 0 {
				return size, fmt.Errorf("%s stands in: %s", h.what, place)
			}
		}
	}
	return size, nil
}

// elsewhere is what can be read beside the API server's objects.
func (s *story) elsewhere(ctx context.Context) (map[string]string, error) {
	log, err := os.ReadFile(s.manager.Log)
	if err != nil {
		return nil, err
	}
	metrics, err := fetch(ctx, "http://"+s.metrics+"/metrics")
	if err != nil {
		return nil, err
	}
	all, err := s.sim.since(ctx, 0)
	if err != nil {
		return nil, err
	}
	journal, err := json.Marshal(all)
	return map[string]string{"the manager's log": string(log), "the manager's metrics": metrics, "the journal of calls": string(journal)}, err
}

// occurrences counts the value in a text: in base64 as a whole, and plain by its traces.
func (h hidden) occurrences(text string) int {
	n := strings.Count(text, base64.StdEncoding.EncodeToString([]byte(h.value)))
	for _, trace := range h.traces {
		n += strings.Count(text, trace)
	}
	return n
}

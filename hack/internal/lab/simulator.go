package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// Simulator is where the simulated Stytch is and how to get in. By its control endpoints the lab is everybody there who is not
// the operator: whoever creates organizations, whoever changes something in the dashboard, and Stytch on a bad day.
type Simulator struct {
	URL       string `json:"url"`
	ProjectID string `json:"projectID"`
	Secret    string `json:"secret"`
}

// Ask calls a control endpoint of the simulator.
func (l *Lab) Ask(method, path string, body, into any) {
	answer := l.request(method, l.Sim.URL+"/__sim"+path, toJSON(body))
	if into != nil {
		Check(json.Unmarshal([]byte(answer), into))
	}
}

// Curl is Ask as a user would type it.
func (l *Lab) Curl(method, path string, body any) {
	l.Command("curl -X %s $SIM/__sim%s -d %s", method, path, quoted(toJSON(body)))
	l.Ask(method, path, body, nil)
}

// Fetch reads a page.
func (l *Lab) Fetch(url string) string { return l.request(http.MethodGet, url, "") }

// request sends a request and returns its answer, which has to be 200.
func (l *Lab) request(method, url, body string) string {
	ctx, cancel := context.WithTimeout(l.ctx, 10*time.Second)
	defer cancel()
	request := Must(http.NewRequestWithContext(ctx, method, url, strings.NewReader(body)))
	response, err := (&http.Client{}).Do(request)
	Check(err)
	defer response.Body.Close() //nolint:errcheck // it was read
	answer := Must(io.ReadAll(response.Body))
	if response.StatusCode != http.StatusOK {
		Failf("%s %s was answered with %d: %s", method, url, response.StatusCode, answer)
	}
	return string(answer)
}

// State is what the simulator holds.
func (l *Lab) State() (state stytchsim.State) {
	l.Ask(http.MethodGet, "/state", nil, &state)
	return state
}

// Seq is the number of the newest entry of the journal of calls.
func (l *Lab) Seq() int { return l.State().Calls }

// Calls is the journal of calls after an entry; 0 is its beginning.
func (l *Lab) Calls(seq int) (calls []stytchsim.Call) {
	l.Ask(http.MethodGet, fmt.Sprintf("/calls?since=%d", seq), nil, &calls)
	return calls
}

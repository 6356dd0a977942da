package oidc

import (
	"maps"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// Stytch reads an issuer's discovery document only when the issuer changes. So the document is read again in two calls: RetryDiscovery
// sends the issuer with its last slash added or taken away, which is the same host's, and RestoreIssuer sends it as it is.
//
//nolint:gochecknoglobals // Go has no constants of this type
var (
	RetryDiscovery = connection.Action{Name: "RetryDiscovery", Fetches: true}
	RestoreIssuer  = connection.Action{Name: "RestoreIssuer", Event: "DiscoveryRetried", Fetches: true}
)

// requested is the retry that is asked for, as status shows it; empty for none.
func requested(o manifest) string {
	return connection.Echo(o.Annotations[v1alpha1.AnnotationRetryDiscovery])
}

// asked says that a retry is asked for that was not handled yet.
func asked(o manifest) bool {
	request := requested(o)
	return request != "" && request != o.Status.LastHandledRetryDiscovery && !connection.Observing(o)
}

// lacksEndpoint says, of what Stytch still lacks to make the connection active, that a URL is among it which only the issuer's
// document can give.
func lacksEndpoint(o manifest, missing []string) bool {
	d := ofIssuer(connection.RecordAt(o, recorded(o)).Discovered, o.Spec.Issuer)
	return slices.ContainsFunc(undiscovered(o.Spec, d), func(p endpoint) bool { return slices.Contains(missing, p.name) })
}

// retryAdvice is what else there is to do about a document that could not be read.
func retryAdvice(o manifest, missing []string) string {
	if !lacksEndpoint(o, missing) {
		return ""
	}
	return " If the document was only temporarily unavailable, set a new value for the annotation " + v1alpha1.AnnotationRetryDiscovery + "."
}

// planRetry has the document read again, as long as the connection is pending and lacks an endpoint. It comes last, because a
// document that cannot be read must hold nothing else up.
func planRetry(o manifest, want, have connection.State) []connection.Step {
	if !asked(o) || o.Spec.Issuer == "" || have.Settings[fieldIssuer].Same != o.Spec.Issuer || !lacksEndpoint(o, have.Missing) {
		return nil
	}
	step := sendIssuer(RetryDiscovery, otherSlash(o.Spec.Issuer), want, have)
	step.Fresh, step.Calls = true, 2
	return []connection.Step{step}
}

// planRestoring sends the issuer as it is while Stytch may have it with another slash: also where Stytch does not show that, since a
// call that a crash left behind may still take effect.
func planRestoring(o manifest, want, have connection.State) []connection.Step {
	d := o.Status.Discovering
	if d == nil || d.Retry == "" || connection.Observing(o) {
		return nil
	}
	step := sendIssuer(RestoreIssuer, d.Issuer, want, have)
	step.Why = "the issuer was sent in another form first, so that Stytch reads its discovery document again"
	return []connection.Step{step}
}

// sendIssuer is a step that sends the issuer, and the URLs that are known with it. Where Stytch shows this issuer already, nobody
// knows which one it has when the step comes there.
func sendIssuer(action connection.Action, issuer string, want, have connection.State) connection.Step {
	seen := have.Settings[fieldIssuer]
	if seen.Same == issuer {
		seen.Same, seen.Unreadable = otherSlash(issuer), true
	}
	changes := []connection.Change{{Field: fieldIssuer, Have: seen, Want: connection.Text(issuer)}}
	for _, field := range slices.Sorted(maps.Keys(want.Settings)) {
		if url := want.Settings[field]; url.With == fieldIssuer {
			changes = append(changes, connection.Change{Field: field, Have: have.Settings[field], Want: url})
		}
	}
	return connection.Step{Action: action, Changes: changes}
}

// otherSlash is an issuer with its last slash taken away, or with one added.
func otherSlash(issuer string) string {
	if shorter, slashed := strings.CutSuffix(issuer, "/"); slashed {
		return shorter
	}
	return issuer + "/"
}

// sentAgain says that a step sent an issuer that Stytch showed already, so that its answer says nothing of the document.
func sentAgain(step *connection.Step) bool {
	return step != nil && slices.ContainsFunc(step.Changes, func(c connection.Change) bool { return c.Field == fieldIssuer && c.Have.Unreadable })
}

// retryUnderWay says that Stytch may have the issuer with another slash, so that what it shows says nothing of the issuer's document.
func retryUnderWay(o manifest, e connection.Event[remote]) bool {
	d := o.Status.Discovering
	return d != nil && d.Retry != "" && !restored(e)
}

// restored says that the issuer was just sent as it is.
func restored(e connection.Event[remote]) bool {
	return e.Type == connection.Observed && e.Step != nil && e.Step.Action == RestoreIssuer
}

// handledAfter is the last request that was handled: carried out, or found to ask for what is never done, because the connection is
// active or lacks no endpoint. One whose call was lost in a crash is carried out again unless it is seen to have had its effect.
func handledAfter(o manifest, e connection.Event[remote]) string {
	is, d := o.Status.LastHandledRetryDiscovery, o.Status.Discovering
	switch {
	case e.Type == connection.StepDone && e.Step.Action == RetryDiscovery,
		e.Type == connection.Observed && d != nil && d.Retry != "" && e.Remote.Issuer == otherSlash(d.Issuer):
		return d.Retry
	case e.Type == connection.Compared && asked(o) && !worthRetrying(o, e.Remote):
		return requested(o)
	}
	return is
}

// worthRetrying says that a connection may be, or may yet be, one whose document can be read again.
func worthRetrying(o manifest, r remote) bool {
	switch {
	case o.Spec.Issuer == "" || r.Status == connection.StateActive:
		return false
	case r.Issuer != o.Spec.Issuer: // which is sent first
		return true
	}
	return lacksEndpoint(o, missingToActivate(r))
}

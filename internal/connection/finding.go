package connection

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Finding is how a pass ended, where it ended with something to say. It travels as an error because it ends the pass.
type Finding struct { //nolint:errname // named for what is done with it
	// Reason and Message of Synced.
	Reason, Message string
	// Cause is what is wrong, without what to do about it: that is to create something, which nobody can in a namespace that is being
	// deleted. Empty where what to do can be done anywhere.
	Cause string
	// Note is what Message says besides, of a connection that only differs: nothing is wrong, but somebody should know.
	Note string
	// Absent says that there is no connection at Stytch.
	Absent bool
	// Contested is the connection of another manifest that a Conflict is about.
	Contested string
	// Until when the next pass may wait, and Soon, that it is taken after a second; else it is taken when it would be anyway.
	Until time.Time
	Soon  bool
	// Request is the call that it is about; zero for the last one of the pass.
	Request stytch.Request
}

// Error is the message.
func (f Finding) Error() string { return f.Message }

// join puts sentences together, without those that are empty.
func join(sentences ...string) string {
	return strings.TrimSpace(strings.Join(slices.DeleteFunc(sentences, func(s string) bool { return s == "" }), " "))
}

// Again is when a pass is taken again in which a call failed; zero where it is when it would be anyway.
type Again struct {
	At time.Time
	// BackOff says that it is after the work queue's back-off, which grows from failure to failure.
	BackOff bool
}

// After is when to try again what failed, of a connection or of a StytchProject.
func After(failed *stytch.Error) Again {
	switch failed.Class {
	case stytch.Throttled:
		return Again{At: failed.Time.Add(failed.RetryAfter)}
	case stytch.Unavailable:
		if failed.Fetches && failed.StatusCode == 0 && failed.Unknown() {
			return Again{} // most likely the document's server does not answer: a call that long is not made again and again
		}
		return Again{BackOff: true}
	default:
		return Again{}
	}
}

// passing says that a failure is temporary.
func passing(failed *stytch.Error) bool {
	return failed.Class == stytch.Unavailable || failed.Class == stytch.Throttled
}

// GoneAlready says that what was to be deleted is not there any more, alone or with its organization.
func GoneAlready(err error) bool {
	failed, answered := errors.AsType[*stytch.Error](err)
	return answered && (failed.Class == stytch.NotFound || failed.Class == stytch.OrganizationNotFound)
}

// AfterReading is when to read again what could not be read, and whether nothing is said yet: where the last pass found everything
// met, and the first failure lies in the slot that began at a time, the connection is most likely as it was.
func AfterReading(kept *stytch.ReadError, met bool, slot time.Time) (again Again, silent bool) {
	if !passing(kept.Err) {
		return Again{}, false
	}
	return Again{At: kept.Until}, met && !kept.Since.Before(slot)
}

// said is what Stytch said, as a sentence.
func said(err *stytch.Error) string { return strings.TrimRight(err.Error(), ".") + "." }

// Failure is what a refused or unanswered call means, and what to do about it.
func Failure(err *stytch.Error) (reason, message string) {
	switch err.Class {
	case stytch.CredentialsRejected:
		return v1alpha1.ReasonCredentialsRejected, join(said(err), "Store the project's current secret in the Secret that spec.secretRef of the StytchProject or ClusterStytchProject references.", orSession(err))
	case stytch.SessionRejected:
		return v1alpha1.ReasonCredentialsRejected, said(err) + " " + aboutSession(err)
	case stytch.PermissionDenied:
		return v1alpha1.ReasonPermissionDenied, said(err) + " " + cmp.Or(planLimit(err.ErrorType), lacking(err.Rights), "Allow the action in Stytch.")
	case stytch.Throttled:
		return v1alpha1.ReasonThrottled, "Stytch returned 429 (too many requests). Retrying automatically when Stytch accepts requests again. If this happens often, lower spec.rateLimit of the StytchProject or ClusterStytchProject."
	case stytch.Unavailable:
		return v1alpha1.ReasonUnavailable, join(said(err), aboutObstacle(err.Obstacle()), "Retrying automatically.")
	case stytch.OrganizationNotFound:
		return v1alpha1.ReasonRejected, said(err) + " Apply a new manifest with the correct spec.organization, or fix the StytchProject or ClusterStytchProject that this manifest uses."
	case stytch.Rejected, stytch.NotFound:
	}
	if slices.Contains([]string{"external_connection_not_active", "external_connection_id_not_found", "external_connection_not_found"}, err.ErrorType) {
		return v1alpha1.ReasonSourceNotReady, said(err) + " Create or activate the source connection. Retrying at the next resync."
	}
	return v1alpha1.ReasonRejected, said(err) + " " + advice(err.ErrorType)
}

// aboutObstacle is what to do about what keeps calls from reaching Stytch. It is nothing that a manifest could change.
func aboutObstacle(obstacle stytch.Obstacle) string {
	switch obstacle {
	case stytch.ProxyDown:
		return "Stytch is not the cause: check the proxy, and HTTPS_PROXY of the manager."
	case stytch.ProxyAuthentication:
		return "Stytch is not the cause: set the current user and password of the proxy in HTTPS_PROXY of the manager."
	case stytch.ProxyRefused:
		return "Stytch may not be the cause: check that the proxy permits the host and can reach it."
	case stytch.Untrusted:
		return "Stytch is not the cause: if a proxy inspects TLS, give its CA certificates to the manager in SSL_CERT_FILE."
	case stytch.NoObstacle:
	}
	return ""
}

// Mentioned is what the message of Synced says in addition, whatever the reason is about. Access is what the project of the manifest lets
// it do, as far as the pass came to ask.
func Mentioned(o v1alpha1.Connection, access Access, organization, reason string) string {
	return join(UnknownAnnotations(o), access.overrules(o, organization), whomToAsk(o, reason))
}

// whomToAsk is said where something is wrong with the credentials, to those who may not be able to change them.
func whomToAsk(o v1alpha1.Connection, reason string) string {
	ref := o.CommonSpec().Project()
	switch reason {
	case v1alpha1.ReasonCredentialsRejected, v1alpha1.ReasonPermissionDenied, v1alpha1.ReasonThrottled:
		if ref.Kind == v1alpha1.ClusterProject {
			return fmt.Sprintf("If you cannot change %s, ask whoever manages it.", ref)
		}
	}
	return ""
}

// orSession is what else a 401 to a call may mean with which a member's session was sent.
func orSession(err *stytch.Error) string {
	if !err.Member {
		return ""
	}
	return "If the StytchProject is Ready, Stytch accepts that secret. Then store a current session token or session JWT of the member in the Secret that spec.memberSessionRef of the StytchProject references."
}

// aboutSession is what to do about a member's session that Stytch does not accept.
func aboutSession(err *stytch.Error) string {
	if err.Foreign() {
		return "The member session that spec.memberSessionRef of the StytchProject references belongs to a member of another organization. Store a session token or session JWT of a member of the organization of this manifest in that Secret, or use another StytchProject."
	}
	return "The member session that spec.memberSessionRef of the StytchProject references has expired, was revoked or is invalid. Store a current session token or session JWT of the member in that Secret, and check whatever keeps it current."
}

// AwaitsSession says that another session of the member in whose name the calls are made may change what the last pass of a manifest came
// to: that Stytch did not accept the last one, or did not permit something.
func AwaitsSession(o v1alpha1.Connection) bool {
	synced := meta.FindStatusCondition(o.CommonStatus().Conditions, v1alpha1.ConditionSynced)
	return synced != nil && slices.Contains([]string{
		v1alpha1.ReasonCredentialsRejected, v1alpha1.ReasonPermissionDenied, v1alpha1.ReasonDeletionBlocked,
	}, synced.Reason)
}

// lacking is what the roles of a member need for a call; "" where that is not known. Stytch's documentation and its SDKs contradict each
// other about role assignments.
func lacking(rights []stytch.Right) string {
	if len(rights) == 0 {
		return ""
	}
	needs := fmt.Sprintf("A role of the member whose session spec.memberSessionRef of the StytchProject references needs the action %q on %q", rights[0].Action, rights[0].Resource)
	if len(rights) == 1 {
		return needs + "."
	}
	return needs + fmt.Sprintf(", and the action %q on %q. Stytch's SDKs require only one of them for role assignments, its documentation both.", rights[1].Action, rights[1].Resource)
}

// planLimit is what to do where the plan of the Stytch project does not include what was asked for; "" for another error type.
func planLimit(errorType string) string {
	if errorType != "billing_not_verified" && !strings.HasSuffix(errorType, "_for_billing_tier") {
		return ""
	}
	return "The plan of the Stytch project does not allow this. Change the plan or its billing in the Stytch dashboard, or remove the manifest. Retrying at the next resync."
}

// advice is what to do about a refusal.
func advice(errorType string) string {
	if limit := planLimit(errorType); limit != "" {
		return limit
	}
	switch errorType {
	case "invalid_saml_metadata_url", "invalid_xml_from_saml_metadata_url", "saml_connection_metadata_invalid_format", "xml_validation_saml_unknown_error":
		return "Check spec.metadataURL. It must be reachable from the internet and return the identity provider's SAML metadata as XML. Retrying at the next resync."
	case "too_many_sso_verification_certificates":
		return "Delete an unused verification certificate in Stytch. Retrying at the next resync."
	case "too_many_encryption_certificates":
		return "Delete an unused encryption key in Stytch. Retrying at the next resync."
	}
	return "Fix the manifest or the object it refers to in Stytch. Retrying at the next resync."
}

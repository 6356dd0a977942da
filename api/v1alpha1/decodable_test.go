package v1alpha1_test

import (
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// TestNoStatusStopsAKind writes into status what other programs may write there: whatever the API server takes of it has to be
// something that the operator can read, because a list is read as a whole.
func TestNoStatusStopsAKind(t *testing.T) {
	times := []string{
		`"2026-01-02T03:04:05"`, `"2026-01-02T03:04:05.123"`, `"2026-01-02T03:04:05+0100"`, `"2026-01-02t03:04:05z"`, `"2026-01-02 03:04:05Z"`,
		`"2026-01-02T03:04:05,5Z"`, `"0000-01-01T00:00:00Z"`, `"9999-12-31T23:59:59-14:00"`, `"2026-06-30T23:59:60Z"`, `"2026-01-02T24:00:00Z"`,
		`"2026-02-30T00:00:00Z"`, `"2026-01-02T03:04:05+24:00"`, `"2026-01-02T03:04Z"`, `"2026-01-02"`, `""`, `"now"`,
	}
	numbers := []string{`2147483648`, `-2147483649`, `9223372036854775807`, `9223372036854775808`, `1e3`, `1e30`, `1.5`, `-1`, `"1"`}
	common := map[string][]string{
		`{"lastRequest":{"operation":"Op","time":%s}}`:                                                              times,
		`{"conditions":[{"type":"Ready","status":"True","reason":"Active","message":"m","lastTransitionTime":%s}]}`: times,
		`{"lastRequest":{"operation":"Op","time":"2026-01-02T03:04:05Z","statusCode":%s}}`:                          numbers,
		`{"waitingSince":%s}`:       times,
		`{"observedGeneration":%s}`: numbers,
		`{"conditions":[{"type":"Ready","status":"True","reason":"Active","message":"m","lastTransitionTime":"2026-01-02T03:04:05Z","observedGeneration":%s}]}`: numbers,
	}
	of := map[string]map[string][]string{
		"SAMLConnection": {
			`{"appliedGeneration":%s}`: numbers, `{"signingKeySentAt":%s}`: times,
			`{"verificationCertificates":[{"certificateID":"c","sha256":"a","expiresAt":%s}]}`: times,
			`{"signingCertificates":[{"sha256":"a","expiresAt":%s}]}`:                          times,
			`{"addingEncryptionKey":{"spkiSHA256":"a","sentAt":%s}}`:                           times,
		},
		"ClusterStytchProject": {`{"grants":[{"state":"InUse","connections":%s}]}`: numbers},
		"SCIMConnection": {
			`{"bearerToken":{"expiresAt":%s}}`: times, `{"bearerToken":{"issuedAt":%s}}`: times, `{"bearerToken":{"startedAt":%s}}`: times,
			`{"bearerToken":{"nextExpiresAt":%s}}`: times, `{"bearerToken":{"canceledAt":%s}}`: times,
			`{"groups":{"resolved":%s}}`: numbers,
		},
	}
	lists := map[string]client.ObjectList{
		"StytchProject": &v1alpha1.StytchProjectList{}, "ClusterStytchProject": &v1alpha1.ClusterStytchProjectList{}, "SCIMConnection": &v1alpha1.SCIMConnectionList{}, "SAMLConnection": &v1alpha1.SAMLConnectionList{},
		"OIDCConnection": &v1alpha1.OIDCConnectionList{}, "ExternalConnection": &v1alpha1.ExternalConnectionList{},
	}
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			object := k.named(t, k.minimal, "hostile")
			stand(t, object)
			for _, statuses := range []map[string][]string{common, of[k.name]} {
				for status, values := range statuses {
					for _, value := range values {
						patch := fmt.Sprintf(`{"status":`+status+`}`, value)
						refused := api.Status().Patch(t.Context(), object.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(patch)))
						if err := api.List(t.Context(), lists[k.name]); err != nil {
							t.Errorf("%s is taken (%v), and then no %s can be read: %v", patch, refused, k.name, err)
						}
						if refused != nil && strings.Contains(refused.Error(), "Required value") {
							t.Errorf("%s is not what is meant: %v", patch, refused)
						}
						if err := api.Status().Patch(t.Context(), object.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(`{"status":null}`))); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
		})
	}
}

package controllers

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

func TestWhatIsTooLongForStatusIsCutAndNamed(t *testing.T) {
	now := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	o := &v1alpha1.SAMLConnection{Status: v1alpha1.SAMLConnectionStatus{
		ConnectionStatus:    v1alpha1.ConnectionStatus{ConnectionID: "c", ProbableTwins: []string{strings.Repeat("ü", 129)}},
		ACSURL:              "https://" + strings.Repeat("a", 5000),
		AudienceURI:         strings.Repeat("ü", 1024),
		SigningCertificates: make([]v1alpha1.SigningCertificateStatus, 20),
	}}
	for i := range o.Status.SigningCertificates {
		o.Status.SigningCertificates[i] = v1alpha1.SigningCertificateStatus{SHA256: strings.Repeat("a", i), ExpiresAt: &now}
	}
	before := o.DeepCopy()
	cut := fit(o)
	if got := strings.Join(cut, " "); len(cut) != 3 || !strings.Contains(got, "acsURL") || !strings.Contains(got, "probableTwins") || !strings.Contains(got, "signingCertificates") {
		t.Errorf("cut: %s", got)
	}
	if n := utf8.RuneCountInString(o.Status.ACSURL); n != 1024 || !strings.HasSuffix(o.Status.ACSURL, "a…") {
		t.Errorf("acsURL has %d characters: %s", n, o.Status.ACSURL)
	}
	if o.Status.AudienceURI != before.Status.AudienceURI || o.Status.ConnectionID != "c" {
		t.Error("what fits is not as before")
	}
	if n := len(o.Status.SigningCertificates); n != 16 || o.Status.SigningCertificates[15].SHA256 != strings.Repeat("a", 15) || !o.Status.SigningCertificates[15].ExpiresAt.Equal(&now) {
		t.Errorf("%d certificates, the last %+v", n, o.Status.SigningCertificates[n-1])
	}
	if again := fit(o); len(again) > 0 {
		t.Errorf("cut again: %v", again)
	}
}

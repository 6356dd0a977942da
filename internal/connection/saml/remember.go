package saml

import (
	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

func recorded(o manifest) connection.Recorded {
	return connection.Recorded{Keys: &o.Status.EncryptionKeys, Metadata: &o.Status.FromMetadata}
}

// record keeps which encryption key is which, and what the metadata gave.
func record(o manifest, was connection.Record, e connection.Event[remote]) connection.Record {
	switch e.Type {
	case connection.TakenOver:
		was.Metadata = metadataTakenOver(o, was, e.Remote)
		if o.Spec.MetadataURL == "" || connection.IsNew(o, e.Remote.DisplayName) {
			was.Read = connection.NothingRead
		}
	case connection.Observed:
		was.Keys = recordedKeys(was.Keys, o.Status.AddingEncryptionKey, e.Remote.EncryptionKeyIDs)
		if e.Step != nil && e.Step.Action == ReadMetadata {
			was.Metadata = metadataThatWasRead(o, was.Metadata, e.Before, e.Remote)
		}
	case connection.StepBegins:
		if e.Step.Action == ReadMetadata && was.Metadata == nil {
			was.Metadata = beforeAnyMetadata(e.Remote)
		}
	case connection.Compared:
		switch {
		case o.Spec.MetadataURL == "":
			was.Metadata, was.Read = nil, connection.NothingRead
		case refresh(o) == "" && was.Metadata != nil: // taken away: the next value asks again
			was.Metadata = was.Metadata.DeepCopy()
			was.Metadata.Refresh = ""
		}
	default:
	}
	return was
}

// remember keeps what a crash in the middle of a rollover must not lose.
func remember(o manifest, e connection.Event[remote]) {
	s := &o.Status
	s.UnidentifiedEncryptionKeys = unidentifiedAfter(o, e)
	s.SigningKeySentAt = signingSentAfter(s.SigningKeySentAt, e)
	s.AddingEncryptionKey, s.FreedCertificate, s.RefusedCertificate = addingAfter(s.AddingEncryptionKey, e), freedAfter(s.FreedCertificate, e), refusedAfter(s, e)
}

// freedAfter is the certificate that went to make room, until what it made room for is there, or it is there itself again.
func freedAfter(was *v1alpha1.FreedCertificateStatus, e connection.Event[remote]) *v1alpha1.FreedCertificateStatus {
	switch {
	case e.Type == connection.StepBegins && e.Step.Action == FreeCertificate:
		freed := e.Step.Changes[0].Have
		if text, known := freed.Send.(string); known && text != "" {
			return &v1alpha1.FreedCertificateStatus{SHA256: freed.Same, PEM: text}
		}
	case e.Type == connection.Compared && was != nil:
		have := haveState(e.Remote)
		if missing, _ := compareCertificates(e.Want, have); len(missing) == 0 || holds(have.Certificates, was.SHA256) {
			return nil
		}
	}
	return was
}

// refusedAfter is the certificate that made another give way and was refused for its own sake, as long as it is wanted: to make
// room for it again at each look would take a certificate away each time.
func refusedAfter(s *v1alpha1.SAMLConnectionStatus, e connection.Event[remote]) string {
	switch {
	case e.Type == connection.Compared && !holds(e.Want.Certificates, s.RefusedCertificate):
		return ""
	case e.Type == connection.StepFailed && e.Refusal != nil && e.Refusal.ErrorType == "invalid_x509_certificate" && s.FreedCertificate != nil:
		for _, c := range e.Step.Changes {
			if c.Field == fieldCertificate {
				return c.Want.Same
			}
		}
	}
	return s.RefusedCertificate
}

// undo puts the certificate back that made room for what Stytch refused.
func undo(o manifest, refused connection.Step) *connection.Step {
	freed := o.Status.FreedCertificate
	if freed == nil || !connection.Carries(refused.Changes, fieldCertificate) && refused.Action != ReadMetadata {
		return nil
	}
	return &connection.Step{Action: connection.Update, Changes: []connection.Change{{
		Field: fieldCertificate, Kind: connection.Added, Topic: connection.TopicCertificate(freed.SHA256), Want: connection.Value{Send: freed.PEM, Same: freed.SHA256},
	}}}
}

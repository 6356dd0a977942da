package connection

import (
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// State is what a connection is set to: as a manifest wants it or as Stytch has it.
type State struct {
	// Settings are the fields that are replaced one by one. A wanted State names only what its manifest manages.
	Settings Settings
	// Certificates are the identity provider's verification certificates. Wanted nil: not managed.
	Certificates []Certificate
	// Incomplete says, of a wanted State, that some certificates of the manifest could not be read, so that none may be
	// removed, but for one that has expired where all slots are taken.
	Incomplete bool
	// Refused is the SHA-256 of a wanted certificate that Stytch refused before, so that it is not sent.
	Refused string
	// Now is when the desired state was computed: a certificate that ended before is not added any more.
	Now time.Time
	// Settle is, of a wanted State, the settle time of its Kind.
	Settle time.Duration
	// Metadata is, of a wanted State, where Stytch takes its settings and certificates from. Nil: from nowhere.
	Metadata *Metadata
	// Signing is the key that Stytch signs with: wanted, at most one; seen, those of the newest certificates.
	Signing []Key
	// SigningSentAt is, of a wanted State, when a request was sent that carries a signing key and may yet take effect; zero for none.
	SigningSentAt time.Time
	// Encryption are the keys that Stytch decrypts with. Wanted nil: not managed.
	Encryption *Encryption
	// Token is the bearer token: wanted, as the Secret holds it, empty where it does not; seen, as Stytch accepts it. Nil
	// where a kind has none.
	Token *Token
	// Details are what the identity provider's side has to know: wanted, as the ConfigMap holds it; seen, as Stytch says. Wanted
	// nil: nobody wants them written.
	Details map[string]string
	// DetailsOwner says, of a wanted State, whose the ConfigMap is that holds Details.
	DetailsOwner Ownership
	// Unstamped are, of a wanted State, the labels and annotations in which the Secret or ConfigMap that the manifest has written
	// differs from the manifest's template.
	Unstamped []Change
	// Groups says, of a wanted State, what became of the groups that it gives by name.
	Groups *v1alpha1.SCIMGroupsStatus
	// Missing is, of a seen State, what a connection that is not active lacks to become so; nil where nothing does, or it is not known.
	Missing []string
	// New says, of a seen State, that the connection still bears the mark of its creation for this manifest.
	New bool
}

// Ownership says whose an object is that a manifest has written.
type Ownership int

// Whose an object is. The manifest's is also one that is not there.
const (
	Owned     Ownership = iota
	OwnerLost           // the manifest's by its label, without its owner: restores lose that
	Anybodys            // without owner and label: the manifest's if it holds exactly what would be written
	Others
)

// Certificate is one verification certificate.
type Certificate struct {
	pki.Certificate

	// Where a wanted certificate stands in the manifest.
	Where string
	// ID of a certificate at Stytch.
	ID string
}

// Expired says that the certificate had ended by then.
func (c Certificate) Expired(now time.Time) bool {
	return !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt)
}

// Metadata is a document that Stytch takes settings and certificates from.
type Metadata struct {
	// URL of the document, and Was, the one that was read last.
	URL, Was string
	// Due says that it has to be read.
	Due bool
}

// Key is an RSA key pair.
type Key struct {
	// SPKISHA256 is the SHA-256 of the public key (SubjectPublicKeyInfo), in lower-case hexadecimal.
	SPKISHA256 string
	// Private is a wanted key in PKCS#1 PEM, and Where it stands in the manifest.
	Private stytch.Secret
	Where   string
	// Certificate is, of a key that Stytch signs with, the one that it made for it, in PEM.
	Certificate string
}

// Encryption are keys that Stytch decrypts with.
type Encryption struct {
	// Keys that are wanted.
	Keys []Key
	// Incomplete says, of a wanted State, that some keys of the manifest could not be read, so that none may be removed.
	Incomplete bool
	// Ours says which keys were added through the manifest: their SPKISHA256, by Stytch's ID.
	Ours map[string]string
	// Unidentified are, of a wanted State, keys at Stytch of which nobody can say which they are: they may be the wanted ones.
	Unidentified []string
	// Adding is, of a wanted State, the key that was being added when this was last written down.
	Adding *v1alpha1.AddingEncryptionKeyStatus
	// IDs of the keys at Stytch.
	IDs []string
}

// Token is what may be known of a bearer token.
type Token struct {
	// LastFour characters of the token, and of the one that a rotation under way would put in its place.
	LastFour, NextLastFour string
	// BaseURL that belongs to it.
	BaseURL string
	// ExpiresAt is, of a seen token, its end; zero where Stytch does not say.
	ExpiresAt time.Time
	// Foreign says, of a wanted token, that the Secret it should be kept in is not this connection's; Edited, that it is not
	// the version that status knows; Immutable, that it cannot be written.
	Foreign, Edited, Immutable bool
}

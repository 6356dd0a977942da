package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// object is what the demo reads of any Kubernetes object, as somebody does who has only kubectl.
type object struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name            string            `json:"name"`
		Namespace       string            `json:"namespace"`
		ResourceVersion string            `json:"resourceVersion"`
		Generation      int64             `json:"generation"`
		Labels          map[string]string `json:"labels"`
		OwnerReferences []any             `json:"ownerReferences"`
	} `json:"metadata"`
	Spec struct {
		Organization             string              `json:"organization"`
		DisplayName              string              `json:"displayName"`
		MetadataURL              string              `json:"metadataURL"`
		Issuer                   string              `json:"issuer"`
		TokenURL                 string              `json:"tokenURL"`
		DetailsConfigMapName     string              `json:"detailsConfigMapName"`
		VerificationCertificates []any               `json:"verificationCertificates"`
		EncryptionPrivateKeyRefs []any               `json:"encryptionPrivateKeyRefs"`
		GroupImplicitRoles       []map[string]string `json:"groupImplicitRoles"`
		BearerToken              struct {
			SecretName string `json:"secretName"`
		} `json:"bearerToken"`
		HolderIdentity string    `json:"holderIdentity"` // of a Lease
		RenewTime      time.Time `json:"renewTime"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration int64       `json:"observedGeneration"`
		AppliedGeneration  int64       `json:"appliedGeneration"`
		OrganizationID     string      `json:"organizationID"`
		ConnectionID       string      `json:"connectionID"`
		Conditions         []condition `json:"conditions"`
		Plan               []change    `json:"plan"`
		LastRequest        struct {
			RequestID string `json:"requestID"`
		} `json:"lastRequest"`
		BearerToken struct {
			LastFour   string `json:"lastFour"`
			ExpiresAt  string `json:"expiresAt"`
			SecretName string `json:"secretName"`
		} `json:"bearerToken"`
		VerificationCertificates []struct {
			SHA256 string `json:"sha256"`
		} `json:"verificationCertificates"`
		FromMetadata struct {
			Certificates []string `json:"certificates"`
		} `json:"fromMetadata"`
		Groups struct {
			Resolved int      `json:"resolved"`
			Pending  []string `json:"pending"`
		} `json:"groups"`
	} `json:"status"`
	Data map[string][]byte `json:"data"` // of a Secret

	// Of an event.
	Reason string `json:"reason"`
	Note   string `json:"message"`
	About  struct {
		Kind string `json:"kind"`
		Name string `json:"name"`
	} `json:"involvedObject"`
}

type condition struct {
	Type, Status, Reason, Message string
}

type change struct {
	Field, Have, Want string
}

// Kinds, as manifests spell them.
const (
	kindProject  = "StytchProject"
	kindSCIM     = "SCIMConnection"
	kindSAML     = "SAMLConnection"
	kindOIDC     = "OIDCConnection"
	kindExternal = "ExternalConnection"
)

func (o object) name() string { return strings.ToLower(o.Kind) + "/" + o.Metadata.Name }

func (o object) isConnection() bool {
	return slices.Contains([]string{kindSCIM, kindSAML, kindOIDC, kindExternal}, o.Kind)
}

// about are the calls about the object's connection.
func (o object) about(list calls) calls {
	return list.where(func(c stytchsim.Call) bool {
		return o.Status.ConnectionID != "" && strings.Contains(c.Path, o.Status.ConnectionID)
	})
}

func (o object) condition(kind string) condition {
	for _, c := range o.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return condition{Type: kind, Status: "absent"}
}

// isAbout says, of an event, whom it is about.
func (o object) isAbout(other object) bool {
	return o.About.Kind == other.Kind && o.About.Name == other.Metadata.Name
}

// inForce says that this generation is looked at, applied and in use.
func (o object) inForce() bool {
	if o.Status.ObservedGeneration != o.Metadata.Generation || o.condition("Ready").Status != "True" {
		return false
	}
	return !o.isConnection() || (o.Status.AppliedGeneration == o.Metadata.Generation && o.condition("Synced").Status == "True")
}

// standing is how the object stands, in a line.
func (o object) standing() string {
	parts := []string{o.name()}
	for _, c := range o.Status.Conditions {
		parts = append(parts, fmt.Sprintf("%s=%s %s", c.Type, c.Status, c.Reason))
	}
	if o.Status.ObservedGeneration != o.Metadata.Generation {
		parts = append(parts, "not looked at since it was changed")
	}
	if synced := o.condition("Synced"); synced.Message != "" && synced.Status != "True" {
		parts = append(parts, synced.Message)
	}
	return strings.Join(parts, ", ")
}

// standings are those that are not in force, or all.
func standings(list []object) string {
	var lines []string
	for _, o := range list {
		if !o.inForce() {
			lines = append(lines, o.standing())
		}
	}
	return strings.Join(lines, "; ")
}

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// object is what the demo reads of any Kubernetes object, as somebody does who has only kubectl.
type object struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name            string            `json:"name"`
		Generation      int64             `json:"generation"`
		Labels          map[string]string `json:"labels"`
		OwnerReferences []any             `json:"ownerReferences"`
	} `json:"metadata"`
	Spec struct {
		Organization         string `json:"organization"`
		DisplayName          string `json:"displayName"`
		MetadataURL          string `json:"metadataURL"`
		Issuer               string `json:"issuer"`
		TokenURL             string `json:"tokenURL"`
		DetailsConfigMapName string `json:"detailsConfigMapName"`
		BearerToken          struct {
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
		BearerToken        struct {
			LastFour string `json:"lastFour"`
		} `json:"bearerToken"`
		VerificationCertificates []struct {
			SHA256 string `json:"sha256"`
		} `json:"verificationCertificates"`
		FromMetadata struct {
			Certificates []string `json:"certificates"`
		} `json:"fromMetadata"`
	} `json:"status"`
	Data map[string][]byte `json:"data"` // of a Secret

	Reason         string `json:"reason"` // of an Event
	InvolvedObject struct {
		Kind string `json:"kind"`
		Name string `json:"name"`
	} `json:"involvedObject"`
}

type condition struct{ Type, Status, Reason, Message string }

type change struct{ Field, Have, Want string }

// name is the object as kubectl takes it.
func (o object) name() string { return strings.ToLower(o.Kind) + "/" + o.Metadata.Name }

func (o object) isConnection() bool { return strings.HasSuffix(o.Kind, "Connection") }

// tokenSecret is the Secret of a SCIM connection's token.
func (o object) tokenSecret() string { return "secret/" + o.Spec.BearerToken.SecretName }

func (o object) condition(kind string) condition {
	i := slices.IndexFunc(o.Status.Conditions, func(c condition) bool { return c.Type == kind })
	if i < 0 {
		return condition{Type: kind, Status: "absent"}
	}
	return o.Status.Conditions[i]
}

// applied says that this generation was observed and applied, and is in use.
func (o object) applied() bool {
	if o.Status.ObservedGeneration != o.Metadata.Generation || o.condition("Ready").Status != "True" {
		return false
	}
	return !o.isConnection() || (o.Status.AppliedGeneration == o.Metadata.Generation && o.condition("Synced").Status == "True")
}

// summary is the object's status in a line.
func (o object) summary() string {
	parts := []string{o.name()}
	for _, c := range o.Status.Conditions {
		parts = append(parts, fmt.Sprintf("%s=%s %s", c.Type, c.Status, c.Reason))
	}
	if o.Status.ObservedGeneration != o.Metadata.Generation {
		parts = append(parts, "last edit not observed yet")
	}
	if synced := o.condition("Synced"); synced.Status != "True" {
		parts = append(parts, synced.Message)
	}
	return strings.Join(parts, ", ")
}

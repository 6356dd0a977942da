package v1alpha1

import corev1 "k8s.io/api/core/v1"

// Finalizers, label and annotations.
const (
	// Finalizer is on a manifest from before its connection is created in Stytch until nothing of it can be left there.
	Finalizer = "connections.stytch-operator.dev/remote"
	// FinalizerInUse is on a StytchProject from before a connection with deletionPolicy Delete first uses it, until the
	// StytchProject is being deleted and no such connection is left.
	FinalizerInUse = "connections.stytch-operator.dev/in-use"
	// LabelConnection is on Secrets and ConfigMaps that the operator writes. Its value is the connection's ID. On a Secret it is a
	// mark of the manifest until the connection is created, and LabelReleased after the connection was deleted.
	LabelConnection = "connections.stytch-operator.dev/connection"
	// LabelMayBeSent on a Secret, with the value "true", allows that its values are sent to Stytch for manifests that name it. It is
	// required with --require-send-label.
	LabelMayBeSent = "connections.stytch-operator.dev/may-be-sent"
	// LabelReleased is the value of LabelConnection on a Secret whose connection was deleted.
	LabelReleased = "released"
	// AnnotationPrefix is the prefix of the annotations that the operator reads on a manifest.
	AnnotationPrefix = "connections.stytch-operator.dev/"
	// AnnotationRecord is written by the operator: which connection belongs to the manifest, and what Stytch does not show of it. It
	// counts only where status was lost.
	AnnotationRecord = "connections.stytch-operator.dev/record"
	// AnnotationResyncRequested makes the operator compare a connection with Stytch at once whenever the value changes.
	AnnotationResyncRequested = "connections.stytch-operator.dev/resync-requested"
	// AnnotationRefreshMetadata makes Stytch read spec.metadataURL of a SAMLConnection again whenever the value changes.
	AnnotationRefreshMetadata = "connections.stytch-operator.dev/refresh-metadata"
	// AnnotationAddEncryptionKeys has the encryption keys of a SAMLConnection added although keys are in Stytch of which nobody can
	// say which ones they are. The value is how many those are.
	AnnotationAddEncryptionKeys = "connections.stytch-operator.dev/add-encryption-keys"
	// AnnotationRetryDiscovery makes Stytch read the discovery document of an OIDCConnection's issuer again whenever the value
	// changes, as long as the connection is pending and lacks an endpoint.
	AnnotationRetryDiscovery = "connections.stytch-operator.dev/retry-discovery"
	// AnnotationRotateToken requests a rotation of the bearer token of a SCIMConnection. The value is the last four characters of
	// the current token. To request it again for the same token, a hyphen and any other characters follow. It is ignored if
	// another token is the current one.
	AnnotationRotateToken = "connections.stytch-operator.dev/rotate-token"
	// AnnotationAcknowledgeToken completes the current rotation: the next token replaces the current one, which stops working. The
	// value is the last four characters of the next token.
	AnnotationAcknowledgeToken = "connections.stytch-operator.dev/acknowledge-token"
	// AnnotationCancelRotation cancels the current rotation. The value is the last four characters of the next token.
	AnnotationCancelRotation = "connections.stytch-operator.dev/cancel-rotation"
	// AnnotationProved is the time at which the operator last proved that it can write the Secret.
	AnnotationProved = "connections.stytch-operator.dev/proved-writable"
	// AnnotationTemplateKeys is on Secrets and ConfigMaps with labels or annotations of a template: the keys that the operator set, in
	// JSON. Only those are removed when the template does not have them any more.
	AnnotationTemplateKeys = "connections.stytch-operator.dev/template-keys"
	// Domain ends the prefix of every label and annotation of the operator.
	Domain = "stytch-operator.dev"
)

// ManifestAnnotations are the annotations that the operator knows on the manifest of a connection. One with AnnotationPrefix that is
// not among them is mentioned in the message of Synced.
func ManifestAnnotations() []string {
	return []string{
		AnnotationRecord, AnnotationResyncRequested, AnnotationRefreshMetadata, AnnotationAddEncryptionKeys, AnnotationRetryDiscovery,
		AnnotationRotateToken, AnnotationAcknowledgeToken, AnnotationCancelRotation,
	}
}

// TrackingKeys are the labels and annotations that Argo CD and Flux know their objects by.
func TrackingKeys() []string {
	return []string{
		"argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance", "app.kubernetes.io/instance",
		"kustomize.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/namespace",
		"helm.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/namespace",
	}
}

// KeysNotInTemplates are the labels and annotations, in addition to those of Domain, that a template must not have: by them other tools
// know what is theirs, and kubectl's may contain a token. The rules of ObjectTemplate list them, too.
func KeysNotInTemplates() []string {
	return append(TrackingKeys(), corev1.LastAppliedConfigAnnotation)
}

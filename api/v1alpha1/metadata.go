package v1alpha1

const (
	// Finalizer stands on a connection's manifest from before its creation at Stytch until nothing of it can be left there.
	Finalizer = "connections.stytch-operator.dev/remote"
	// LabelConnection marks a Secret that the operator wrote. Its value is the mark of the connection being created, then
	// the connection's ID, and LabelReleased once the connection is gone.
	LabelConnection = "connections.stytch-operator.dev/connection"
	// LabelReleased is the value of LabelConnection on a Secret whose connection was deleted.
	LabelReleased = "released"
	// AnnotationPrefix begins the annotations that the operator reads on a manifest.
	AnnotationPrefix = "connections.stytch-operator.dev/"
	// AnnotationRefreshMetadata on a SAMLConnection has spec.metadataURL read again whenever its value changes.
	AnnotationRefreshMetadata = "connections.stytch-operator.dev/refresh-metadata"
	// AnnotationRotateToken on a SCIMConnection asks for a rotation of the bearer token: its value is the last four characters of
	// the current one and, to ask again for the same, a hyphen and anything else. It is ignored where another token is the
	// current one.
	AnnotationRotateToken = "connections.stytch-operator.dev/rotate-token"
	// AnnotationAcknowledgeToken says that the next token is in use, so that the rotation may be completed: its value is the last
	// four characters of the next token.
	AnnotationAcknowledgeToken = "connections.stytch-operator.dev/acknowledge-token"
	// AnnotationCancelRotation abandons the rotation under way: its value is the last four characters of the next token.
	AnnotationCancelRotation = "connections.stytch-operator.dev/cancel-rotation"
	// AnnotationProved holds the time at which the operator last proved that it can write a Secret.
	AnnotationProved = "connections.stytch-operator.dev/proved-writable"
)

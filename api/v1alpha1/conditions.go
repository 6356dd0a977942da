package v1alpha1

// Conditions of a connection. Ready and Synced are always set after the first pass. The others are set only while they are True,
// and Stalled and Reconciling are never set together.
const (
	// ConditionReady says whether the connection can be used as specified.
	ConditionReady = "Ready"
	// ConditionSynced says whether the last pass found the connection in the desired state. If not, the reason says why.
	ConditionSynced = "Synced"
	// ConditionStalled says that the operator cannot make progress until somebody acts. The message says what to do.
	ConditionStalled = "Stalled"
	// ConditionReconciling says that the operator is not done and continues automatically.
	ConditionReconciling = "Reconciling"
	// ConditionExpiringSoon says that a token or certificate expires within the manager's --expiry-warning, or has expired. The
	// message says which, and what to do. It does not affect Ready.
	ConditionExpiringSoon = "ExpiringSoon"
	// ConditionRotating says that the bearer token of a SCIM connection is being rotated. The reason says what the rotation waits
	// for, the message what to do. It does not affect Ready and Synced.
	ConditionRotating = "Rotating"
)

// Reasons of Synced, and of Ready if it follows Synced. They are grouped by their remedy.
const (
	// ReasonInSync says that every managed field in Stytch has the specified value.
	ReasonInSync = "InSync"
	// ReasonPlanPending says that management is Observe and there are differences, which status.plan lists.
	ReasonPlanPending = "PlanPending"
	// ReasonPaused says that management is Paused: the connection is not compared with its manifest.
	ReasonPaused = "Paused"

	// ReasonNotGranted says that the project grants the manifest no access to its organization, or to that of its source. Nothing
	// is asked of Stytch and nothing is changed there.
	ReasonNotGranted = "NotGranted"

	// ReasonInvalid says that the manifest, or the content of an object that it refers to, is invalid.
	ReasonInvalid = "Invalid"
	// ReasonInputMissing says that an object or key that the manifest refers to does not exist, or cannot be written.
	ReasonInputMissing = "InputMissing"
	// ReasonSourceNotReady says that the source of an ExternalConnection does not exist, or is not active.
	ReasonSourceNotReady = "SourceNotReady"
	// ReasonGroupsPending says that the identity provider has not pushed all groups that the manifest names.
	ReasonGroupsPending = "GroupsPending"
	// ReasonDiscoveryFailed says that Stytch could not read the discovery document of an OIDC issuer, and the manifest does
	// not set all of the URLs that Stytch reads from it.
	ReasonDiscoveryFailed = "DiscoveryFailed"

	// ReasonMetadataUnread says that a SAML connection was taken over or restored with a metadataURL that was not read for it.
	ReasonMetadataUnread = "MetadataUnread"
	// ReasonKeysUnidentified says that a SAML connection was taken over or restored with encryption keys of which nobody can say
	// whether the manifest names them, so that none is added.
	ReasonKeysUnidentified = "KeysUnidentified"

	// ReasonRenewBeforeTooLong says that the lifetime of a SCIM connection's bearer token is not longer than
	// spec.bearerToken.rotation.renewBefore, so that no rotation is started automatically.
	ReasonRenewBeforeTooLong = "RenewBeforeTooLong"

	// ReasonCredentialsRejected says that Stytch does not accept the project's secret, or the member's session.
	ReasonCredentialsRejected = "CredentialsRejected"
	// ReasonPermissionDenied says that Stytch accepts the credentials but does not permit the request.
	ReasonPermissionDenied = "PermissionDenied"
	// ReasonRejected says that Stytch rejected the request. The message has Stytch's error_type.
	ReasonRejected = "Rejected"

	// ReasonConflict says that the connection belongs to another manifest or another project, or was made by hand.
	ReasonConflict = "Conflict"
	// ReasonCreationInDoubt says that the response to a create request was lost, so that the connection may exist.
	ReasonCreationInDoubt = "CreationInDoubt"
	// ReasonRemoteMissing says that the connection of the manifest does not exist in Stytch any more.
	ReasonRemoteMissing = "RemoteMissing"
	// ReasonNotConverging says that Stytch accepted a value but returned a different one when it was read back.
	ReasonNotConverging = "NotConverging"

	// ReasonThrottled says that Stytch answered 429. No requests are sent until its rate limit window ends.
	ReasonThrottled = "Throttled"
	// ReasonUnavailable says that Stytch could not be reached, or returned a server error or an unexpected response.
	ReasonUnavailable = "Unavailable"
	// ReasonDeletionBlocked says that the connection cannot be deleted in Stytch. The message says what to do.
	ReasonDeletionBlocked = "DeletionBlocked"

	// ReasonActive is the reason of Ready while Stytch reports the connection as active.
	ReasonActive = "Active"
	// ReasonPending is the reason of Ready while Stytch reports the connection as pending. The message names what is missing.
	ReasonPending = "Pending"
	// ReasonVerified is the reason of Ready on a StytchProject whose credentials Stytch accepted.
	ReasonVerified = "Verified"

	// ReasonInUse says that a StytchProject is being deleted, and that connections with deletionPolicy Delete still need it.
	ReasonInUse = "InUse"

	// ReasonExpiring is the reason of ExpiringSoon while nothing has expired yet.
	ReasonExpiring = "Expiring"
	// ReasonExpired is the reason of ExpiringSoon once something has expired.
	ReasonExpired = "Expired"

	// ReasonAwaitingAcknowledgement is the reason of Rotating while the Secret holds the next token, and somebody has to
	// acknowledge it before it replaces the current one.
	ReasonAwaitingAcknowledgement = "AwaitingAcknowledgement"
	// ReasonOverlapping is the reason of Rotating while the Secret holds both tokens, and the rotation will complete
	// automatically.
	ReasonOverlapping = "Overlapping"
	// ReasonStarting is the reason of Rotating after the response to a start request was lost, until its outcome is known.
	ReasonStarting = "Starting"
	// ReasonNextTokenLost is the reason of Rotating while the Secret does not hold the next token, which the identity provider may have already.
	ReasonNextTokenLost = "NextTokenLost"
	// ReasonStartedElsewhere is the reason of Rotating while a rotation is in progress that this manifest did not start.
	ReasonStartedElsewhere = "StartedElsewhere"
)

package v1alpha1

// Conditions of a connection. Ready and Synced always stand once a manifest has been looked at; the others are abnormal-true:

// they stand only while they are True, Stalled and Reconciling never both.
const (
	// ConditionReady says whether the connection can be used as its manifest says.
	ConditionReady = "Ready"
	// ConditionSynced says whether the last pass found Stytch as the manifest says, and if not, why.
	ConditionSynced = "Synced"
	// ConditionStalled says that nothing will change until somebody acts. The message says what to do.
	ConditionStalled = "Stalled"
	// ConditionReconciling says that the operator is not done and goes on by itself.
	ConditionReconciling = "Reconciling"
	// ConditionExpiringSoon says that a token or a certificate ends within the manager's --expiry-warning, or has ended. The
	// message says which and what to do. It leaves Ready alone.
	ConditionExpiringSoon = "ExpiringSoon"
	// ConditionRotating says that a rotation of a SCIM connection's bearer token is under way. The reason says what it waits for,
	// the message what to do. It leaves Ready and Synced alone.
	ConditionRotating = "Rotating"
)

// Reasons of Synced, and of Ready where it follows it. They are grouped by what lifts them.
const (
	// ReasonInSync says that every managed field at Stytch is as the manifest says.
	ReasonInSync = "InSync"
	// ReasonPlanPending says that differences are known and, under Observe, not applied. They are listed in status.plan.
	ReasonPlanPending = "PlanPending"
	// ReasonPaused says that the connection is not looked at.
	ReasonPaused = "Paused"

	// ReasonInvalid says that the manifest, or the content of something that it names, cannot be meant.
	ReasonInvalid = "Invalid"
	// ReasonInputMissing says that something the manifest names is not there yet.
	ReasonInputMissing = "InputMissing"
	// ReasonSourceNotReady says that the source of an ExternalConnection is not there, or not active.
	ReasonSourceNotReady = "SourceNotReady"
	// ReasonGroupsPending says that the identity provider has not pushed every group that the manifest names.
	ReasonGroupsPending = "GroupsPending"
	// ReasonDiscoveryFailed says that Stytch could not read the discovery document of an OIDC issuer, and that the manifest
	// does not give all of the URLs that it would have found there.
	ReasonDiscoveryFailed = "DiscoveryFailed"

	// ReasonRenewBeforeTooLong says that a SCIM connection's bearer token does not live longer than
	// spec.bearerToken.rotation.renewBefore, so that no rotation is started by time.
	ReasonRenewBeforeTooLong = "RenewBeforeTooLong"

	// ReasonCredentialsRejected says that Stytch does not accept the project's secret.
	ReasonCredentialsRejected = "CredentialsRejected"
	// ReasonPermissionDenied says that Stytch accepts the credentials and refuses the action.
	ReasonPermissionDenied = "PermissionDenied"
	// ReasonRejected says that Stytch understood the request and refused it. The message holds Stytch's error_type.
	ReasonRejected = "Rejected"

	// ReasonConflict says that the connection belongs to somebody else: another manifest, a human, another project.
	ReasonConflict = "Conflict"
	// ReasonCreationInDoubt says that a creation may have happened whose answer was lost.
	ReasonCreationInDoubt = "CreationInDoubt"
	// ReasonRemoteMissing says that the connection of this manifest is not at Stytch any more.
	ReasonRemoteMissing = "RemoteMissing"
	// ReasonNotConverging says that a value was sent and read back different.
	ReasonNotConverging = "NotConverging"

	// ReasonThrottled says that Stytch answered 429 and nothing is sent until its window opens again.
	ReasonThrottled = "Throttled"
	// ReasonUnavailable says that Stytch could not be reached, or did not answer as an API does.
	ReasonUnavailable = "Unavailable"
	// ReasonDeletionBlocked says that the remote connection cannot be deleted, and what lifts that.
	ReasonDeletionBlocked = "DeletionBlocked"

	// ReasonActive is Ready's reason while Stytch calls the connection active.
	ReasonActive = "Active"
	// ReasonPending is Ready's reason while Stytch calls the connection pending. The message names what is missing.
	ReasonPending = "Pending"
	// ReasonVerified is Ready's reason on a StytchProject whose credentials Stytch accepted.
	ReasonVerified = "Verified"

	// ReasonExpiring is ExpiringSoon's reason while nothing has ended yet.
	ReasonExpiring = "Expiring"
	// ReasonExpired is ExpiringSoon's reason once something has ended.
	ReasonExpired = "Expired"

	// ReasonAwaitingAcknowledgement is Rotating's reason while the Secret offers the next token and somebody has to say that it
	// is in use.
	ReasonAwaitingAcknowledgement = "AwaitingAcknowledgement"
	// ReasonOverlapping is Rotating's reason while the Secret offers both tokens and the rotation is completed by itself.
	ReasonOverlapping = "Overlapping"
	// ReasonStarting is Rotating's reason while a start was sent whose answer was lost, until it is known what became of it.
	ReasonStarting = "Starting"
	// ReasonNextTokenLost is Rotating's reason while the Secret does not hold the next token any more, which may be in use already.
	ReasonNextTokenLost = "NextTokenLost"
	// ReasonStartedElsewhere is Rotating's reason while a rotation is under way that was not started through this manifest.
	ReasonStartedElsewhere = "StartedElsewhere"
)

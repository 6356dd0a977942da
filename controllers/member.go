package controllers

import (
	"context"
	"fmt"
	"slices"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// theSession is what the Secret of a memberSessionRef holds.
const theSession = "a session token or session JWT of the member"

// cachedSecrets are the versions of the Secrets of a project in the cache.
func (s *shared) cachedSecrets(ctx context.Context, project v1alpha1.Project) ([]v1alpha1.Input, error) {
	var versions []v1alpha1.Input
	for _, name := range connection.SecretNames(project) {
		version, err := s.cachedInput(ctx, s.secretOf(project, name), connection.KindSecret)
		if err != nil {
			return nil, fmt.Errorf("reading the metadata of Secret %s: %w", name, err)
		}
		versions = append(versions, version)
	}
	return versions, nil
}

// incomplete says that there is none of one of the Secrets.
func incomplete(versions []v1alpha1.Input) bool {
	return slices.ContainsFunc(versions, func(version v1alpha1.Input) bool { return version.UID == "" })
}

// inputsOf are the versions of the Secrets as they were read: that of the project's secret, and that of the member's session, if it is
// another one.
func inputsOf(secret v1alpha1.Input, session *v1alpha1.Input) []v1alpha1.Input {
	if session == nil || *session == secret {
		return []v1alpha1.Input{secret}
	}
	return []v1alpha1.Input{secret, *session}
}

// member reads the session of the member in whose name the calls of a StytchProject are made, and returns the version of its Secret; nil
// for a StytchProject that has no memberSessionRef. What is invalid or missing is returned as a problem.
func (s *shared) member(ctx context.Context, project v1alpha1.Project) (stytch.Member, *v1alpha1.Input, *connection.Problem, error) {
	ref := project.MemberSession()
	if ref == nil {
		return stytch.Member{}, nil, nil, nil
	}
	at := &v1alpha1.Input{Kind: connection.KindSecret, Name: ref.Name}
	secret, err := s.secret(ctx, inNamespace(project, ref.Name))
	switch {
	case err != nil:
		return stytch.Member{}, at, nil, fmt.Errorf("reading Secret %s: %w", ref.Name, err)
	case secret == nil && !project.GetDeletionTimestamp().IsZero():
		return stytch.Member{}, at, s.missingSecret(ctx, project, *ref, theSession), nil
	case secret == nil:
		return stytch.Member{}, at, missing("Secret %s, referenced by spec.memberSessionRef, does not exist in this namespace. Create it with %s under the key %q.", ref.Name, theSession, ref.Key), nil
	}
	*at = connection.InputOf(connection.KindSecret, secret.ObjectMeta)
	member, problem := connection.Member(project, secret)
	return member, at, problem, nil
}

// acceptedBefore says that Stytch accepted these credentials before, of a StytchProject whose last check it accepted: this process has
// had a session with them, or their Secret is as it was then, and only the session of the member is another one.
func (s *shared) acceptedBefore(project v1alpha1.Project, credentials stytch.Credentials, at v1alpha1.Input) bool {
	known, opened := s.knownSession(project)
	status := project.CommonStatus()
	sameSecret := status.ObservedGeneration == project.GetGeneration() && len(status.Inputs) > 0 && status.Inputs[0] == at
	return opened && known.stytch.Holds(credentials) || !opened && sameSecret
}

// inNameOf returns a session of this process in the name of the member whom the StytchProject names now: with the session in the Secret
// or, if that is gone, with the last one that was in it. The project's secret alone is only used where no member is named.
func (s *shared) inNameOf(ctx context.Context, known session) (session, error) {
	member, _, problem, err := s.member(ctx, known.project)
	switch {
	case err != nil:
		return session{}, err
	case problem == nil:
		known.stytch = known.stytch.As(member)
		return known, nil
	case problem.Reason == v1alpha1.ReasonInputMissing && known.stytch.MemberOf() == connection.MemberOf(known.project):
		return known, nil
	}
	return session{}, connection.Finding{Reason: problem.Reason, Message: fmt.Sprintf("%s is being deleted. %s", refOf(known.project), problem.Message)}
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Variables of the environment with the credentials of a Stytch project.
const (
	envProjectID = "STYTCH_PROJECT_ID"
	envSecret    = "STYTCH_SECRET" //nolint:gosec // the name of a variable
	envBaseURL   = "STYTCH_BASE_URL"
)

// projectIDs are what a StytchProject may have, too: by their beginning the host is chosen to which the secret is sent.
var projectIDs = regexp.MustCompile(`^project-(live|test)-[A-Za-z0-9-]+$`)

// session is a session with Stytch, and the project that it is of.
type session struct {
	*stytch.Session
	projectID string
}

// byEnvironment says that the credentials are those of the environment.
func byEnvironment(project string) bool { return project == "" && os.Getenv(envProjectID) != "" }

// open opens a session of the project of a manifest: that of --project, that of the environment, or the one that the manifest names.
func (p *planner) open(ctx context.Context, namespace string, ref v1alpha1.ProjectRef) (session, error) {
	if byEnvironment(p.flags.project) {
		switch id := os.Getenv(envProjectID); {
		case !projectIDs.MatchString(id):
			return session{}, fmt.Errorf("%s is %q, but must be the ID of a project, such as project-test-…", envProjectID, id)
		case os.Getenv(envSecret) == "":
			return session{}, fmt.Errorf("%s is set, but %s is not. Set both, or name a StytchProject with --project", envProjectID, envSecret)
		}
		return p.openProject(ctx, "environment", environment(), func(*v1alpha1.StytchProject) (*corev1.Secret, error) { return environmentSecret(), nil })
	}
	if p.flags.project == "" && ref.Kind != v1alpha1.NamespacedProject {
		return session{}, fmt.Errorf("%s has its Secret where only the operator reads it. Set %s and %s, or --project", ref, envProjectID, envSecret)
	}
	project := &v1alpha1.StytchProject{}
	key := client.ObjectKey{Namespace: namespace, Name: cmp.Or(p.flags.project, ref.Name)}
	found, err := p.get(ctx, key, project)
	switch {
	case err != nil:
		return session{}, fmt.Errorf("reading StytchProject %s: %w", key.Name, err)
	case !found:
		return session{}, fmt.Errorf("StytchProject %s does not exist in namespace %q. Create it, name another with --project, or set %s and %s",
			key.Name, key.Namespace, envProjectID, envSecret)
	}
	return p.openProject(ctx, key.String(), project, func(project *v1alpha1.StytchProject) (*corev1.Secret, error) {
		return p.secretOf(ctx, project, project.Spec.SecretRef.Name)
	})
}

// openProject opens a session once for all manifests of a project.
func (p *planner) openProject(ctx context.Context, name string, project *v1alpha1.StytchProject, read func(*v1alpha1.StytchProject) (*corev1.Secret, error)) (session, error) {
	if known, ok := p.sessions[name]; ok {
		return known, nil
	}
	endpoints := connection.Endpoints{AllowedHosts: p.flags.allowedHosts, InsecureLoopback: p.flags.insecureLoopback}
	base, problem := endpoints.BaseURL(project.Spec.ProjectSpec)
	if problem != nil {
		return session{}, errors.New(p.inWords(problem.Message))
	}
	secret, err := read(project)
	if err != nil {
		return session{}, err
	}
	ref := project.Spec.SecretRef
	in := connection.Inputs{Secrets: map[string]*corev1.Secret{ref.Name: secret}}
	value, problem := connection.SecretKey("spec.secretRef", ref).ReadSecret(in, "Store the project's secret exactly as the Stytch dashboard shows it")
	if problem != nil {
		return session{}, errors.New(problem.Message)
	}
	of := stytch.Project{Credentials: stytch.Credentials{BaseURL: base, ProjectID: project.Spec.ProjectID, Secret: value}, Object: name}
	if limit := project.Spec.RateLimit; limit != nil {
		of.Rate = stytch.Rate{PerSecond: float64(limit.RequestsPerSecond), Burst: int(limit.Burst)}
	}
	if of.Member, err = p.member(ctx, project); err != nil {
		return session{}, err
	}
	p.sessions[name] = session{p.service.Session(of), project.Spec.ProjectID}
	return p.sessions[name], nil
}

// inWords is what the manager says of a base URL in words of this command, which has flags of its own and may have the URL from elsewhere.
func (p *planner) inWords(message string) string {
	message = strings.NewReplacer("start the manager with --", "use --", "the manager flag --", "the flag --").Replace(message)
	if byEnvironment(p.flags.project) {
		message = strings.ReplaceAll(message, "spec.baseURL", envBaseURL)
	}
	return message
}

// member is in whose name the calls of a project are made; nobody for one that names none.
func (p *planner) member(ctx context.Context, project *v1alpha1.StytchProject) (stytch.Member, error) {
	ref := project.MemberSession()
	if ref == nil {
		return stytch.Member{}, nil
	}
	secret, err := p.secretOf(ctx, project, ref.Name)
	if err != nil {
		return stytch.Member{}, err
	}
	member, problem := connection.Member(project, secret)
	if problem != nil {
		return stytch.Member{}, errors.New(problem.Message)
	}
	return member, nil
}

// secretOf reads a Secret that a project names.
func (p *planner) secretOf(ctx context.Context, project *v1alpha1.StytchProject, name string) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	found, err := p.get(ctx, client.ObjectKey{Namespace: project.Namespace, Name: name}, secret)
	switch {
	case apierrors.IsForbidden(err):
		return nil, fmt.Errorf("reading the credentials of StytchProject %s: %w. Without this right, set %s and %s", project.Name, err, envProjectID, envSecret)
	case err != nil:
		return nil, fmt.Errorf("reading the credentials of StytchProject %s: %w", project.Name, err)
	case !found:
		return nil, fmt.Errorf("secret %s of StytchProject %s does not exist", name, project.Name)
	}
	return secret, nil
}

// environment is a project as the environment has it, and environmentSecret its Secret.
func environment() *v1alpha1.StytchProject {
	return &v1alpha1.StytchProject{Spec: v1alpha1.StytchProjectSpec{ProjectSpec: v1alpha1.ProjectSpec{
		ProjectID: os.Getenv(envProjectID), BaseURL: os.Getenv(envBaseURL), SecretRef: v1alpha1.SecretKeyRef{Name: "environment", Key: envSecret},
	}}}
}

func environmentSecret() *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "environment"}, Type: corev1.SecretTypeOpaque,
		Data: map[string][]byte{envSecret: []byte(os.Getenv(envSecret))},
	}
}

package connection_test

import (
	"maps"
	"math/rand"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/external"
	"github.com/stytch-operator/stytch-operator/internal/connection/oidc"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/connection/scim"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// scalar says that values of a kind point to nothing.
func scalar(kind reflect.Kind) bool { return kind <= reflect.Complex128 || kind == reflect.String }

// cloned is a value with everything that it points to.
func cloned(v reflect.Value) reflect.Value {
	if scalar(v.Kind()) || v.Kind() != reflect.Struct && v.IsNil() {
		return v
	}
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	switch v.Kind() {
	case reflect.Pointer:
		c.Set(reflect.New(v.Type().Elem()))
		c.Elem().Set(cloned(v.Elem()))
	case reflect.Interface:
		c.Set(cloned(v.Elem()))
	case reflect.Slice:
		c.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		reflect.Copy(c, v)
		for i := 0; i < v.Len() && !scalar(v.Type().Elem().Kind()); i++ {
			c.Index(i).Set(cloned(v.Index(i)))
		}
	case reflect.Map:
		c.Set(reflect.MakeMap(v.Type()))
		for _, key := range v.MapKeys() {
			c.SetMapIndex(key, cloned(v.MapIndex(key)))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() && !scalar(field.Type.Kind()) {
				c.Field(i).Set(cloned(v.Field(i)))
			}
		}
	default:
		panic("an argument with a " + v.Type().String())
	}
	return c
}

// hooks watches the hooks of a kind.
type hooks struct {
	t      *testing.T
	called map[string]bool
	wrote  map[string][]string // the fields of status that a writer changed, each once
}

func newHooks(t *testing.T) *hooks {
	t.Helper()
	return &hooks{t: t, called: map[string]bool{}, wrote: map[string][]string{}}
}

// reading says, once it is called in its turn, whether a hook left its arguments as they were.
func (h *hooks) reading(hook string, arguments ...any) func() {
	h.called[hook] = true
	before := make([]any, len(arguments))
	for i, a := range arguments {
		if o, is := a.(v1alpha1.Connection); is {
			before[i] = o.DeepCopyObject()
		} else {
			before[i] = cloned(reflect.ValueOf(a)).Interface()
		}
	}
	return func() {
		for i, a := range arguments {
			if !reflect.DeepEqual(before[i], a) {
				h.t.Errorf("%s changed its argument %d, a %T: it was\n%s and is\n%s", hook, i, a, InJSON(h.t, before[i]), InJSON(h.t, a))
			}
		}
	}
}

// writing notes, once it is called in its turn, which fields of status a writer changed, and whether it changed anything else.
func (h *hooks) writing(writer string, o v1alpha1.Connection) func() {
	h.called[writer] = true
	before := CopyOf(o)
	return func() {
		was, is := fieldsOf(before), fieldsOf(o)
		for _, field := range slices.Sorted(maps.Keys(is)) {
			if !reflect.DeepEqual(was[field], is[field]) && !slices.Contains(h.wrote[writer], field) {
				h.wrote[writer] = append(h.wrote[writer], field)
			}
		}
	}
}

// fieldsOf are the fields of a manifest's status by their names, and by those of its other parts what is no status.
func fieldsOf(o v1alpha1.Connection) map[string]any {
	v := reflect.ValueOf(o).Elem()
	fields := map[string]any{"metadata": v.FieldByName("ObjectMeta").Interface(), "spec": v.FieldByName("Spec").Interface()}
	for _, status := range []reflect.Value{v.FieldByName("Status"), reflect.ValueOf(o.CommonStatus()).Elem()} {
		for i := range status.NumField() {
			if field := status.Type().Field(i); !field.Anonymous {
				fields[field.Name] = status.Field(i).Interface()
			}
		}
	}
	return fields
}

// watched is a kind whose hooks are watched.
func watched[O v1alpha1.Connection, R any](h *hooks, k connection.Kind[O, R]) connection.Kind[O, R] {
	w := k
	if k.References != nil {
		w.References = func(o O) []connection.Reference { defer h.reading("References", o)(); return k.References(o) }
	}
	if k.Rival != nil {
		w.Rival = func(o O, r R) bool { defer h.reading("Rival", o, r)(); return k.Rival(o, r) }
	}
	if k.Bare != nil {
		w.Bare = func(o O, r R) bool { defer h.reading("Bare", o, r)(); return k.Bare(o, r) }
	}
	if k.Likeness != nil {
		w.Likeness = func(o O) []string { defer h.reading("Likeness", o)(); return k.Likeness(o) }
	}
	if k.LikenessOf != nil {
		w.LikenessOf = func(r R) []string { defer h.reading("LikenessOf", r)(); return k.LikenessOf(r) }
	}
	if k.Contradicts != nil {
		w.Contradicts = func(o O, r R) bool { defer h.reading("Contradicts", o, r)(); return k.Contradicts(o, r) }
	}
	if k.Want != nil {
		w.Want = func(o O, in connection.Inputs) (connection.State, []connection.Problem) {
			defer h.reading("Want", o, in)()
			return k.Want(o, in)
		}
	}
	if k.Have != nil {
		w.Have = func(r R) connection.State { defer h.reading("Have", r)(); return k.Have(r) }
	}
	if k.Creation != nil {
		w.Creation = func(o O) stytch.Fields { defer h.reading("Creation", o)(); return k.Creation(o) }
	}
	if k.MissingToActivate != nil {
		w.MissingToActivate = func(r R) []string { defer h.reading("MissingToActivate", r)(); return k.MissingToActivate(r) }
	}
	if k.Warnings != nil {
		w.Warnings = func(was, is O) []connection.Warning {
			defer h.reading("Warnings", was, is)()
			return k.Warnings(was, is)
		}
	}
	if k.Expiries != nil {
		w.Expiries = func(o O) []connection.Expiry { defer h.reading("Expiries", o)(); return k.Expiries(o) }
	}
	if k.Due != nil {
		w.Due = func(o O, settle time.Duration) time.Time { defer h.reading("Due", o)(); return k.Due(o, settle) }
	}
	w.Settings = watchedSettings(h, k.Settings)
	watchedPlan(h, k, &w)
	watchedWriters(h, k, &w)
	return w
}

func watchedPlan[O v1alpha1.Connection, R any](h *hooks, k connection.Kind[O, R], w *connection.Kind[O, R]) {
	if k.Plan != nil {
		w.Plan = func(o O, want, have connection.State) []connection.Step {
			defer h.reading("Plan", o, want, have)()
			return k.Plan(o, want, have)
		}
	}
	if k.Problems != nil {
		w.Problems = func(o O, want, have connection.State) []connection.Problem {
			defer h.reading("Problems", o, want, have)()
			return k.Problems(o, want, have)
		}
	}
	if k.Rotating != nil {
		w.Rotating = func(o O, want, have connection.State) (reason, message string) {
			defer h.reading("Rotating", o, want, have)()
			return k.Rotating(o, want, have)
		}
	}
	if k.Undo != nil {
		w.Undo = func(o O, refused connection.Step) *connection.Step {
			defer h.reading("Undo", o, refused)()
			return k.Undo(o, refused)
		}
	}
}

func watchedWriters[O v1alpha1.Connection, R any](h *hooks, k connection.Kind[O, R], w *connection.Kind[O, R]) {
	if k.Record != nil {
		w.Record = func(o O, was connection.Record, e connection.Event[R]) connection.Record {
			defer h.reading("Record", o, was, e)()
			return k.Record(o, was, e)
		}
	}
	if k.Remember != nil {
		w.Remember = func(o O, e connection.Event[R]) {
			defer h.reading("Remember", e)()
			defer h.writing("Remember", o)()
			k.Remember(o, e)
		}
	}
	if k.Publish != nil {
		w.Publish = func(o O, r R, want connection.State) {
			defer h.reading("Publish", r, want)()
			defer h.writing("Publish", o)()
			k.Publish(o, r, want)
		}
	}
}

func watchedSettings[O, R any](h *hooks, table []connection.Setting[O, R]) []connection.Setting[O, R] {
	settings := slices.Clone(table)
	for i, s := range table {
		if s.Wanted != nil {
			settings[i].Wanted = func(o O, in connection.Inputs) (connection.Value, bool) {
				defer h.reading("Wanted", o, in)()
				return s.Wanted(o, in)
			}
		}
		settings[i].Seen = func(r R) connection.Value { defer h.reading("Seen", r)(); return s.Seen(r) }
	}
	return settings
}

// unwatched are the fields of a Kind that are no hooks, or say only where something is.
var unwatched = []string{"Common", "Recorded"}

// allCalled fails the test where a hook was never called, so that nothing was seen of it.
func (h *hooks) allCalled(kind any) {
	v := reflect.ValueOf(kind)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if v.Field(i).Kind() == reflect.Func && !v.Field(i).IsNil() && !slices.Contains(unwatched, name) && !h.called[name] {
			h.t.Errorf("%s was never called", name)
		}
	}
	if !h.called["Wanted"] || !h.called["Seen"] {
		h.t.Errorf("of the settings only these were called: %v", h.called)
	}
}

// lives takes a connection through much that may happen to it, while the hooks of its kind are watched.
func lives[O v1alpha1.Connection, R any](t *testing.T, random *rand.Rand, s *Stage[O, R], h *hooks, edit func()) {
	t.Helper()
	s.Kind = watched(h, s.Kind)
	for range 4 {
		edit()
		s.Lose = func(connection.Step) string { return Pick(random, "", "", "", "unsent", "unanswered") }
		for range 3 {
			s.Converge(t)
		}
		s.Lose = nil
		s.Converge(t)
		failsLater(s)
		outsidePasses(s, h)
		s.Remote.Drift(random)
	}
}

// failsLater has each step of the last pass fail as if it were the first.
func failsLater[O v1alpha1.Connection, R any](s *Stage[O, R]) {
	for _, step := range s.Log {
		o := CopyOf(s.Held)
		s.Kind.Note(o, connection.Event[R]{Type: connection.StepBegins, Remote: s.Shows(), Step: &step, Now: Noon})
		s.Kind.Note(o, connection.Event[R]{Type: connection.StepFailed, Step: &step, Refusal: Rejection("too_many"), Now: Noon})
		if s.Kind.Undo != nil {
			s.Kind.Undo(o, step)
		}
	}
}

// outsidePasses calls what is called before the passes of a connection, and after them.
func outsidePasses[O v1alpha1.Connection, R any](s *Stage[O, R], h *hooks) {
	o, r := CopyOf(s.Held), s.Shows()
	s.Kind.References(o)
	s.Kind.Candidate(o, r)
	s.Kind.Body(o)
	s.Kind.Warn(o, CopyOf(s.Held))
	s.Kind.Ends(o)
	s.Kind.DueAt(o)
	if s.Kind.MissingToActivate != nil {
		s.Kind.MissingToActivate(r)
	}
	record := connection.Record{
		Project: "p", Organization: "o", ID: "i", Keys: []v1alpha1.EncryptionKeyStatus{{PrivateKeyID: "k"}},
		Metadata: &v1alpha1.MetadataStatus{MetadataURL: "m"}, Discovered: &v1alpha1.DiscoveredStatus{Issuer: "d"},
	}
	defer h.writing("WriteRecord", o)()
	s.Kind.WriteRecord(o, record)
}

// writers are the fields of status that each writer changes. No field has two, and of those that every kind has none is Remember's or
// Publish's.
type writers struct{ remember, publish, record string }

func (h *hooks) wroteOnly(w writers) {
	for writer, fields := range map[string]string{"Remember": w.remember, "Publish": w.publish, "WriteRecord": "ConnectionID OrganizationID ProjectID metadata " + w.record} {
		slices.Sort(h.wrote[writer])
		want := strings.Fields(fields)
		slices.Sort(want)
		Same(h.t, "what "+writer+" writes", strings.Join(h.wrote[writer], " "), strings.Join(want, " "))
	}
}

// editToken edits a manifest into any other, and asks for something about the token.
func editToken(random *rand.Rand, s *Stage[*v1alpha1.SCIMConnection, stytch.SCIMConnection]) {
	s.Held.Spec = RandomSCIM(random).Spec
	s.Held.Spec.BearerToken.Rotation = Pick(random, nil, AcknowledgedRotation(), AutomaticRotation())
	s.Held.Spec.BearerToken.SecretTemplate = RandomTemplate(random)
	if len(s.Held.Spec.GroupImplicitRoles) > 0 {
		s.Held.Spec.GroupImplicitRoles = append(s.Held.Spec.GroupImplicitRoles, v1alpha1.SCIMGroupRole{GroupName: Pick(random, "Engineering", "Ops"), Role: "viewer"})
	}
	s.Remote.Groups = Among(random, []stytch.SCIMGroup{{ID: "g1", Name: "Engineering"}, {ID: "g3", Name: "Ops"}, {ID: "g4", Name: "Ops"}}, 0, 3)
	s.Held.Annotations = map[string]string{
		v1alpha1.AnnotationRotateToken:      s.Remote.Token.LastFour + Pick(random, "", "-1", "-2"),
		v1alpha1.AnnotationAcknowledgeToken: Pick(random, "", s.Remote.Token.Next),
		v1alpha1.AnnotationCancelRotation:   Pick(random, "", "", s.Remote.Token.Next),
	}
}

func TestWhatOnlyDecidesChangesNothingAndEachWriterOnlyItsPart(t *testing.T) {
	t.Parallel()
	t.Run("SAML", func(t *testing.T) {
		h := newHooks(t)
		for seed := range int64(60) {
			random := rand.New(rand.NewSource(seed))
			s, beside := NewSAML(random, AnyRemote(random))
			lives(t, random, s, h, func() {
				EditSAML(random, s.Held, beside)
				if s.Held.Spec.MetadataURL == "" && Maybe(random) {
					EditCertificates(random, s, beside)
				}
				for Maybe(random) {
					_ = s.Remote.Place(Pick(random, OtherCertificates()...), false)
				}
			})
		}
		h.allCalled(saml.Kind())
		h.wroteOnly(writers{
			"AddingEncryptionKey FreedCertificate RefusedCertificate SigningKeySentAt", "ACSURL AudienceURI SigningCertificates VerificationCertificates", "EncryptionKeys FromMetadata",
		})
	})
	t.Run("OIDC", func(t *testing.T) {
		h := newHooks(t)
		for seed := range int64(30) {
			random := rand.New(rand.NewSource(seed))
			s, beside := AnyOIDC(random)
			lives(t, random, s, h, func() { EditOIDC(random, s.Held, beside) })
		}
		h.allCalled(oidc.Kind())
		h.wroteOnly(writers{"ClientSecret ClientSecretKey Discovering LastHandledRetryDiscovery", "RedirectURL", "Discovered"})
	})
	t.Run("External", func(t *testing.T) {
		h := newHooks(t)
		for seed := range int64(30) {
			random := rand.New(rand.NewSource(seed))
			s := AnyExternal(random, Maybe(random))
			lives(t, random, s, h, func() { EditExternal(random, s.Held) })
		}
		h.allCalled(external.Kind())
		h.wroteOnly(writers{remember: "Source"})
	})
	t.Run("SCIM", func(t *testing.T) {
		h := newHooks(t)
		for seed := range int64(30) {
			random := rand.New(rand.NewSource(seed))
			s := NewSCIM(random, AnyRemote(random))
			s.Remote.Token, s.Remote.Secret = RemoteToken{LastFour: "wxyz"}, Pick(random, nil, SecretWith(SCIMID, "some-token-wxyz").Secrets["acme-scim"])
			lives(t, random, s, h, func() { editToken(random, s) })
		}
		h.allCalled(scim.Kind())
		h.wroteOnly(writers{"BearerToken", "BaseURL Groups", ""})
	})
}

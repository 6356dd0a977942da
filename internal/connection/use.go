package connection

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// Uses says that deleting a manifest takes the credentials of its StytchProject: its connection goes with it, and it may have one or
// may get one yet. So the StytchProject has to be there as long as the manifest is.
func Uses(o v1alpha1.Connection) bool {
	ended := !o.GetDeletionTimestamp().IsZero() && !slices.Contains(o.GetFinalizers(), v1alpha1.Finalizer)
	return !Retains(o) && !ended
}

// User is a manifest that uses a StytchProject in this way.
type User struct {
	Kind, Name string
	// Leaving says that the manifest is being deleted.
	Leaving bool
}

// maxUsers is how many users a message names.
const maxUsers = 10

// inUse says which users keep a StytchProject that is being deleted, those first that nobody has deleted, and whether there are such:
// then somebody has to act.
func inUse(users []User) (message string, waits bool) {
	users = slices.SortedFunc(slices.Values(users), func(a, b User) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	staying := slices.IndexFunc(users, func(u User) bool { return u.Leaving })
	if staying < 0 {
		staying = len(users)
	}
	message = fmt.Sprintf("The StytchProject is kept until the connections with deletionPolicy: Delete are deleted in Stytch: %s.", named(users))
	if staying == 0 {
		return message, false
	}
	return join(message, fmt.Sprintf("Delete these manifests, or set their deletionPolicy to Retain: %s.", named(users[:staying]))), true
}

func rank(u User) int {
	if u.Leaving {
		return 1
	}
	return 0
}

// named names users, and says how many more there are.
func named(users []User) string {
	var names []string
	for _, u := range users[:min(len(users), maxUsers)] {
		names = append(names, u.Kind+" "+u.Name)
	}
	if more := len(users) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

package controllers

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// keptVersions is how many versions of a Secret with one value are remembered: the one that was sent, and the latest ones.
const keptVersions = 4

// knownValue is what the process remembers of a value in a Secret: a hash, whose key exists in this process only, and the versions of the
// Secret that had the value.
type knownValue struct {
	hash     [sha256.Size]byte
	versions []v1alpha1.Input
}

// unchanged notes the value that an entry of a manifest names, and says whether the Secret had it in an earlier version too.
func (m *memory) unchanged(uid types.UID, entry connection.KeyRef, secret *corev1.Secret, was v1alpha1.Input) bool {
	now := connection.InputOf(connection.KindSecret, secret.ObjectMeta)
	hash := m.keyedHash(entry.Key, secret.Data[entry.Key])
	var same bool
	m.update(uid, func(o *objectMemory) {
		known := o.values[entry.Path]
		if known.hash != hash {
			known = knownValue{hash: hash}
		}
		same = slices.Contains(known.versions, was)
		if !slices.Contains(known.versions, now) {
			known.versions = append(slices.Clone(known.versions), now)
		}
		if len(known.versions) > keptVersions {
			known.versions = slices.Delete(known.versions, 1, 2)
		}
		if o.values == nil {
			o.values = map[string]knownValue{}
		}
		o.values[entry.Path] = known
	})
	return same
}

// keyedHash is a hash of a value under a key of a Secret that means nothing outside this process.
func (m *memory) keyedHash(key string, value []byte) (sum [sha256.Size]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hashKey == nil {
		m.hashKey = []byte(rand.Text())
	}
	mac := hmac.New(sha256.New, m.hashKey)
	mac.Write([]byte(key + "\x00"))
	mac.Write(value)
	mac.Sum(sum[:0])
	return sum
}

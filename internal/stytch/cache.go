package stytch

import (
	"sync"
	"time"
)

// idleTTL is how long an observation stays in the cache after its last use.
const idleTTL = 24 * time.Hour

// cacheKey identifies an observation. The reader is part of it, as its credentials
// and, where calls are made in a member's name, who gives the session: what was read
// with one secret is not shown to the holder of another, and what the project's secret
// alone may read is not shown to a member.
type cacheKey struct {
	baseURL string
	reader  [32]byte
	name    string // organization ID, slug or external ID; for groups also the connection ID; "" for the project
}

// cache holds the observations of one type.
type cache[T any] struct {
	mu      sync.Mutex
	entries map[cacheKey]*observation[T]
	sweptAt time.Time
}

func (c *cache[T]) observation(now time.Time, key cacheKey) *observation[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sweep(now)
	o, found := c.entries[key]
	if !found {
		if c.entries == nil {
			c.entries = map[cacheKey]*observation[T]{}
		}
		o = &observation[T]{lock: newLock()}
		c.entries[key] = o
	}
	o.usedAt = now
	return o
}

// sweep drops observations of credentials and organizations that are no longer used.
func (c *cache[T]) sweep(now time.Time) {
	if now.Sub(c.sweptAt) < time.Hour {
		return
	}
	c.sweptAt = now
	for key, o := range c.entries {
		if now.Sub(o.usedAt) > idleTTL {
			delete(c.entries, key)
		}
	}
}

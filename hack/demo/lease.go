package main

import (
	"context"
	"fmt"
	"time"
)

// leaseTerm is how long a lease stands that nobody renews: controller-runtime's default.
const leaseTerm = 15 * time.Second

// leaseNow reads the lease of the managers.
func (p *parts) leaseNow(ctx context.Context) (object, error) {
	list, err := p.kubectl.list(ctx, "lease", "-n", systemNamespace)
	for _, o := range list {
		if o.Metadata.Name == lease {
			return o, err
		}
	}
	return object{}, err
}

// awaitLease waits until another manager than the one before holds the lease, and so may act.
func (p *parts) awaitLease(ctx context.Context, before object) error {
	return p.await(ctx, "the new manager to have the lease", leaseTerm+10*time.Second, func(ctx context.Context) (string, bool, error) {
		is, err := p.leaseNow(ctx)
		holder := is.Spec.HolderIdentity
		seen := fmt.Sprintf("renewed %s ago", time.Since(is.Spec.RenewTime).Truncate(time.Second))
		return seen, holder != "" && holder != before.Spec.HolderIdentity, err
	})
}

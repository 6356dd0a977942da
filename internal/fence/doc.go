// Package fence keeps a process that may no longer be the leader from changing anything in Stytch.
//
// Leader election alone does not: client-go starts a fresh renew deadline when a process wakes that was stopped, so that an old
// leader works on next to the new one for about ten seconds. Other processes wait for the whole lease duration, counted from a
// renewal that they have seen, before they take the lease. So a process whose last successful renewal began less than the renew
// deadline ago, which is shorter, is the only leader, however long it was stopped in between.
//
//	client-go ── Get, Create, Update ──▶ Fence ──▶ Lease
//	                                       │
//	stytch, before a call that changes ── May ──▶ sent, or *stytch.NotYet until the next renewal
//	controllers, before a pass ────────── Begin ▶ a pass in flight, or none
//	main ──────────────────────────────── Lost ─▶ stop, Drain what is in flight, exit
//
// It knows nothing of connections, and decides nothing about who the leader is: client-go does.
package fence

package controllers

import (
	"context"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// questions are when this process was brought what the manifest asks.
func (p *pass[O, R]) questions() connection.Questions {
	return p.shared.memory.of(p.o.GetUID()).questions
}

// takeRequest has this pass be the resync that an annotation requests.
func (p *pass[O, R]) takeRequest() error {
	if connection.ResyncRequested(p.o) == "" {
		return nil
	}
	return p.ask(p.questions().Requested)
}

// ask has this pass use only lists that were begun at or after a question. If the organization was listed shortly before the
// question, the pass is repeated once another list may be begun, so that whoever asks meanwhile shares it.
func (p *pass[O, R]) ask(question time.Time) error {
	if !question.After(p.since) {
		return nil
	}
	p.since = question
	if listed := p.latestListAt(); listed.Before(question) {
		if at, may := connection.MayAsk(listed, p.now); !may {
			return &stytch.NotYet{At: at}
		}
	}
	return nil
}

// rests says that the first pass of a manifest in this process leaves it as status says. A restart then adds no call.
func (p *pass[O, R]) rests(ctx context.Context) bool {
	known := p.shared.memory.of(p.o.GetUID())
	return known.listedAt.IsZero() && !known.claimsMoved && !p.slots.Due(p.listedAt(), p.now) && known.questions.Rest(p.base, p.holder(ctx))
}

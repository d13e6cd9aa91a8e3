package suncotest

import "github.com/sunco-go/sunco/suncotest/internal/wire"

// emit is told that something happened in an app that webhooks may want to hear
// of. The mutex is held.
func (p *Platform) emit(appID, trigger string, payload wire.Payload) {
	if a := p.state.byApp(appID); a != nil && a.installed != nil {
		p.hooks.Tell(appID, a.installed.id, trigger, payload)
	}
}

package suncotest

// payloadFor is a payload that depends on what a webhook asked for: whole users
// with includeFullUser, short ones without it.
type payloadFor func(includeFullUser, includeFullSource bool) any

// emit is told that something happened in an app that webhooks may want to hear
// of. The mutex is held, so that events are told in the order in which they
// happened, and emit does not wait.
func (p *Platform) emit(appID, trigger string, payload payloadFor) {
	a := p.state.byApp(appID)
	if a == nil || a.installed == nil {
		return
	}
	_ = p.tell(a, []happening{{Event{Trigger: trigger}, payload}}) // the payloads are our own
}

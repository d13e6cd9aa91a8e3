package oauth

import (
	"maps"
	"net/http"

	"github.com/sunco-go/sunco/suncotest/internal/wire"
)

// wireApp is the app in token info.
type wireApp struct {
	ID          string          `json:"id"`
	DisplayName string          `json:"displayName"`
	Settings    map[string]bool `json:"settings"`
	Metadata    map[string]any  `json:"metadata"`
	Subdomain   string          `json:"subdomain,omitempty"`
}

// tokenInfo tells which app the token is good for.
func (s *Service) tokenInfo(c *wire.Call) wire.Reply {
	s.opts.Lock.Lock()
	a := s.byApp(c.AppID)
	app := wireApp{
		ID:          a.AppID,
		DisplayName: a.DisplayName,
		Settings: map[string]bool{
			"appLocalizationEnabled": true,
			"echoPostback":           false,
			"maskCreditCardNumbers":  true,
			"multiConvoEnabled":      false,
			"useAnimalNames":         false,
		},
		Metadata: maps.Clone(a.Metadata),
	}
	if a.Legacy == "" && !s.opts.NoSubdomain {
		app.Subdomain = a.Subdomain
	}
	s.opts.Lock.Unlock()
	return wire.OK(http.StatusOK, map[string]wireApp{"app": app}).With("Cache-Control", "no-store")
}

package sunco_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

func TestDownload(t *testing.T) {
	const own = acmeBase + "/attachments/v2/01JK/my_file.jpeg"
	for name, test := range map[string]struct {
		url    string
		bearer bool
	}{
		"an attachment of the customer's": {own, true},
		"with a query":                    {own + "?download=1", true},
		"an escaped name":                 {acmeBase + "/attachments/v2/01JK/a%20b.jpeg", true},
		"another customer's":              {"https://other.zendesk.com/sc/attachments/v2/01JK/x", false},
		"a storage service":               {"https://media.example/x?signature=1", false},
		"over plain HTTP's port":          {"https://acme.zendesk.com:80/sc/attachments/v2/x", false},
		"an endpoint":                     {acmeBase + "/v2/apps/1/integrations/me/webhooks", false},
		"an endpoint by dots":             {acmeBase + "/attachments/../v2/apps/1/webhooks", false},
		"an endpoint by escaped dots":     {acmeBase + "/attachments/%2e%2e/v2/apps/1/webhooks", false},
		"an endpoint by escaped slashes":  {acmeBase + "/attachments/..%2f..%2fsc/v2/apps/1", false},
		"the list of attachments":         {acmeBase + "/attachments/", false},
		"the bridge":                      {"https://oauth-bridge.zendesk.com/sc/attachments/x", false},
		"a name that begins like it":      {"https://acme.zendesk.com.evil.example/sc/attachments/x", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := always(200, "bytes", "Content-Type", "image/jpeg")
			var out bytes.Buffer
			require.NoError(t, newClient(w).Download(t.Context(), acme(), test.url, &out))
			assert.Equal(t, "bytes", out.String())
			require.Len(t, w.requests(), 1)
			sent := w.requests()[0]
			assert.Equal(t, "GET "+test.url, sent.line())
			assert.Equal(t, test.bearer, sent.Header.Get("Authorization") != "")
			assert.Equal(t, test.bearer, len(sent.Header) > 1, "a stranger learns the agent only: %v", sent.Header)
		})
	}
}

func TestDownloadRefused(t *testing.T) {
	for _, mediaURL := range []string{
		"", "x", "/x", "//media.example/x", "http://media.example/x", "file:///etc/passwd", "https://", "https:///x",
		"ftp://media.example/x", "https://user:pass@acme.zendesk.com/sc/attachments/x", "https://a\nb/x",
	} {
		var out bytes.Buffer
		requireInput(t, "mediaUrl", newClient(silent(t)).Download(t.Context(), acme(), mediaURL, &out))
	}
	requireInput(t, "out", newClient(silent(t)).Download(t.Context(), acme(), "https://media.example/x", nil))
	requireInput(t, "installation", newClient(silent(t)).Download(t.Context(), nil, "https://media.example/x", nil))
}

// A stranger's answer says nothing about the customer or the token.
func TestDownloadStrangersAnswer(t *testing.T) {
	for _, status := range []int{401, 403, 404, 302} {
		w := always(status, `{"errors":[{"code":"unauthorized","title":"x"}]}`)
		err := newClient(w).Download(t.Context(), acme(), "https://media.example/x?signature=s3cret", new(bytes.Buffer))
		failed := requireError(t, err)
		assert.Equal(t, status, failed.Status)
		assert.Empty(t, failed.Code)
		assert.NotContains(t, err.Error(), "s3cret")
		for _, sentinel := range []error{
			sunco.ErrUnauthorized, sunco.ErrForbidden, sunco.ErrNotFound, sunco.ErrMoved,
		} {
			assert.False(t, errors.Is(err, sentinel), "%d %v", status, sentinel)
		}
	}
}

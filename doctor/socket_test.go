package doctor_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/suncotest"
)

// authorities are a root that the partner's machine trusts, an intermediate of it, and
// the certificate of partner.example by that.
type authorities struct {
	root, intermediate, leaf *x509.Certificate
	key                      *ecdsa.PrivateKey // of the leaf
}

func newAuthorities(t *testing.T, leafEnds time.Time) *authorities {
	t.Helper()
	issue := func(name string, ca bool, ends time.Time, parent *x509.Certificate, by *ecdsa.PrivateKey) (
		*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
			NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: ends, IsCA: ca, BasicConstraintsValid: true,
		}
		if parent == nil {
			parent, by = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
		require.NoError(t, err)
		cert, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		return cert, key
	}
	later := time.Now().Add(48 * time.Hour)
	root, rootKey := issue("Test Root", true, later, nil, nil)
	intermediate, key := issue("Test Intermediate", true, later, root, rootKey)
	leaf, leafKey := issue("partner.example", false, leafEnds, intermediate, key)
	return &authorities{root, intermediate, leaf, leafKey}
}

// TestSockets serves the target on a real socket, with real TLS. The name of the target
// leads to this machine, which is a finding of its own.
func TestSockets(t *testing.T) {
	tomorrow := time.Now().Add(24 * time.Hour)
	for name, test := range map[string]struct {
		ends      time.Time
		leafAlone bool
		stranger  bool // nobody trusts the root
		plain     bool // the port speaks HTTP
		want      string
		says      string
	}{
		"whole chain": {ends: tomorrow, want: "target-private", says: "partner.example leads to this machine"},
		"incomplete chain": {ends: tomorrow, leafAlone: true, want: "target-chain",
			says: `did not send the certificate of "Test Intermediate"`},
		"expired":           {ends: time.Now().Add(-time.Hour), want: "target-certificate", says: "partner.example"},
		"unknown authority": {ends: tomorrow, stranger: true, want: "target-certificate", says: "partner.example"},
		"no TLS":            {ends: tomorrow, plain: true, want: "target-unreachable", says: "partner.example"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPatient(t, suncotest.Behavior{})
			ca := newAuthorities(t, test.ends)
			chain := []*x509.Certificate{ca.leaf, ca.intermediate}
			if test.leafAlone {
				chain = chain[:1]
			}
			address := serve(t, p, ca.key, chain, test.plain)
			transport := p.Transport()
			t.Cleanup(transport.CloseIdleConnections)
			dial := transport.DialContext
			transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				if addr == "partner.example:443" {
					return new(net.Dialer).DialContext(ctx, network, address)
				}
				return dial(ctx, network, addr)
			}
			if !test.stranger {
				transport.TLSClientConfig.RootCAs.AddCert(ca.root)
			}
			p.checkup.Client = newClient(transport)
			got, err := p.checkup.Check(t.Context(), p.in)
			require.NoError(t, err)
			require.Equal(t, []string{test.want}, codes(got), "%+v", got)
			assert.Contains(t, got[0].Seen, test.says)
			p.assertFit(got, err)
		})
	}
}

// serve serves the patient's target on a socket, and returns its address.
func serve(t *testing.T, p *patient, key *ecdsa.PrivateKey, chain []*x509.Certificate, plain bool) string {
	t.Helper()
	server := httptest.NewUnstartedServer(p)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(server.Close)
	if plain {
		server.Start()
		return server.Listener.Addr().String()
	}
	cert := tls.Certificate{PrivateKey: key}
	for _, c := range chain {
		cert.Certificate = append(cert.Certificate, c.Raw)
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	server.StartTLS()
	return server.Listener.Addr().String()
}

// TestSandbox has a platform on this machine, which may call this machine over plain HTTP,
// and a Client without an HTTPClient.
func TestSandbox(t *testing.T) {
	p := newPatient(t, suncotest.Behavior{})
	platform := httptest.NewServer(p.Platform)
	t.Cleanup(platform.Close)
	partner := httptest.NewServer(p)
	t.Cleanup(partner.Close)
	p.checkup.Client = &sunco.Client{
		ClientID: suncotest.DefaultClientID,
		Domain:   strings.Replace(platform.Listener.Addr().String(), "127.0.0.1", "localhost", 1),
	}
	t.Cleanup(p.checkup.Client.CloseIdleConnections)
	p.checkup.Webhook.Target = partner.URL + "/zendesk/events"
	p.ensure()
	p.received = nil
	got, err := p.checkup.Check(t.Context(), p.in)
	require.NoError(t, err)
	assert.Empty(t, got)
	assert.Equal(t, []string{"HEAD /zendesk/events", "POST /zendesk/events"}, p.received)
}

// TestProxy has a proxy on this machine, whose address is not the target's.
func TestProxy(t *testing.T) {
	p := newPatient(t, suncotest.Behavior{})
	p.checkup.Webhook.Target = "http://partner.example/zendesk/events"
	p.ensure()
	proxy := httptest.NewServer(p)
	t.Cleanup(proxy.Close)
	transport := p.Transport()
	t.Cleanup(transport.CloseIdleConnections)
	transport.Proxy = func(r *http.Request) (*url.URL, error) {
		if r.URL.Hostname() == "partner.example" {
			return url.Parse(proxy.URL)
		}
		return nil, nil
	}
	p.checkup.Client = newClient(transport)
	got, err := p.checkup.Check(t.Context(), p.in)
	require.NoError(t, err)
	assert.Equal(t, []string{"target-plain-http"}, codes(got))
}

package sunco_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

// The package's own transport dials names under localhost at this machine and
// speaks TLS to all but localhost itself, so that test.localhost is a whole
// realm on real sockets. Only the certificate has to be trusted, and the
// system's pool is read once: hence TestMain.
const localRealm = "test.localhost"

var localCertificate tls.Certificate

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sunco")
	if err != nil {
		log.Fatal(err)
	}
	if localCertificate, err = makeCertificate(filepath.Join(dir, "ca.pem")); err != nil {
		log.Fatal(err)
	}
	os.Setenv("SSL_CERT_FILE", filepath.Join(dir, "ca.pem"))
	os.Setenv("SSL_CERT_DIR", dir)
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func makeCertificate(file string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: localRealm},
		DNSNames:     []string{"*." + localRealm},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, os.WriteFile(file, encoded, 0o600)
}

// localServer counts the TLS handshakes made with it.
type localServer struct {
	handshakes atomic.Int64
	client     *sunco.Client
}

func newLocalServer(t *testing.T, h2 bool, handler http.HandlerFunc) *localServer {
	t.Helper()
	if runtime.GOOS != "linux" && !strings.HasSuffix(runtime.GOOS, "bsd") {
		t.Skip("SSL_CERT_FILE is not read on " + runtime.GOOS)
	}
	s := &localServer{}
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = h2
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{localCertificate},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			s.handshakes.Add(1)
			return nil, nil
		},
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	s.client = &sunco.Client{
		ClientID: "shoplifter", ClientSecret: sunco.NewSecret("client-s3cret"), Domain: localRealm + ":" + port,
	}
	t.Cleanup(s.client.CloseIdleConnections)
	return s
}

func customer(i int) *sunco.Installation {
	in := acme()
	in.Subdomain = fmt.Sprintf("customer-%d", i)
	return in
}

// answerLikeZendesk gives every call its reply, and faults by app id.
func answerLikeZendesk(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	switch {
	case strings.HasSuffix(r.URL.Path, "/missing"):
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, errorBody)
	case strings.HasSuffix(r.URL.Path, "/page"):
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, strings.Repeat("<p>no</p>", 1000))
	case strings.HasSuffix(r.URL.Path, "/broken"):
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, errorBody)
	case r.Method == http.MethodDelete:
		_, _ = io.WriteString(w, "{}")
	case strings.HasSuffix(r.URL.Path, "/oauth/token"):
		_, _ = io.WriteString(w, tokenReply)
	case strings.HasSuffix(r.URL.Path, "/tokenInfo"):
		_, _ = io.WriteString(w, tokenInfoReply)
	case strings.HasSuffix(r.URL.Path, "/webhooks") && r.Method == http.MethodGet:
		_, _ = io.WriteString(w, webhooksReply)
	default:
		_, _ = io.WriteString(w, webhookReply)
	}
}

// steady counts up to three times, until the count is as wanted: net/http gives a
// connection up when the machine stalls for 50 ms after a request was written.
func steady(want int64, count func() int64) (got int64) {
	for range 3 {
		if got = count(); got == want {
			break
		}
	}
	return got
}

func TestSequentialCallsShareAConnection(t *testing.T) {
	t.Parallel()
	for _, h2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("h2=%t", h2), func(t *testing.T) {
			t.Parallel()
			assert.EqualValues(t, 1, steady(1, func() int64 {
				s := newLocalServer(t, h2, answerLikeZendesk)
				for i := 0; i < 1000 && s.handshakes.Load() < 50; i++ {
					callNumber(t, s.client, i)
				}
				return s.handshakes.Load()
			}))
		})
	}
}

// callNumber makes one of a thousand calls of all kinds.
func callNumber(t *testing.T, c *sunco.Client, i int) {
	in, ctx, fails := customer(1), t.Context(), false
	var err error
	switch i % 8 {
	case 0:
		_, err = c.ListWebhooks(ctx, in)
	case 1:
		err = c.DeleteWebhook(ctx, in, testHook)
	case 2:
		_, err = c.GetWebhook(ctx, in, "missing")
		fails = true
	case 3:
		_, err = c.CreateWebhook(ctx, in, wantedHook())
	case 4:
		err = c.Do(ctx, in, &sunco.Call{Path: "/page", Out: io.Discard})
		fails = true
	case 5:
		err = c.Do(ctx, in, &sunco.Call{Method: "PUT", Path: "/x", Body: []string{strings.Repeat("a", 50_000)}})
	case 6:
		path := "/x"
		if fails = i%400 == 6; fails {
			path = "/broken"
		}
		err = c.Do(ctx, in, &sunco.Call{Path: path})
	case 7:
		err = c.Do(ctx, in, &sunco.Call{Method: "HEAD", Path: "/x"})
	}
	if fails {
		requireError(t, err)
	} else {
		require.NoError(t, err)
	}
}

func TestAnExchangeHasAConnectionOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newLocalServer(t, true, answerLikeZendesk)
	for range 5 {
		_, err := s.client.TokenInfo(t.Context(), acme().Token)
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, s.handshakes.Load())
	for range 5 {
		_, err := s.client.Exchange(t.Context(), sunco.NewSecret(testCode))
		require.NoError(t, err)
	}
	assert.EqualValues(t, 6, s.handshakes.Load(), "never a kept-alive one")
}

func TestConcurrentCallsShareConnections(t *testing.T) {
	t.Parallel()
	for _, h2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("h2=%t", h2), func(t *testing.T) {
			t.Parallel()
			s := newLocalServer(t, h2, answerLikeZendesk)
			in := customer(1)
			var group sync.WaitGroup
			for range 32 {
				group.Go(func() {
					for range 30 {
						_, err := s.client.ListWebhooks(t.Context(), in)
						assert.NoError(t, err)
					}
				})
			}
			group.Wait()
			assert.LessOrEqual(t, s.handshakes.Load(), int64(64))
		})
	}
}

func TestEveryCustomerKeepsItsConnection(t *testing.T) {
	t.Parallel()
	const customers = 300
	for _, h2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("h2=%t", h2), func(t *testing.T) {
			t.Parallel()
			assert.EqualValues(t, customers, steady(customers, func() int64 {
				s := newLocalServer(t, h2, answerLikeZendesk)
				for range 2 {
					for i := range customers {
						_, err := s.client.ListWebhooks(t.Context(), customer(i))
						require.NoError(t, err)
					}
				}
				return s.handshakes.Load()
			}))
		})
	}
}

func TestCloseIdleConnections(t *testing.T) {
	t.Parallel()
	s := newLocalServer(t, true, answerLikeZendesk)
	for range 2 {
		_, err := s.client.ListWebhooks(t.Context(), customer(1))
		require.NoError(t, err)
		s.client.CloseIdleConnections()
	}
	assert.EqualValues(t, 2, s.handshakes.Load())
}

func TestWrongCertificate(t *testing.T) {
	t.Parallel()
	s := newLocalServer(t, true, answerLikeZendesk)
	in := acme()
	c := &sunco.Client{Domain: "other." + s.client.Domain, ClientID: "x", ClientSecret: sunco.NewSecret("y")}
	t.Cleanup(c.CloseIdleConnections)
	began := time.Now()
	_, err := c.ListWebhooks(t.Context(), in)
	var failed *sunco.Error
	require.ErrorAs(t, err, &failed)
	assert.ErrorAs(t, err, new(*tls.CertificateVerificationError))
	_, err = c.Exchange(t.Context(), sunco.NewSecret(testCode))
	require.Error(t, err)
	assert.False(t, ambiguous(err), "the code was not sent")
	assert.EqualValues(t, 2, s.handshakes.Load(), "and it is not tried again")
	assert.Less(t, time.Since(began), 5*time.Second)
}

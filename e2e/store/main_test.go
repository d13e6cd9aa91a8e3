package store_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/e2e/engine"
)

// cycles is how often a process is killed on each engine.
var cycles = flag.Int("cycles", 20, "kills on each engine")

const childVariable = "SUNCO_STORE_CHILD" // set in the processes that the tests start

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		if err := runChild(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == flag.Lookup("test.parallel").DefValue {
		_ = flag.Set("test.parallel", "8") // they wait more than they compute
	}
	code := m.Run()
	engine.Close()
	os.Exit(code)
}

func TestVersions(t *testing.T) {
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		d := e.New(t)
		version, err := d.Version(t.Context(), d.Open(t))
		require.NoError(t, err)
		t.Log(version)
		require.NoError(t, d.Integrity(t.Context(), d.Open(t)))
	})
}

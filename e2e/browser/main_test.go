package browser_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// The programs and the browser are the same for all tests, and made when the first
// one needs them.
var (
	workDir     string
	endBrowser  = func() {}
	chromium    = sync.OnceValues(startChromium)
	programs    = sync.OnceValue(build)
	errNoBinary = errors.New("not run: chromium is not installed")
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sunco-browser-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	workDir = dir
	defer func() { _ = os.RemoveAll(dir) }()
	defer func() { endBrowser() }()
	return m.Run()
}

// build makes the programs, each in its own module.
func build() error {
	for _, name := range []string{"shoplifter", "sandbox", "bot"} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(workDir, name), ".")
		cmd.Dir, cmd.Env = "../../examples/"+name, append(os.Environ(), "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", name, err, out)
		}
	}
	return nil
}

// startChromium starts a browser that reaches this machine and nothing else.
func startChromium() (context.Context, error) {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		return nil, errNoBinary
	}
	alloc, endProcess := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.WindowSize(int(desktop.width), int(desktop.height)),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-extensions", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1"),
	)
	ctx, closeBrowser := chromedp.NewContext(alloc)
	endBrowser = func() {
		_ = chromedp.Cancel(ctx) // it ends in any case
		closeBrowser()
		endProcess()
	}
	stop := time.AfterFunc(time.Minute, closeBrowser)
	defer stop.Stop()
	return ctx, chromedp.Do(ctx)
}

// browser returns the browser, or skips the test where there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	ctx, err := chromium()
	if errors.Is(err, errNoBinary) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err == nil {
		err = programs()
	}
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

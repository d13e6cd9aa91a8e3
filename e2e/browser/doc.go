// Package browser drives examples/shoplifter, as a program with its embedded
// platform, in a real headless Chromium: what people do with it, and what browsers
// do on their own. It has only tests. They need Chromium and are skipped without
// it, but not where the environment variable CI is set.
//
// Time is the one thing that cannot be driven here: that a flow ends after ten
// minutes is tested in the root module on a virtual clock. What a browser does
// then, which is to come back without the flow's cookie, is tested here.
//
// Every page that is looked at is searched for secrets, along with every address,
// header and line of output. Console messages, violations of the content security
// policy, other hosts and pages that are too wide for a phone fail the test. With
// the environment variable SUNCO_SCREENSHOTS, pictures of the pages are written to
// that directory, one for a phone and one for a desktop.
package browser

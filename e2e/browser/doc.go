// Package browser drives examples/shoplifter and examples/bot, as programs with their
// embedded platform, in a real headless Chromium: what people do with them, and what
// browsers do on their own. It has only tests. They need Chromium and are skipped without
// it, but not where the environment variable CI is set.
//
// Time is the one thing that cannot be driven here: that a flow ends after ten
// minutes is tested in the root module on a virtual clock. What a browser does
// then, which is to come back without the flow's cookie, is tested here.
//
// The HTML of every page that is looked at and everything the programs write are
// searched for tokens, webhook secrets, codes, states and, where the test knows it,
// the client secret; the embedded platform keeps its own to itself. Addresses and
// headers are searched for the same but codes and states. Console messages,
// violations of the content security policy, other hosts and pages that are too wide
// for a phone fail the test. With the environment variable SUNCO_SCREENSHOTS, pictures
// of the pages on several screens are written to that directory.
package browser

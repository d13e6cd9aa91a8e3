// Package node runs shoplifter.mjs, which makes the requests that Zendesk's public
// sample application makes, against the sandbox. It has only tests.
package node

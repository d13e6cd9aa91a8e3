package main

// help is what -h prints.
const help = `Shoplifter is a complete partner application for Zendesk's Sunshine Conversations.
Customers connect it to their account and disconnect it. It sends a test message and
shows what the webhook delivers.

Usage: go run ./examples/shoplifter [-insecure-cookie]

Without configuration, Shoplifter starts a fake platform in the same process and
prints one address to open. It needs no account and no network. The fake platform
forgets everything when the program ends. Connections in the file from an earlier run
are then dead; the next start deletes them and says so on the front page.

To use Zendesk itself, set these environment variables:

  OAUTH_CLIENT_ID             the partner's client id; required
  OAUTH_CLIENT_SECRET         the partner's client secret; required
  PUBLIC_URL                  the address at which Zendesk and browsers reach this
                              program: https://bot.example.com, without a path.
                              Register PUBLIC_URL/zendesk/install as the redirect URL
                              and PUBLIC_URL/zendesk/removed as the remove URL.
  ZENDESK_MARKETPLACE_NAME    sent with every request
  ZENDESK_MARKETPLACE_ORG_ID  sent with every request
  ZENDESK_MARKETPLACE_APP_ID  sent with every request, as the bot id
  ZENDESK_DOMAIN              default zendesk.com. Use localhost:8484 for a sandbox
                              started with "go run ./examples/sandbox".

Without PUBLIC_URL, Shoplifter has no webhook and receives nothing, and its pages
answer on this machine only. Register the printed address with zendesk/install as the
first redirect URL then. A sandbox on localhost needs no PUBLIC_URL.

These variables are always read:

  PORT        the port to listen on; default 3000. 0 chooses a free port.
  HOST        the address to listen on; default 127.0.0.1
  STORE_FILE  the file for the connections and their tokens, which only you can read.
              The default is a file for each platform in the directory shoplifter
              in your configuration directory. One process at a time may use it.

Flags:

  -insecure-cookie  for browsers that accept no Secure cookies on http://localhost
                    (Safari); refused when PUBLIC_URL is https
  -h                print this text

A connection that was interrupted keeps its token in the file. The next start, or the
button on the front page, completes it.

Shoplifter has no login. Everyone who can open its pages can see and end every
connection and read the latest messages. Put a login in front of the pages before you
set PUBLIC_URL. This example was not tested against Zendesk itself.

When Shoplifter is ready, it prints "shoplifter: open " and the address. SIGINT and
SIGTERM end it after the requests in progress, which takes at most two minutes. A
second signal ends it at once.
`

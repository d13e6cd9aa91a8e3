package main

// help is what -h prints.
const help = `shoplifter is a small, complete partner application for Zendesk's Sunshine
Conversations: customers connect it and disconnect it, it sends a test message, and
it shows what the webhook brings.

Usage: go run ./examples/shoplifter [-insecure-cookie]

With nothing configured it starts a fake platform beside itself, prints one address
to open, and everything works by clicking. It needs no account and no network. The
fake platform forgets everything when the program ends; connections left in the file
from an earlier run are dead then, and are forgotten at the next start, which the
front page says.

Against Zendesk itself, these environment variables are read:

  OAUTH_CLIENT_ID             the partner's client id; required
  OAUTH_CLIENT_SECRET         the partner's client secret; required
  PUBLIC_URL                  where Zendesk and browsers reach this program, like
                              https://bot.example.com, without a path. Register
                              PUBLIC_URL/zendesk/install as the redirect URL and
                              PUBLIC_URL/zendesk/removed as the remove URL. Without
                              it, and unless ZENDESK_DOMAIN is localhost, there is no
                              webhook and so no delivery; pages answer on this machine
                              only; and Zendesk sends browsers to the first redirect
                              URL that is registered, which has to be the printed
                              address with zendesk/install.
  ZENDESK_MARKETPLACE_NAME    ┐
  ZENDESK_MARKETPLACE_ORG_ID  ├ sent with every request
  ZENDESK_MARKETPLACE_APP_ID  ┘ the last one as Bot-Id
  ZENDESK_DOMAIN              default zendesk.com; localhost:8484 is a sandbox that
                              was started with "go run ./examples/sandbox"

and in both cases:

  PORT        where to listen; default 3000. 0 takes a free one.
  HOST        the address to listen on; default 127.0.0.1
  STORE_FILE  where the connections are kept, tokens included, readable by you only;
              default is a file for each platform in shoplifter/ in your
              configuration directory. One process at a time may use it.

  -insecure-cookie  for browsers that take no Secure cookies on http://localhost
                    (Safari); refused when PUBLIC_URL is https
  -h                this text

It signs nobody in: whoever reaches its pages can see and end every connection, and
read the latest messages. It listens on this machine only; put a login in front of
the pages before PUBLIC_URL leads anybody else to them. Nothing here was tried
against Zendesk itself.

The line "shoplifter: open " and the address follow on stdout when it is ready.
SIGINT and SIGTERM end the program when the requests under way are answered, after
95 s at most; a second one ends it at once.
`

package main

// help is what -h prints.
const help = `sandbox plays the platform side of Zendesk's Sunshine Conversations partner OAuth
on this machine: the bridge with its consent page, the customers' hosts with their
webhooks, and the customer who removes the integration. Point a client in any
language at it. It needs no account and no network, keeps everything in memory and
forgets it when it ends. It was written from published documents and has never been
compared with Zendesk itself.

Usage: go run ./examples/sandbox [flags]

  -addr HOST:PORT       where to listen; default 127.0.0.1:8484. Port 0 takes a free
                        one. Anything but a loopback address lets others in.
  -client-id ID         the partner's client id; default shoplifter
  -client-secret TEXT   the partner's client secret; default sandbox-secret
  -redirect-uri URL     a registered redirect URI, compared byte for byte; may be
                        repeated, and the first is used when authorize names none.
                        Without this flag any URI on a loopback address or under
                        localhost will do, and http://localhost/callback is used when
                        authorize names none.
  -remove-url URL       called by POST {"appId","integrationId"} when an integration is
                        removed; must be on this machine. Without it nothing is called.
  -subdomain NAME       a customer; may be repeated; default acme
  -approve              authorize redirects at once, for the first customer, instead
                        of showing the consent page
  -tls                  speak https, with a certificate made for each name or address
                        that a client asks for
  -ca-file PATH         with -tls: write the certificate of the authority behind those
                        certificates to this file. It is a new one in every run.
  -h                    this text

What a receiver of deliveries has to bear:
  -delivery-copies N             each delivery N times more, under the same event ids
  -delivery-doubled              each event twice in its delivery, under one id
  -delivery-reordered            the order of events and of deliveries turned around
  -delivery-serial               one request at a time to a webhook, instead of 64
  -delivery-wrong-key            a key that is not the webhook's secret
  -delivery-retry-interval TIME  from the first attempt to the second, like 5s; default
                                 1m. It doubles every time. There are five attempts,
                                 none later than 15 minutes after the first.

The first line on stdout is "sandbox: ready at " and the base URL. One line for each
request follows on stderr, without queries, headers and bodies. SIGINT and SIGTERM
end the program.

Hosts: the Host header decides who answers under /sc.
  127.0.0.1, any other address, localhost     every route
  oauth-bridge.ANYTHING                       authorize, token, token info
  acme.ANYTHING                               that customer: webhooks, revoke
Without -tls, ANYTHING has to be localhost and other names get 403, because a foreign
site can point a name of its own here. With -tls it is anything: a browser that such
a site leads here does not trust the certificate, unless it was told to.
A client that has a setting for the domain gets localhost:8484. One that insists on
https gets a domain of your choice, with -tls and lines in /etc/hosts.

Pages: http://127.0.0.1:8484/ shows accounts, installations, webhooks, deliveries and
the latest requests. There a person can uninstall, write to an account as one of its
end users, and make any event happen. It answers to addresses and to names under
localhost.

The flow with curl. Each line works as it stands, in this order and in one shell,
while "go run ./examples/sandbox -approve" runs in another:

  1. The customer allows. (Without -approve, open that URL in a browser and take the
     code from the address it ends at.)
     CODE=$(curl -s -o /dev/null -w '%{redirect_url}' 'http://127.0.0.1:8484/sc/oauth/authorize?client_id=shoplifter&response_type=code' | sed 's/.*[?&]code=\([^&]*\).*/\1/')
  2. Exchange the code, as a form or as JSON.
     TOKEN=$(curl -s http://127.0.0.1:8484/sc/oauth/token -d grant_type=authorization_code -d client_id=shoplifter -d client_secret=sandbox-secret -d code="$CODE" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  3. Which app is it?
     curl -s http://127.0.0.1:8484/sc/v2/tokenInfo -H "Authorization: Bearer $TOKEN"
     APP=$(curl -s http://127.0.0.1:8484/sc/v2/tokenInfo -H "Authorization: Bearer $TOKEN" | sed 's/.*"app":{"id":"\([^"]*\)".*/\1/')
     The same by host name:
     curl -s http://oauth-bridge.localhost:8484/sc/v2/tokenInfo -H "Authorization: Bearer $TOKEN"
  4. Create a webhook. The target must be on this machine and answer HEAD with 2xx.
     The sandbox has one that takes everything; yours goes in its place.
     HOOK=$(curl -s "http://127.0.0.1:8484/sc/v2/apps/$APP/integrations/me/webhooks" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"target":"http://127.0.0.1:8484/sandbox/receiver","triggers":["conversation:message"]}' | sed 's/.*"id":"\([^"]*\)".*/\1/')
     Somebody writes, and the webhook is told; the page shows how that went.
     curl -s http://127.0.0.1:8484/sandbox/say -H 'Content-Type: application/json' -d "{\"appId\":\"$APP\",\"user\":\"ada\",\"text\":\"hello\"}"
     Any event that a webhook can ask for, up to 20 of them in one delivery, each of
     another user. Without a count it is one.
     curl -s http://127.0.0.1:8484/sandbox/emit -H 'Content-Type: application/json' -d "{\"appId\":\"$APP\",\"trigger\":\"conversation:message\",\"count\":3}"
  5. List, read, change and delete it.
     curl -s "http://127.0.0.1:8484/sc/v2/apps/$APP/integrations/me/webhooks" -H "Authorization: Bearer $TOKEN"
     curl -s "http://127.0.0.1:8484/sc/v2/apps/$APP/integrations/me/webhooks/$HOOK" -H "Authorization: Bearer $TOKEN"
     curl -s -X PATCH "http://127.0.0.1:8484/sc/v2/apps/$APP/integrations/me/webhooks/$HOOK" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"includeFullUser":true}'
     curl -s -X DELETE "http://127.0.0.1:8484/sc/v2/apps/$APP/integrations/me/webhooks/$HOOK" -H "Authorization: Bearer $TOKEN"
  6. Revoke: the partner gives the integration back.
     curl -s -X DELETE http://127.0.0.1:8484/sc/oauth/authorization -H "Authorization: Bearer $TOKEN"
  7. Or, after lines 1 and 2 again: the customer removes it.
     curl -s http://127.0.0.1:8484/sandbox/uninstall -H 'Content-Type: application/json' -d "{\"appId\":\"$APP\"}"

Over TLS, in place of the other: "go run ./examples/sandbox -approve -tls -ca-file ca.pem".
A new run knows no token, so line 1 and 2 again, with https and --cacert ca.pem; then
     curl -s --cacert ca.pem --resolve oauth-bridge.example.test:8484:127.0.0.1 https://oauth-bridge.example.test:8484/sc/v2/tokenInfo -H "Authorization: Bearer $TOKEN"
`

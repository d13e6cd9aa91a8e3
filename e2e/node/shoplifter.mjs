// A Marketplace bot's first minute, in Node and without packages: it makes the
// requests that Zendesk's public sample application makes, and plays the customer's
// browser too. It needs a platform that approves at once.
//
// It reads the sample's environment:
//
//   OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET   the partner
//   ZENDESK_MARKETPLACE_NAME, _ORG_ID, _APP_ID
//                                          the three marketplace headers
//   ZENDESK_DOMAIN                         where the platform lives, with its port
//   PORT                                   of this application; 0 takes a free one
//
// and two of its own: SUNCO_LOOKUP is the address of every name under
// ZENDESK_DOMAIN, which saves a line in /etc/hosts, and SHOPLIFTER_USER is the
// external id of the user. Certificates are trusted through NODE_EXTRA_CA_CERTS.
//
// The last line on stdout is what came of it, as JSON.
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { isIPv6 } from 'node:net';

const need = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};

const domain = need('ZENDESK_DOMAIN');
const bridge = `https://oauth-bridge.${domain}/sc`;
const clientId = need('OAUTH_CLIENT_ID');
const clientSecret = need('OAUTH_CLIENT_SECRET');
const externalId = process.env.SHOPLIFTER_USER || 'shoplifter-demo-user';
const marketplace = {
  'X-Zendesk-Marketplace-Name': need('ZENDESK_MARKETPLACE_NAME'),
  'X-Zendesk-Marketplace-Organization-Id': need('ZENDESK_MARKETPLACE_ORG_ID'),
  'X-Zendesk-Marketplace-Bot-Id': need('ZENDESK_MARKETPLACE_APP_ID'),
};
const state = randomBytes(16).toString('hex');

// lookup answers for the name server, when it is told to.
const address = process.env.SUNCO_LOOKUP;
const lookup = address && ((_name, options, done) => {
  const family = isIPv6(address) ? 6 : 4;
  if (options.all) done(null, [{ address, family }]);
  else done(null, address, family);
});

// send makes one request and reads the answer to its end.
const send = (method, url, { headers = {}, body } = {}) => new Promise((resolve, reject) => {
  const secure = url.startsWith('https:');
  const options = { method, headers: { ...headers }, signal: AbortSignal.timeout(10_000) };
  if (secure && lookup) options.lookup = lookup;
  if (body !== undefined) options.headers['Content-Length'] = Buffer.byteLength(body);
  const request = (secure ? https : http).request(url, options, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk) => { text += chunk; });
    response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    response.on('error', reject);
  });
  request.on('error', reject);
  request.end(body);
});

const expect = (what, answer, ...statuses) => {
  if (!statuses.includes(answer.status)) throw new Error(`${what}: status ${answer.status}`);
  return answer;
};

// exchange turns the code into a token. The sample sends a form.
async function exchange(code) {
  const form = new URLSearchParams({
    grant_type: 'authorization_code', code, client_id: clientId, client_secret: clientSecret,
  });
  const answer = await send('POST', `${bridge}/oauth/token`, {
    headers: { ...marketplace, 'Content-Type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  });
  return JSON.parse(expect('token', answer, 200).text).access_token;
}

// api returns a function that calls the platform with the token.
function api(token) {
  return (method, url, body) => send(method, url, {
    headers: { ...marketplace, Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
  });
}

// The user with our external id is fetched, or created when there is none.
async function findUser(call, app) {
  const answer = expect('user', await call('GET', `${app}/users/${encodeURIComponent(externalId)}`), 200, 404);
  if (answer.status === 200) return { user: JSON.parse(answer.text).user, created: false };
  const profile = { givenName: 'Shop', surname: 'Lifter' };
  const fresh = expect('new user', await call('POST', `${app}/users`, { externalId, profile }), 201);
  return { user: JSON.parse(fresh.text).user, created: true };
}

// The user's first conversation is taken, or one is begun.
async function findConversation(call, app, userId) {
  const answer = expect('conversations', await call('GET', `${app}/conversations?filter[userId]=${userId}`), 200);
  const [first] = JSON.parse(answer.text).conversations;
  if (first) return first;
  const fresh = await call('POST', `${app}/conversations`, {
    type: 'personal', participants: [{ userId, subscribeSDKClient: false }],
  });
  return JSON.parse(expect('new conversation', fresh, 201).text).conversation;
}

// finish is what the application does with a code.
async function finish(code) {
  const call = api(await exchange(code));
  const info = expect('token info', await call('GET', `${bridge}/v2/tokeninfo`), 200);
  const { app: { id: appId, subdomain } } = JSON.parse(info.text);
  const app = `https://${subdomain}.${domain}/sc/v2/apps/${appId}`;
  const { user, created } = await findUser(call, app);
  const conversation = await findConversation(call, app, user.id);
  const posted = await call('POST', `${app}/conversations/${conversation.id}/messages`, {
    author: { type: 'user', userId: user.id },
    content: { type: 'text', text: 'A first message from Node' },
  });
  const [message] = JSON.parse(expect('message', posted, 201).text).messages;
  return { appId, subdomain, userId: user.id, created, conversationId: conversation.id, messageId: message.id };
}

// The application: one page, where the browser comes back to.
let result;
const server = http.createServer(async (request, response) => {
  try {
    const url = new URL(request.url, 'http://localhost');
    if (url.pathname !== '/callback') throw new Error('no such page');
    if (url.searchParams.get('state') !== state) throw new Error('another state came back');
    result = await finish(url.searchParams.get('code'));
    response.end('installed\n');
  } catch (error) {
    response.statusCode = 500;
    response.end(`${error.message}\n`);
  }
});

// The browser: authorize, and back to the application.
async function browse(redirectURI) {
  const query = new URLSearchParams({
    client_id: clientId, response_type: 'code', state, redirect_uri: redirectURI,
  });
  const answer = expect('authorize', await send('GET', `${bridge}/oauth/authorize?${query}`), 302);
  const back = answer.headers.location;
  if (!back.startsWith(`${redirectURI}?`)) throw new Error('authorize redirected elsewhere');
  const page = await send('GET', back);
  if (page.status !== 200) throw new Error(`the application answered ${page.status}: ${page.text.trim()}`);
}

server.listen(Number(process.env.PORT || 0), '127.0.0.1', async () => {
  try {
    await browse(`http://127.0.0.1:${server.address().port}/callback`);
    console.log(JSON.stringify(result));
  } catch (error) {
    console.error(`shoplifter: ${error.message}`);
    process.exitCode = 1;
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

package sandbox

// pageStyle is the page's only style sheet. The page's policy names its hash.
const pageStyle = `
:root{color-scheme:light dark;--line:#8886;--soft:#8881;--go:#0b6b4f;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--go:#4fc9a0;--bad:#ff8a80}}
*{box-sizing:border-box}
body{font:1rem/1.5 system-ui,sans-serif;margin:0;padding:1rem;overflow-wrap:anywhere}
main,header{max-width:60rem;margin:0 auto}
h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0}
h2{font-size:1.15rem;margin:2rem 0 .5rem}
h3{font-size:1rem;margin:0}
p{margin:.5rem 0}
code{font-size:.9em}
a{color:var(--go)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.5rem 0}
dt{opacity:.75}
dd{margin:0}
ul{list-style:none;margin:0;padding:0;display:grid;gap:.75rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,25rem),1fr))}
li{border:1px solid var(--line);border-radius:.5rem;padding:.75rem 1rem}
.none{opacity:.75}
.said{border-left:.25rem solid var(--go);background:var(--soft);padding:.5rem 1rem}
button{font:inherit;min-height:2.75rem;margin-top:.5rem;padding:.5rem 1.1rem;border-radius:.5rem;border:1px solid var(--bad);color:var(--bad);background:transparent;cursor:pointer}
button:hover{background:var(--soft)}
:focus-visible{outline:3px solid var(--go);outline-offset:2px}
.table{overflow-x:auto;border:1px solid var(--line);border-radius:.5rem}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .75rem;border-bottom:1px solid var(--line)}
tr:last-child td{border-bottom:0}
td:first-child,td:last-child,td:nth-child(2){white-space:nowrap}
th{white-space:nowrap}
.bad{color:var(--bad)}
.talk{margin:.5rem 0;max-height:20rem;overflow-y:auto}
.aside{position:absolute;clip-path:inset(50%);height:1px;width:1px;overflow:hidden;white-space:nowrap}
ol{list-style:none;margin:0;padding:0;display:grid;gap:.4rem}
ol li{border:0;border-radius:.75rem;padding:.4rem .75rem;background:var(--soft);margin-right:2rem}
ol li.business{margin:0 0 0 2rem;border:1px solid var(--line)}
time{opacity:.75;font-size:.85em}
label{display:block;margin-top:.5rem}
input,select,textarea{font:inherit;color:inherit;background:transparent;width:100%;min-height:2.75rem;padding:.5rem .75rem;border:1px solid #888;border-radius:.5rem}
button.go{border-color:var(--go);color:var(--go)}
@media (max-width:40rem){
dl{grid-template-columns:1fr;gap:0}
dd{margin-bottom:.4rem}
thead{position:absolute;clip-path:inset(50%);height:1px;width:1px;overflow:hidden}
table,tbody{display:block}
tr{display:flex;flex-wrap:wrap;gap:0 .6rem;padding:.4rem .75rem;border-bottom:1px solid var(--line)}
tr:last-child{border-bottom:0}
td{padding:0;border:0}
td.path,td.tries{flex-basis:100%;order:1}
}
`

// pageSource is the page: what there is, what a person can do as an end user, then
// what happened. The roles keep the tables tables where the style sheet lays them out as lines.
const pageSource = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{with .Removed}}Removed from {{.}} – {{end}}{{with .Said}}Message to {{.}} sent – {{end}}{{with .Emit}}{{if .Account}}{{.Chosen}} in {{.Account}} – {{end}}{{end}}Sandbox</title>
<style>` + pageStyle + `</style>
</head>
<body>
<header>
<h1>Sandbox</h1>
<p>A test platform on this machine, not Zendesk. It forgets everything when it ends. <a href="/">Refresh</a>{{with .Home}} <a href="{{.}}">Back to the application</a>{{end}}</p>
{{with .Removed}}<p class="said" role="status">The integration was removed from {{.}}.</p>
{{end}}{{with .Said}}<p class="said" role="status">The message to {{.}} was sent. Its <a href="#deliveries">deliveries</a> are below.</p>
{{end}}{{with .Emit}}{{if .Account}}<p class="said" role="status">{{.Chosen}} happened in {{.Account}}{{if .Heard}}. Its <a href="#deliveries">deliveries</a> are below{{else}}, but no webhook there asked for it{{end}}.</p>
{{end}}{{end}}</header>
<main>
<section aria-labelledby="reach">
<h2 id="reach">How to reach it</h2>
<dl>
<dt>Base URL</dt><dd><code>{{.Base}}</code></dd>
<dt>Bridge only</dt><dd><code>{{.Bridge}}</code></dd>
<dt>Client id</dt><dd><code>{{.ClientID}}</code></dd>
<dt>Authorize</dt><dd><code>{{.Authorize}}</code>{{if .Approve}}, which approves at once{{end}}</dd>
<dt>Redirect URIs</dt><dd>{{range $i, $u := .RedirectURIs}}{{if $i}}<br>{{end}}<code>{{$u}}</code>{{else}}any on a loopback address or under localhost{{end}}</dd>
<dt>Remove URL</dt><dd>{{with .RemoveURL}}<code>{{.}}</code>{{else}}none{{end}}</dd>
</dl>
</section>
<section aria-labelledby="accounts">
<h2 id="accounts">Accounts</h2>
<ul>
{{range .Accounts}}<li>
<h3>{{.Name}}</h3>
<dl>
<dt>App id</dt><dd><code>{{.AppID}}</code></dd>
<dt>Base URL</dt><dd><code>{{.Home}}</code></dd>
</dl>
</li>
{{end}}</ul>
</section>
<section aria-labelledby="installations">
<h2 id="installations">Installations</h2>
{{if .Installed}}<p class="none">Events made here come in one delivery, each with a user and a conversation of its own. Both are samples: an answer to them gets 404.</p>
<ul>
{{range .Accounts}}{{$name := .Name}}{{$app := .AppID}}{{with .Installation}}<li>
<h3>{{$name}}</h3>
<dl>
<dt>Integration id</dt><dd><code>{{.IntegrationID}}</code></dd>
<dt>Since</dt><dd><time datetime="{{.Since.UTC.Format "2006-01-02T15:04:05Z"}}">{{.Since.Format "2006-01-02 15:04:05"}}</time></dd>
<dt>Working tokens</dt><dd>{{.Tokens}}</dd>
<dt>Webhooks</dt><dd>{{.Webhooks}}</dd>
</dl>
<form method="post" action="/sandbox/emit">
<input type="hidden" name="appId" value="{{$app}}">
<label for="trigger-{{$app}}">Event in {{$name}}</label>
<select id="trigger-{{$app}}" name="trigger">
{{range $.Emit.Triggers}}<option{{if eq . $.Emit.Chosen}} selected{{end}}>{{.}}</option>
{{end}}</select>
<label for="count-{{$app}}">How many users of {{$name}}</label>
<input id="count-{{$app}}" type="number" name="count" value="1" min="1" max="{{$.Emit.Max}}" required>
<button class="go" type="submit">Make it happen in {{$name}}</button>
</form>
<form method="post" action="/sandbox/uninstall">
<input type="hidden" name="appId" value="{{$app}}">
<button type="submit">Uninstall from {{$name}}</button>
</form>
</li>
{{end}}{{end}}</ul>
{{else}}<p class="none">None yet. The first appears when a code is exchanged.</p>
{{end}}</section>
<section aria-labelledby="people">
<h2 id="people">People who write to an account</h2>
<p class="none">Play an end user in the web widget. What the application answers appears here too.</p>
<ul>
{{range .Accounts}}{{$app := .AppID}}<li>
<h3>{{.Name}}</h3>
{{if .Messages}}<div class="talk" role="region" aria-label="Conversation with {{.Name}}" tabindex="0">
<ol>
{{range .Messages}}<li{{if .Business}} class="business"{{end}}><strong>{{.Author}}</strong>{{if .Business}} (business){{end}} <time datetime="{{.Time.UTC.Format "2006-01-02T15:04:05Z"}}">{{.Time.Format "15:04:05"}}</time><br>{{.Text}}</li>
{{end}}</ol>
</div>
{{end}}{{if not .Installation}}<p class="none">The integration is not installed here, so no webhook hears of it.</p>
{{end}}<form method="post" action="/sandbox/say">
<input type="hidden" name="appId" value="{{$app}}">
<label for="user-{{$app}}">User<span class="aside"> who writes to {{.Name}}</span></label>
<input id="user-{{$app}}" name="user" value="{{$.User}}" required maxlength="60" autocomplete="off">
<label for="text-{{$app}}">Message to {{.Name}}</label>
<textarea id="text-{{$app}}" name="text" rows="2" required maxlength="4096"></textarea>
<button class="go" type="submit">Send to {{.Name}}</button>
</form>
</li>
{{end}}</ul>
</section>
<section aria-labelledby="deliveries">
<h2 id="deliveries">Latest deliveries</h2>
<p><a href="/">Refresh</a></p>
{{if .Deliveries}}<div class="table" role="region" aria-label="Table of deliveries" tabindex="0">
<table role="table" class="deliveries">
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Time</th><th role="columnheader" scope="col">Account</th><th role="columnheader" scope="col">Events and target</th><th role="columnheader" scope="col">Attempts</th><th role="columnheader" scope="col">Outcome</th></tr></thead>
<tbody role="rowgroup">
{{range .Deliveries}}<tr role="row"><td role="cell">{{.Time.Format "15:04:05.000"}}</td><td role="cell">{{.Account}}</td><td role="cell" class="path">{{range $i, $e := .Events}}{{if $i}}, {{end}}<code>{{$e.Type}}</code>{{if gt $e.Count 1}} ×{{$e.Count}}{{end}}{{end}}<br><code>{{.Target}}</code></td><td role="cell" class="tries">{{range $i, $a := .Attempts}}{{if $i}}<br>{{end}}{{$a}}{{end}}{{with .Next}}<br>next in {{.}}{{end}}</td><td role="cell"{{if not .Good}} class="bad"{{end}}>{{.Outcome}}</td></tr>
{{end}}</tbody>
</table>
</div>
{{else}}<p class="none">None yet.</p>
{{end}}</section>
<section aria-labelledby="webhooks">
<h2 id="webhooks">Webhooks</h2>
{{if .Webhooks}}<ul>
{{range .Webhooks}}<li>
<h3>{{.Target}}</h3>
<dl>
<dt>Account</dt><dd>{{.Account}}</dd>
<dt>Id</dt><dd><code>{{.ID}}</code></dd>
<dt>Triggers</dt><dd>{{range $i, $t := .Triggers}}{{if $i}}, {{end}}<code>{{$t}}</code>{{end}}</dd>
</dl>
</li>
{{end}}</ul>
{{else}}<p class="none">None.</p>
{{end}}</section>
<section aria-labelledby="requests">
<h2 id="requests">Latest requests</h2>
{{if .Requests}}<div class="table" role="region" aria-label="Table of requests" tabindex="0">
{{template "traffic" .Requests}}</div>
{{else}}<p class="none">None yet.</p>
{{end}}</section>
<section aria-labelledby="calls">
<h2 id="calls">Latest calls to the application</h2>
<p class="none">Probes, deliveries and the remove URL.</p>
{{if .Calls}}<div class="table" role="region" aria-label="Table of calls" tabindex="0">
{{template "traffic" .Calls}}</div>
{{else}}<p class="none">None yet.</p>
{{end}}</section>
</main>
</body>
</html>
{{define "traffic"}}<table role="table">
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Time</th><th role="columnheader" scope="col">Method</th><th role="columnheader" scope="col">Host and path</th><th role="columnheader" scope="col">Status</th></tr></thead>
<tbody role="rowgroup">
{{range .}}<tr role="row"><td role="cell">{{.Time.Format "15:04:05"}}</td><td role="cell">{{.Method}}</td><td role="cell" class="path"><code>{{.Host}}{{.Path}}</code></td><td role="cell"{{if not .Good}} class="bad"{{end}}>{{if .Status}}{{.Status}}{{else}}no answer{{end}}</td></tr>
{{end}}</tbody>
</table>
{{end}}`

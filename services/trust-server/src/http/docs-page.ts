/** `/docs`: the OpenAPI document as one plain page. No scripts, nothing from elsewhere. */
import { createHash } from 'node:crypto';
import { html, raw } from 'hono/html';
import type { RouteDoc } from './api-route.ts';

const style = `body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}
h2{margin-top:2rem;border-bottom:1px solid #ccc}code{font:13px ui-monospace,monospace}
dt{margin-top:1rem}dd{margin-left:1.5rem;color:#444}.method{display:inline-block;min-width:4rem;font-weight:700}`;

/** Headers of the page: nothing may run, and only our own style applies. */
export const docsHeaders: Readonly<Record<string, string>> = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};

/** The page for these routes. */
export function renderDocs(routes: readonly RouteDoc[], version: string): string {
  const page = html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Vidimus trust server</title><style>${raw(style)}</style></head>
<body>
<h1>Vidimus trust server ${version}</h1>
<p>The same, for programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1). Repository names are written
with raw slashes. Routes marked &bull; need <code>Authorization: Bearer</code>. Every write takes
<code>?dryRun=true</code>, <code>If-Match: "&lt;role&gt;:&lt;version&gt;"</code> and <code>Idempotency-Key</code>.</p>
<dl>
${routes.map(renderRoute)}
</dl>
</body>
</html>`;
  return String(page);
}

function renderRoute(route: RouteDoc): unknown {
  const mark = route.permission === 'open' || route.permission === 'metadata' ? '' : raw(' &bull;');
  const answers = Object.entries(route.answers).map(
    ([status, answer]) => html`<dd><code>${status}</code> ${answer.description}</dd>
`,
  );
  return html`<dt><code><span class="method">${route.method.toUpperCase()}</span> ${route.path}</code>${mark}</dt>
<dd>${route.summary}</dd>
${answers}`;
}

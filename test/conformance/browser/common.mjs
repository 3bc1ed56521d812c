// What the scripts that open reports share: node SCRIPT.mjs BROWSER MODULES OUT SPEC, where SPEC is a
// JSON file of pages. They judge nothing: the Go tests do.
import { createRequire } from 'node:module';
import path from 'node:path';
import fs from 'node:fs';

const [browserPath, modules, out, spec] = process.argv.slice(2);
const require = createRequire(path.join(modules, 'x.js'));
const { chromium } = require('playwright-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export const pages = JSON.parse(fs.readFileSync(spec, 'utf8'));
export const launch = () => chromium.launch({ executablePath: browserPath, args: ['--no-sandbox', '--disable-gpu'] });
export const place = (name) => path.join(out, name);
export const sizeOf = (name) => fs.statSync(place(name)).size;
export const frames = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

// watch notes what a page says, asks for and pops up. own: what it may ask for.
export function watch(page, said, own) {
  page.setDefaultTimeout(180_000); // a busy machine is no finding
  page.on('console', (m) => { if (['error', 'warning'].includes(m.type())) said.console.push(m.text()); });
  page.on('pageerror', (e) => said.errors.push(String(e)));
  page.on('dialog', (d) => { said.dialogs.push(d.message()); d.dismiss(); });
  page.on('request', (r) => { if (!own(r.url())) said.requests.push(r.url()); });
}

// judge asks axe-core, in the scheme that the page is shown in.
export async function judge(page, scheme, where) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  return found.violations.map((v) => ({ scheme, where, id: v.id, impact: v.impact, nodes: v.nodes.length, first: v.nodes[0].html.slice(0, 200), why: v.nodes[0].failureSummary }));
}

// foreign are those elements that are not ours: what loads, handlers, styles.
export const foreign = (page) => page.evaluate(() => Array.from(document.querySelectorAll('*')).filter((e) =>
  e.matches('img, iframe, object, embed, script[src], link, video, audio, base') || Array.from(e.attributes).some((a) => /^on|^style$/.test(a.name))).map((e) => e.outerHTML.slice(0, 200)));
// canaries are the numbers of those that can be seen whole, as text: innerText leaves out what is hidden.
export const canaries = (page) => page.evaluate(() => {
  document.querySelectorAll('details').forEach((d) => { d.open = true; });
  const seen = new Set();
  for (const m of document.body.innerText.matchAll(/<img src=x onerror=alert\((\d{6})\)>canary(\d{6})/g)) { if (m[1] === m[2]) { seen.add(+m[1]); } }
  return Array.from(seen);
});

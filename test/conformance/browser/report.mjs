// Opens reports in a browser and says what happened: node report.mjs BROWSER MODULES OUT URL...
// One line of JSON for each URL. It judges nothing: the Go test does.
import { createRequire } from 'node:module';
import path from 'node:path';
import fs from 'node:fs';

const [browserPath, modules, out, ...urls] = process.argv.slice(2);
const require = createRequire(path.join(modules, 'x.js'));
const { chromium } = require('playwright-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox', '--disable-gpu'] });
for (const [i, url] of urls.entries()) {
  const said = { url, console: [], requests: [], dialogs: [], errors: [] };
  const watch = (page) => {
    page.on('console', (m) => { if (['error', 'warning'].includes(m.type())) said.console.push(m.text()); });
    page.on('pageerror', (e) => said.errors.push(String(e)));
    page.on('dialog', (d) => { said.dialogs.push(d.message()); d.dismiss(); });
    page.on('request', (r) => { if (r.url().split('#')[0] !== url.split('#')[0]) said.requests.push(r.url()); });
  };
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  watch(page);
  const from = performance.now();
  await page.goto(url, { waitUntil: 'load' });
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  said.opened_ms = Math.round(performance.now() - from);
  said.title = await page.title();
  said.scripted = await page.evaluate(() => document.documentElement.classList.contains('scripted'));
  said.lanes = await page.locator('#plot path.bar').count();
  said.drawn = await page.evaluate(() => Array.from(document.querySelectorAll('#plot path.bar')).filter((p) => p.getAttribute('d')).length);
  said.marks = await page.locator('#plot a').count();
  said.boxes = await page.locator('.graph rect.box').count();
  said.images = await page.locator('img, iframe, object, embed, script[src], link').count();
  said.handlers = await page.evaluate(() => Array.from(document.querySelectorAll('*')).filter((e) => Array.from(e.attributes).some((a) => /^on|^style$/.test(a.name))).length);
  said.canary = await page.evaluate(() => (document.body.innerText + document.body.textContent).includes('<script>alert("canary")</script>'));

  // The filter, by the keyboard alone: / focuses it, words hide rows, Escape brings them back.
  const rows = () => page.evaluate(() => Array.from(document.querySelectorAll('tr[data-lane]')).filter((r) => !r.hidden).length);
  said.rows = await rows();
  await page.keyboard.press('/');
  said.focused = await page.evaluate(() => document.activeElement.id);
  await page.keyboard.type('addpermission');
  await page.waitForFunction(() => document.getElementById('filter-said').textContent !== '');
  said.filtered = await rows();
  said.told = await page.locator('#filter-said').textContent();
  await page.keyboard.press('Escape');
  said.unfiltered = await rows();

  // The picture, by the keyboard: all of it, then nearer, then along.
  const range = async () => { await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))); return page.locator('#range').textContent(); };
  await page.locator('#plot').focus();
  said.view = [await range()];
  for (const key of ['Home', '+', 'ArrowRight', '0']) { await page.keyboard.press(key); said.view.push(await range()); }
  const frames = await page.evaluate(async () => {
    const plot = document.getElementById('plot'), took = [];
    for (let i = 0; i < 20; i++) {
      const t = performance.now();
      plot.dispatchEvent(new KeyboardEvent('keydown', { key: i % 2 ? '-' : '+', bubbles: true }));
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      took.push(performance.now() - t);
    }
    return took.sort((a, b) => a - b);
  });
  said.frame_ms = Math.round(frames[Math.floor(frames.length / 2)]);
  // A mark leads to its row.
  const mark = page.locator('#plot a[tabindex="0"]');
  if (await mark.count()) { await mark.focus(); await page.keyboard.press('ArrowRight'); await page.keyboard.press('Enter'); said.target = await page.evaluate(() => location.hash && !!document.querySelector('tr:target')); }
  await page.evaluate(() => { location.hash = ''; scrollTo(0, 0); });

  // Judged in both schemes: the contrast is another.
  said.axe = [];
  for (const scheme of ['light', 'dark']) {
    const judged = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: scheme, bypassCSP: true });
    const p = await judged.newPage();
    watch(p);
    await p.goto(url, { waitUntil: 'load' });
    await p.evaluate(() => document.querySelectorAll('details').forEach((d) => { d.open = true; }));
    await p.screenshot({ path: path.join(out, `report-${i}-${scheme}.png`), clip: { x: 0, y: 0, width: 1280, height: 2400 }, fullPage: true });
    await p.evaluate(axe);
    const found = await p.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
    for (const v of found.violations) { said.axe.push({ scheme, id: v.id, impact: v.impact, nodes: v.nodes.length, first: v.nodes[0].html.slice(0, 200), why: v.nodes[0].failureSummary }); }
    await judged.close();
  }
  // The same page with its policy taken away: a browser that knows no policies runs nothing either.
  const bare = await browser.newContext({ bypassCSP: true });
  const p = await bare.newPage();
  watch(p);
  await p.goto(url, { waitUntil: 'load' });
  said.bare = await p.evaluate(() => document.querySelectorAll('img, iframe, script[src]').length);
  await p.emulateMedia({ media: 'print' });
  await p.pdf({ path: path.join(out, `report-${i}.pdf`), format: 'A4', preferCSSPageSize: true });
  said.pdf = fs.statSync(path.join(out, `report-${i}.pdf`)).size;
  await bare.close();
  await context.close();
  console.log(JSON.stringify(said));
}
await browser.close();

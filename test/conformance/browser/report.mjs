// Opens reports that are files and says what happened: one line of JSON for each page of the spec.
import { pages, launch, place, sizeOf, frames, watch, judge, foreign, canaries } from './common.mjs';

const browser = await launch();
for (const { name, url, word, canary, picture } of pages) {
  const said = { name, url, console: [], requests: [], dialogs: [], errors: [] };
  const own = (u) => u.split('#')[0] === url.split('#')[0];
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  watch(page, said, own);
  const from = performance.now();
  await page.goto(url, { waitUntil: 'load' });
  await frames(page);
  said.opened_ms = Math.round(performance.now() - from);
  said.title = await page.title();
  said.scripted = await page.evaluate(() => document.documentElement.classList.contains('scripted'));
  said.lanes = await page.locator('#plot path.bar').count();
  said.drawn = await page.evaluate(() => Array.from(document.querySelectorAll('#plot path.bar')).filter((p) => p.getAttribute('d')).length);
  said.marks = await page.locator('#plot a').count();
  said.boxes = await page.locator('.graph rect.box').count();
  said.foreign = await foreign(page);
  said.text = await page.evaluate(() => document.body.textContent.length);
  said.canary = await page.evaluate(() => (document.body.innerText + document.body.textContent).includes('<script>alert("canary")</script>'));

  // The filter, by the keyboard alone: / focuses it, words hide rows, Escape brings them back.
  const rows = () => page.evaluate(() => Array.from(document.querySelectorAll('tr[data-lane]')).filter((r) => !r.hidden).length);
  said.rows = await rows();
  await page.keyboard.press('/');
  said.focused = await page.evaluate(() => document.activeElement.id);
  await page.keyboard.type(word);
  await page.waitForFunction(() => document.getElementById('filter-said').textContent !== '');
  said.filtered = await rows();
  said.told = await page.locator('#filter-said').textContent();
  await page.keyboard.press('Escape');
  said.unfiltered = await rows();

  // The picture, by the keyboard: all of it, then nearer, then along.
  const range = async () => { await frames(page); return page.locator('#range').textContent(); };
  await page.locator('#plot').focus();
  said.view = [await range()];
  for (const key of ['Home', '+', 'ArrowRight', '0']) { await page.keyboard.press(key); said.view.push(await range()); }
  const took = await page.evaluate(async () => {
    const plot = document.getElementById('plot'), took = [];
    for (let i = 0; i < 20; i++) {
      const t = performance.now();
      plot.dispatchEvent(new KeyboardEvent('keydown', { key: i % 2 ? '-' : '+', bubbles: true }));
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      took.push(performance.now() - t);
    }
    return took.sort((a, b) => a - b);
  });
  said.frame_ms = Math.round(took[Math.floor(took.length / 2)]);
  // A mark leads to its row.
  const mark = page.locator('#plot a[tabindex="0"]');
  if (await mark.count()) { await mark.focus(); await page.keyboard.press('ArrowRight'); await page.keyboard.press('Enter'); said.target = await page.evaluate(() => location.hash && !!document.querySelector('tr:target')); }
  await page.evaluate(() => { location.hash = ''; scrollTo(0, 0); });

  // Judged in both schemes: the contrast is another.
  said.axe = [];
  for (const scheme of ['light', 'dark']) {
    const judged = await browser.newContext({ viewport: { width: 1280, height: 2400 }, colorScheme: scheme, bypassCSP: true });
    const p = await judged.newPage();
    watch(p, said, own);
    await p.goto(url, { waitUntil: 'load' });
    // Everything is unfolded, but of hundreds of answers, which are all alike, the first few.
    await p.evaluate(() => document.querySelectorAll('details:not(.answer), details.answer:nth-of-type(-n+5)').forEach((d) => { d.open = true; }));
    await p.screenshot({ path: place(`${name}-${scheme}.png`) });
    // Thousands of canaries take axe-core a minute, and have no element that the other pages lack.
    if (!canary) { said.axe.push(...await judge(p, scheme, 'report')); }
    await judged.close();
  }
  // The same page with its policy taken away: a browser that knows no policies runs nothing either.
  const bare = await browser.newContext({ bypassCSP: true });
  const p = await bare.newPage();
  watch(p, said, own);
  await p.goto(url, { waitUntil: 'load' });
  said.bare = await foreign(p);
  if (canary) { said.seen = await canaries(p); said.bare.push(...await foreign(p)); await p.reload({ waitUntil: 'load' }); }
  await p.emulateMedia({ media: 'print' });
  await p.pdf({ path: place(`${name}.pdf`), format: 'A4', preferCSSPageSize: true, tagged: true, outline: true });
  said.pdf = sizeOf(`${name}.pdf`);
  await bare.close();
  if (picture) { // of the timeline, for the documentation
    const small = await browser.newContext({ viewport: { width: 1000, height: 760 }, colorScheme: 'light' });
    const shot = await small.newPage();
    await shot.goto(url, { waitUntil: 'load' });
    await shot.evaluate(() => document.getElementById('timeline').scrollIntoView());
    await frames(shot);
    await shot.screenshot({ path: place('report.png') });
    await small.close();
  }
  await context.close();
  console.log(JSON.stringify(said));
}
await browser.close();

// Drives reports that are served, by the keyboard alone, and says what happened: one line of JSON
// for each page of the spec.
import { pages, launch, place, frames, watch, judge, foreign, canaries } from './common.mjs';

const browser = await launch();
for (const { name, url, word, where, member, canary } of pages) {
  const said = { name, url, console: [], requests: [], dialogs: [], errors: [], axe: [], foreign: [] };
  const own = (u) => u.startsWith(url);
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  watch(page, said, own);
  await page.goto(url, { waitUntil: 'load' });
  await frames(page);

  // tabTo goes on by the Tab key until what has the focus is what is wanted.
  const tabTo = async (selector) => {
    for (let i = 0; i < 400; i++) {
      if (await page.evaluate((s) => document.activeElement.matches(s), selector)) { return true; }
      await page.keyboard.press('Tab');
    }
    return false;
  };
  const leave = async () => { await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.keyboard.press('Enter')]); await frames(page); said.foreign.push(...await foreign(page)); };
  const rows = () => page.evaluate(() => Array.from(document.querySelectorAll('tbody tr')).map((r) => r.innerText));
  const write = async (selector, text) => {
    const there = await tabTo(selector);
    await page.keyboard.press('Control+A');
    await page.keyboard.press('Delete');
    await page.keyboard.type(text);
    await leave();
    return there;
  };

  said.foreign.push(...await foreign(page));
  if (canary) { said.seen = await canaries(page); said.foreign.push(...await foreign(page)); await page.reload({ waitUntil: 'load' }); }
  said.keys = [await tabTo('a[href="events"]')];
  await leave();
  said.all = (await rows()).length;
  said.keys.push(await tabTo('a[rel="next"]'));
  const first = (await rows()).join();
  await leave();
  said.second = (await rows()).length;
  said.other = (await rows()).join() !== first;
  said.keys.push(await tabTo('a[rel="prev"]'));
  await leave();
  said.back = (await rows()).join() === first;
  said.keys.push(await write('#q', word));
  said.found = await rows();
  said.keys.push(await write('#q', '') && await write('#where', where));
  said.chosen = await rows();
  said.keys.push(await write('#where', 'nonsense ='));
  said.refused = await page.locator('[role=alert]').textContent();
  said.keys.push(await tabTo('header a'));
  await leave();
  said.keys.push(await tabTo('a[href="answers"]'));
  await leave();
  said.keys.push(await write('#q', member));
  said.members = await rows();

  for (const scheme of ['light', 'dark']) {
    for (const [where, at] of [['report', ''], ['events', 'events'], ['answers', 'answers?q=' + encodeURIComponent(member)]]) {
      const judged = await browser.newContext({ viewport: { width: 1280, height: 1600 }, colorScheme: scheme, bypassCSP: true });
      const p = await judged.newPage();
      watch(p, said, own);
      await p.goto(url + at, { waitUntil: 'load' });
      said.foreign.push(...await foreign(p)); // before the screenshot, which leaves style="" behind
      await p.screenshot({ path: place(`${name}-${where}-${scheme}.png`) });
      // A page of thousands of canaries is judged where its tables are the same: in the file.
      if (!(canary && where === 'report')) { said.axe.push(...await judge(p, scheme, where)); }
      await judged.close();
    }
  }
  // Whoever lacks the secret of the address, or comes under another name, gets nothing.
  said.doors = {};
  for (const [door, at] of [['no secret', new URL('/', url).href], ['another secret', new URL('/' + 'A'.repeat(26) + '/', url).href], ['another host', url.replace('127.0.0.1', 'localhost')], ['another page', url + 'else']]) {
    const p = await (await browser.newContext()).newPage();
    const r = await p.goto(at).catch((e) => ({ status: () => String(e) }));
    said.doors[door] = [r.status(), await p.evaluate(() => document.body.innerText)];
    await p.context().close();
  }
  await context.close();
  console.log(JSON.stringify(said));
}
await browser.close();

/* A hundred thousand rows, a day of traffic among them, and how much is loaded. */
import assert from 'node:assert/strict';

import { sum } from '../programs.mjs';
import { python } from '../server.mjs';
import { within } from '../wait.mjs';

const ROWS = 100_000;

export const alone = true;

async function largeServer(bench) {
  const server = await bench.server();
  await server.ready();
  await server.judge(sum({ id: 'template' }));
  await server.stop();
  python('seed.py', server.table, String(ROWS));
  await server.start();
  return server.ready();
}

async function median(rounds, measure) {
  const times = [];
  for (let i = 0; i < rounds; i++) times.push(await measure());
  return times.sort((a, b) => a - b)[rounds >> 1];
}

/* The curves by language, and back to those by verdict. */
async function answersAClick(page) {
  const card = page.locator('.card', { has: page.getByRole('heading', { name: 'Finished' }) });
  await card.getByRole('combobox', { name: 'by' }).selectOption('language');
  await card.locator('.legend', { hasText: 'python' }).waitFor();
  await card.getByRole('combobox', { name: 'by' }).selectOption('verdict');
  await card.locator('.legend', { hasText: 'OK accepted' }).waitFor();
}

/* Bytes a minute of what is asked again every so many milliseconds, with the heads of the answers. */
async function polled(page, range, window, every) {
  const session = await page.context().newCDPSession(page);
  const asked = new Map(); /* request: its address */
  const whole = [];
  const polls = []; /* bytes */
  await session.send('Network.enable');
  session.on('Network.requestWillBeSent', (e) => asked.set(e.requestId, e.request.url));
  session.on('Network.loadingFinished', (e) => {
    const url = asked.get(e.requestId) ?? '';
    if (url.includes(`/stats?window=${window}&`)) whole.push(url);
    else if (whole.length > 0 && url.includes('/stats?')) polls.push(e.encodedDataLength);
  });
  await page.reload();
  await page.getByLabel('The last').selectOption(range);
  await within(60, 'the whole window', () => whole.length > 0);
  while (polls.length < 3) {
    const before = polls.length;
    await page.clock.runFor(every);
    await within(60, 'a poll', () => polls.length > before);
  }
  await session.detach();
  assert.equal(whole.length, 1, 'the whole window was asked for again');
  return Math.round((polls.reduce((sum, size) => sum + size, 0) / polls.length) * (60_000 / every));
}

/* What the network brought, in bytes, without headers. */
async function loaded(page) {
  return page.evaluate(() => Object.fromEntries(performance.getEntriesByType('resource')
    .concat(performance.getEntriesByType('navigation'))
    .filter((e) => e.name.includes('/assets/') || e.entryType === 'navigation')
    .map((e) => [new URL(e.name).pathname, e.encodedBodySize])));
}

export default {
  'the overview over a day of traffic': async (bench) => {
    const server = await largeServer(bench);
    const { page, open } = await bench.view(server);

    bench.figure('overview interactive with 100000 rows, p50 of 5', `${await median(5, async () => {
      await page.goto('about:blank');
      const started = Date.now();
      await open('#/');
      await page.locator('canvas').first().waitFor();
      await answersAClick(page);
      return Date.now() - started;
    })} ms`);
    bench.figure('overview over 24 h of traffic interactive, p50 of 5', `${await median(5, async () => {
      await page.reload();
      await page.locator('canvas').first().waitFor();
      const started = Date.now();
      await page.getByLabel('The last').selectOption('24 hours');
      await page.waitForResponse(/\/stats\?window=86400/);
      await answersAClick(page);
      return Date.now() - started;
    })} ms`);

    await page.clock.install();
    for (const [range, window, every] of [['5 minutes', 300, 5000], ['1 hour', 3600, 5000], ['24 hours', 86400, 30_000]]) {
      const bytes = await polled(page, range, window, every);
      bench.figure(`/stats over ${range} polled, bytes a minute`, bytes);
      assert.ok(bytes > 0 && bytes <= 20 * 1024, `${range}: ${bytes} bytes a minute`);
    }
  },

  'a hundred thousand rows': async (bench) => {
    const server = await largeServer(bench);
    const { page, open } = await bench.view(server);

    const started = Date.now();
    await open('#/submissions');
    await page.locator('tr.row').first().waitFor();
    bench.figure('list of 100000 rows, first row shown', `${Date.now() - started} ms`);

    /* Down to the last row, a page of rows at a time. */
    const box = page.locator('.table-box');
    const all = Date.now();
    await within(120, 'the last row', async () => {
      await box.evaluate((b) => { b.scrollTop = b.scrollHeight; });
      return page.locator('tr.row[data-id="seed-0000000"]').count();
    });
    bench.figure('list of 100000 rows, scrolled through to the last', `${Date.now() - all} ms`);
    assert.ok(await page.locator('tr.row').count() < 100, 'rows that nobody sees are elements');
    assert.equal(await page.locator('table.rows').getAttribute('aria-rowcount'), String(ROWS + 2));
    await page.getByText(`${(ROWS + 1).toLocaleString('en')} rows`).waitFor();

    /* One that comes meanwhile does not move what is read. */
    await server.judge(sum({ id: 'newest' }));
    await page.getByRole('button', { name: '1 new row' }).click();
    await page.locator('tr.row[data-id=newest]').waitFor();
    await page.locator('tr.row a').first().focus();
    await page.keyboard.press('End');
    await page.locator('tr.row[data-id="seed-0000000"] a:focus').waitFor();
  },

  'what is loaded is small': async (bench) => {
    const { page, open } = await bench.view(bench.shared);
    await open('#/');
    await page.locator('canvas').first().waitFor();
    const overview = Object.values(await loaded(page)).reduce((a, b) => a + b, 0);
    await open('#/try');
    await page.locator('.cm-content').waitFor();
    const texts = await loaded(page);
    const total = Object.values(texts).reduce((a, b) => a + b, 0);
    bench.figure('overview, compressed bytes', overview);
    bench.figure('all of the page, compressed bytes', total);
    assert.ok(Object.values(texts).every((n) => n > 0), JSON.stringify(texts));
    assert.ok(total < 200 * 1024, `${total} bytes`);
  },

  'a second visit asks for the page only': async (bench) => {
    const { page, open } = await bench.view(bench.shared);
    await open('#/');
    await page.locator('canvas').first().waitFor();
    await page.reload();
    await page.locator('canvas').first().waitFor();
    const brought = await page.evaluate(() => performance.getEntriesByType('resource')
      .filter((e) => e.name.includes('/assets/')).map((e) => [e.name, e.transferSize, e.decodedBodySize]));
    assert.ok(brought.length >= 3, JSON.stringify(brought));
    for (const [name, size, whole] of brought) assert.ok(size === 0 && whole > 0, `${name} came again`);
  },
};

/* A page that is left open: the server goes and comes, the page finds its way back by itself. */
import assert from 'node:assert/strict';

import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { slowly, sum } from '../programs.mjs';

/* While nobody listens, the browser says so on the console. */
const GONE = [/net::ERR_|503/];

const goesAndComes = (signal) => async (bench) => {
  const server = await bench.server();
  await server.ready();
  await server.judge(sum({ id: 'before' }));
  const { page, open } = await bench.view(server, { expected: GONE });
  await open('#/submissions');
  await page.locator('tr[data-id=before]').waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
  await server.stop(signal);
  await page.getByText('Connection lost, trying again').waitFor();
  assert.equal(await page.locator('tr.row').count(), 1);
  await server.start();
  await server.submit(sum({ id: 'after' }));
  await page.getByText('Live', { exact: true }).waitFor();
  await page.locator('tr[data-id=after]', { hasText: 'OK' }).waitFor();
};

export default {
  'the list, over an orderly end': goesAndComes('SIGTERM'),
  'the list, over a kill': goesAndComes('SIGKILL'),

  'another job table on the same address: nothing of the old one stays': async (bench) => {
    const server = await bench.server();
    await server.ready();
    await server.judge(sum({ id: 'of-the-old' }));
    const { page, open } = await bench.view(server, { expected: GONE });
    await open('#/submissions');
    await page.locator('tr[data-id=of-the-old]').waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    await server.stop();
    rmSync(join(server.dir, 'data'), { recursive: true });
    await server.start();
    await page.locator('tr[data-id=of-the-old]').waitFor({ state: 'detached' });
    await page.getByText('Nothing has been submitted yet.').waitFor();
  },

  'a laptop that slept': async (bench) => {
    const { page, open } = await bench.view(bench.shared);
    await open('#/submissions');
    await page.getByText('Live', { exact: true }).waitFor();
    const again = ['/events', '/results?'].map((path) => page.waitForRequest((r) => r.url().includes(path)));
    await page.evaluate(() => {
      const { now } = Date;
      Date.now = () => now() + 3_600_000;
    });
    await Promise.all(again);
    await page.getByText('Live', { exact: true }).waitFor();
  },

  'a hidden tab keeps no stream, and catches up when it is seen': async (bench) => {
    const { page, open } = await bench.view(bench.shared);
    await page.addInitScript(() => {
      let hidden = false;
      Object.defineProperty(document, 'hidden', { get: () => hidden });
      window.hide = (value) => {
        hidden = value;
        document.dispatchEvent(new Event('visibilitychange'));
      };
    });
    await open('#/submissions');
    await page.getByText('Live', { exact: true }).waitFor();
    const ended = page.waitForEvent('requestfailed', { predicate: (r) => r.url().endsWith('/events') });
    await page.evaluate(() => window.hide(true));
    await ended;
    const { id } = await bench.shared.submit(sum());
    await bench.shared.json(`/results/${id}?wait=60`);
    await page.evaluate(() => window.hide(false));
    await page.locator(`tr[data-id="${id}"]`, { hasText: 'OK' }).waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
  },

  'a submission that is being judged, over a kill': async (bench) => {
    const server = await bench.server();
    await server.ready();
    const { id } = await server.submit(slowly(3));
    const { page, open } = await bench.view(server, { expected: GONE });
    await open(`#/submissions/${id}`);
    await page.locator('details.test', { hasText: 'Test 1' }).locator('.tone-ok').waitFor();
    await server.stop('SIGKILL');
    await page.getByText('Connection lost, trying again').waitFor();
    await server.start();
    await page.locator('.outcome', { hasText: 'OK accepted' }).waitFor({ timeout: 60_000 });
    await page.getByText('3 of 3', { exact: true }).waitFor();
  },

  'every page says it and comes back': async (bench) => {
    const server = await bench.server();
    await server.ready();
    const views = [];
    for (const hash of ['#/', '#/try', '#/system']) {
      const view = await bench.view(server, { expected: GONE });
      await view.open(hash);
      await view.page.getByText('Live', { exact: true }).waitFor();
      views.push(view);
    }
    await server.stop('SIGKILL');
    for (const { page } of views) await page.getByText('Connection lost, trying again').waitFor();
    await server.start();
    for (const { page } of views) await page.getByText('Live', { exact: true }).waitFor();
    for (const { page } of views) await page.getByText('The server does not answer.').waitFor({ state: 'detached' });
  },
};

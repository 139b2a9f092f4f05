/* A page that is left open: the server goes and comes, the page finds its way back by itself. */
import assert from 'node:assert/strict';

import { slowly, sum } from '../programs.mjs';

/* While nobody listens, the browser says so on the console. */
const GONE = [/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|503/];

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

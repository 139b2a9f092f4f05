/* The list of submissions: filters, sorting, the keyboard, the address, live rows. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { broken, endless, sum, wrong } from '../programs.mjs';
import { python } from '../server.mjs';
import { within } from '../wait.mjs';

const rows = (page) => page.locator('tr.row');
const ids = (page) => rows(page).evaluateAll((all) => all.map((r) => r.dataset.id));

/* Waits until the list has exactly these ids, in any order. */
async function untilIds(page, wanted) {
  let seen = [];
  await within(20, `rows ${wanted}, seen last: ${seen}`, async () => {
    seen = await ids(page);
    return seen.length === wanted.length && wanted.every((id) => seen.includes(id));
  }).catch((e) => {
    throw new Error(`${e.message}; seen last: ${seen}`);
  });
}

/* A server with so many rows of its past. */
async function seeded(bench, rowsWanted) {
  const server = await bench.server();
  await server.ready();
  await server.judge(sum({ id: 'template' }));
  await server.stop();
  python('seed.py', server.table, String(rowsWanted));
  await server.start();
  return server.ready();
}

export default {
  'filters narrow it, and are in the address': async (bench) => {
    const server = await bench.server();
    await server.ready();
    await server.judge(sum({ id: 'f-ok' }));
    await server.judge(wrong({ id: 'f-wrong' }));
    await server.judge(broken({ id: 'g-broken' }));
    const { page, open } = await bench.view(server);

    await open('#/submissions');
    await untilIds(page, ['f-ok', 'f-wrong', 'g-broken']);
    await page.getByLabel('Status').selectOption('WA');
    await untilIds(page, ['f-wrong']);
    assert.equal(new URL(page.url()).hash, '#/submissions?status=WA');
    await page.getByLabel('Status').selectOption('');
    await page.getByLabel('Language').selectOption('c');
    await untilIds(page, ['g-broken']);
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.keyboard.press('/');
    await page.keyboard.type('f-');
    await untilIds(page, ['f-ok', 'f-wrong']);
    assert.equal(new URL(page.url()).hash, '#/submissions?id_prefix=f-');
    await page.getByLabel('State').selectOption('cancelled');
    await page.getByText('No submission fits.').waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByLabel('Submitted').selectOption('Between…');
    await page.getByLabel('Before').fill('2001-01-01T00:00');
    await page.getByText('No submission fits.').waitFor();
    await page.getByLabel('Submitted').selectOption('Last hour');
    await untilIds(page, ['f-ok', 'f-wrong', 'g-broken']);
  },

  'labels: a filter, a column, an export': async (bench) => {
    const server = await bench.server({ RUNNER_MAX_PARALLEL: '0' });
    await server.submit(sum({ id: 'a', labels: { course: 'data bases', term: '1' } }));
    await server.submit(sum({ id: 'b', labels: { course: 'data bases', term: '2' } }));
    await server.submit(sum({ id: 'plain' }));
    const { page, open } = await bench.view(server);
    const box = page.getByLabel('Label', { exact: true });

    await open('#/submissions');
    await untilIds(page, ['a', 'b', 'plain']);
    await page.getByText('Live', { exact: true }).waitFor();
    await box.fill('course:data bases');
    await box.press('Enter');
    await untilIds(page, ['a', 'b']);
    await box.fill('term:2');
    await box.press('Enter');
    await untilIds(page, ['b']);
    assert.deepEqual(new URLSearchParams(new URL(page.url()).hash.split('?')[1]).getAll('label'), ['course:data bases', 'term:2']);

    /* Rows that come over the stream are of the filter too. */
    await server.submit(sum({ id: 'd', labels: { course: 'os', term: '2' } }));
    await server.submit(sum({ id: 'c', labels: { course: 'data bases', term: '2', more: 'x' } }));
    await untilIds(page, ['b', 'c']);

    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'CSV', exact: true }).click()]);
    assert.equal(file.suggestedFilename(), 'results.csv');
    const lines = readFileSync(await file.path(), 'utf8').split('\r\n');
    assert.deepEqual(lines.map((line) => line.split(',')[0]), ['id', 'c', 'b', '']);

    await page.getByRole('button', { name: 'Without label term:2' }).click();
    await untilIds(page, ['a', 'b', 'c']);
    assert.equal(await page.locator('th', { hasText: 'Labels' }).count(), 0);
    await page.getByLabel('Labels', { exact: true }).check();
    await page.locator('tr[data-id=a] .c-labels', { hasText: 'course:data bases' }).waitFor();
    await page.reload();
    await page.locator('tr[data-id=a]').getByRole('button', { name: 'term:1' }).click();
    await untilIds(page, ['a']);
    await box.fill('nonsense');
    await box.press('Enter');
    assert.match(await box.evaluate((b) => b.validationMessage), /name:value/);
    await box.fill('course:os');
    await box.press('Enter');
    await page.getByText('No submission fits.').waitFor();
  },

  'a deep link has its filters': async (bench) => {
    const server = await bench.server();
    await server.ready();
    await server.judge(sum({ id: 'f-ok' }));
    await server.judge(wrong({ id: 'f-wrong' }));
    const { page, open } = await bench.view(server);
    await open('#/submissions?status=OK&language=python&id_prefix=f&sort=duration_ms');
    await untilIds(page, ['f-ok']);
    assert.equal(await page.getByLabel('Status').inputValue(), 'OK');
    assert.equal(await page.getByLabel(/^Id begins/).inputValue(), 'f');
    await page.locator('th[aria-sort=ascending]', { hasText: 'Run time' }).waitFor();
    await page.reload();
    await untilIds(page, ['f-ok']);
  },

  'the keyboard: arrows, enter, slash': async (bench) => {
    const server = await bench.server();
    await server.ready();
    for (const id of ['k1', 'k2', 'k3']) await server.judge(sum({ id }));
    const { page, open } = await bench.view(server);
    const focused = () => page.evaluate(() => document.activeElement?.closest('tr')?.dataset.id ?? document.activeElement?.id);

    await open('#/submissions');
    await untilIds(page, ['k1', 'k2', 'k3']);
    await page.keyboard.press('/');
    assert.equal(await focused(), 'filter-id');
    assert.equal(await page.getByLabel(/^Id begins/).inputValue(), '');
    await page.keyboard.press('ArrowDown');
    assert.equal(await focused(), 'k3');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    assert.equal(await focused(), 'k1');
    await page.keyboard.press('ArrowUp');
    assert.equal(await focused(), 'k2');
    await page.keyboard.press('Home');
    assert.equal(await focused(), 'k3');
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'k1' }).waitFor();
    await page.goBack();
    await untilIds(page, ['k1', 'k2', 'k3']);
  },

  'sorting': async (bench) => {
    const server = await bench.server();
    await server.ready();
    for (const id of ['s1', 's2', 's3']) await server.judge(sum({ id }));
    const { page, open } = await bench.view(server);
    await open('#/submissions');
    await untilIds(page, ['s1', 's2', 's3']);
    assert.deepEqual(await ids(page), ['s3', 's2', 's1']);
    await page.getByRole('button', { name: 'Submitted' }).click();
    await within(10, 'the oldest first', async () => (await ids(page)).join() === 's1,s2,s3');
    await page.getByRole('button', { name: 'Run time' }).click();
    await page.locator('th[aria-sort=descending]', { hasText: 'Run time' }).waitFor();
    const { results } = await server.json('/results?sort=-duration_ms');
    await within(10, 'the longest first', async () => (await ids(page)).join() === results.map((r) => r.id).join());
  },

  'a new one appears and goes on, live': async (bench) => {
    const server = await bench.server({ RUNNER_MAX_PARALLEL: '1' });
    await server.ready();
    const { page, open } = await bench.view(server);
    await open('#/submissions');
    await page.getByText('Nothing has been submitted yet.').waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    await server.submit(endless({ id: 'runs' }));
    await page.locator('tr[data-id=runs]', { hasText: 'running' }).waitFor();
    await server.submit(sum({ id: 'waits' }));
    await page.locator('tr[data-id=waits]', { hasText: 'queued' }).waitFor();
    await fetch(`${server.url}/submissions/runs`, { method: 'DELETE' });
    await page.locator('tr[data-id=runs]', { hasText: 'cancelled' }).waitFor();
    await page.locator('tr[data-id=waits]', { hasText: 'OK' }).waitFor();
    assert.deepEqual(await ids(page), ['waits', 'runs']);
  },

  'what changes while the page of rows is on its way': async (bench) => {
    const server = await bench.server({ RUNNER_MAX_PARALLEL: '0' });
    await server.submit(sum({ id: 'waits' }));
    const { page, open } = await bench.view(server);
    await open('#/submissions');
    await untilIds(page, ['waits']);
    await page.getByText('Live', { exact: true }).waitFor();
    let release;
    const held = new Promise((resolve) => { release = resolve; });
    await page.route('**/results?*', async (route) => {
      const answer = await route.fetch();
      await held;
      await route.fulfill({ response: answer });
    });
    const asked = page.waitForRequest(/results\?/);
    await page.evaluate(() => window.dispatchEvent(new Event('online')));
    await asked;
    await fetch(`${server.url}/submissions/waits`, { method: 'DELETE' });
    await page.locator('tr[data-id=waits]', { hasText: 'cancelled' }).waitFor();
    const came = page.waitForResponse(/results\?/);
    release();
    await came;
    await page.locator('tr[data-id="waits"]:not(:has-text("cancelled"))').waitFor({ state: 'detached' });
    await page.locator('tr[data-id=waits]', { hasText: 'cancelled' }).waitFor();
  },

  'an empty page is not the end': async (bench) => {
    const server = await bench.server({ RUNNER_MAX_PARALLEL: '0' });
    await server.submit(sum({ id: 'far' }));
    const { page, open } = await bench.view(server);
    await page.route('**/results?*', async (route) => {
      const behind = new URL(route.request().url()).searchParams.get('cursor');
      if (behind) return route.fulfill({ response: await route.fetch({ url: `${server.url}/results` }) });
      return route.fulfill({ json: { results: [], next_cursor: 'behind 10000 that do not fit' } });
    });
    await open('#/submissions');
    await untilIds(page, ['far']);
  },

  'a row that fits only now comes to its place': async (bench) => {
    const server = await bench.server();
    await server.ready();
    const cancel = (id) => fetch(`${server.url}/submissions/${id}`, { method: 'DELETE' });
    for (const id of ['oldest', 'middle', 'newest']) await server.submit(endless({ id }));
    for (const id of ['oldest', 'newest']) await cancel(id);
    const { page, open } = await bench.view(server);
    await open('#/submissions?state=cancelled');
    await untilIds(page, ['newest', 'oldest']);
    await page.getByText('Live', { exact: true }).waitFor();
    await cancel('middle');
    await untilIds(page, ['newest', 'middle', 'oldest']);
    assert.deepEqual(await ids(page), ['newest', 'middle', 'oldest']);
  },

  'a row that no longer fits goes': async (bench) => {
    const server = await bench.server({ RUNNER_MAX_PARALLEL: '1' });
    await server.ready();
    await server.submit(endless({ id: 'runs' }));
    const { page, open } = await bench.view(server);
    await open('#/submissions?state=running');
    await page.locator('tr[data-id=runs]').waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    await fetch(`${server.url}/submissions/runs`, { method: 'DELETE' });
    await page.locator('tr[data-id=runs]').waitFor({ state: 'detached' });
  },

  'the page of the list does not scroll into nothing': async (bench) => {
    const server = await seeded(bench, 100);
    for (const viewport of [{ width: 1280, height: 800 }, { width: 390, height: 844 }, { width: 640, height: 450 }]) {
      const { page, open } = await bench.view(server, { viewport });
      await open('#/submissions');
      await page.locator('tr.row .badge').first().waitFor();
      const [below, ends] = await page.evaluate(() => [document.documentElement.scrollHeight,
        document.querySelector('main').getBoundingClientRect().bottom + scrollY]);
      assert.ok(below <= Math.max(Math.ceil(ends), viewport.height), `${below}, and the page ends at ${ends}`);
    }
  },

  'back: the filter, the place and the row are as they were': async (bench) => {
    const server = await seeded(bench, 300);
    const { page, open } = await bench.view(server);
    const top = () => page.locator('.table-box').evaluate((b) => b.scrollTop);
    await open('#/submissions?language=python');
    await rows(page).first().waitFor();
    await page.locator('.table-box').evaluate((b) => { b.scrollTop = 700; });
    const id = await page.locator('tr[aria-rowindex="26"]').getAttribute('data-id');
    const link = page.locator(`tr[data-id="${id}"] a`);
    await link.click();
    await page.getByRole('heading', { level: 1, name: id }).waitFor();
    await server.judge(sum({ id: 'meanwhile' }));
    await page.goBack();
    await page.locator(`tr[data-id="${id}"] a:focus`).waitFor();
    assert.ok(Math.abs(await top() - 700) < 40, `at ${await top()}`);
    assert.equal(await page.getByLabel('Language').inputValue(), 'python');
    await page.getByRole('button', { name: '1 new row' }).waitFor();

    /* Who comes by a link begins anew, but the way back by the crumb keeps the filter. */
    await link.click();
    await page.getByRole('navigation', { name: 'Breadcrumb' }).getByRole('link').click();
    await page.locator('tr[data-id=meanwhile]').waitFor();
    assert.equal(new URL(page.url()).hash, '#/submissions?language=python');
    assert.equal(await top(), 0);
  },

  'on a phone ids that begin alike are told apart': async (bench) => {
    const server = await bench.server();
    await server.ready();
    const id = (end) => `01980000-0000-7000-8000-00000000${end}`;
    for (const end of ['aaaa', 'bbbb']) await server.judge(sum({ id: id(end) }));
    const { page, open } = await bench.view(server, { viewport: { width: 390, height: 844 } });
    await open('#/submissions');
    for (const end of ['aaaa', 'bbbb']) {
      const cell = page.locator(`tr[data-id="${id(end)}"] td.c-id`);
      const [tail, box] = [await cell.locator('.id-cut > span').last().boundingBox(), await cell.boundingBox()];
      assert.ok(tail.x >= box.x && tail.x + tail.width <= box.x + box.width + 1, JSON.stringify([tail, box]));
      assert.equal(await cell.textContent(), id(end));
    }
  },

  'latest, and latest failed': async (bench) => {
    const server = await bench.server();
    await server.ready();
    const { page, open } = await bench.view(server);
    await open('#/submissions');
    await page.getByRole('button', { name: 'Latest failed' }).click();
    await page.getByText('None has failed.').waitFor();
    await server.judge(broken({ id: 'failed' }));
    await server.judge(wrong({ id: 'failed-later' }));
    await server.judge(sum({ id: 'fine' }));
    for (const [name, id] of [['Latest', 'fine'], ['Latest failed', 'failed-later']]) {
      await open('#/');
      await page.getByRole('button', { name, exact: true }).click();
      await page.getByRole('heading', { level: 1, name: id }).waitFor();
    }
  },

  'times and numbers are written as the reader does': async (bench) => {
    const server = await bench.server();
    await server.ready();
    await server.judge(sum({ id: 'one' }));
    for (const [locale, pattern] of [['de-DE', /^\d\d:\d\d:\d\d$/], ['en-US', /^\d\d:\d\d:\d\d [AP]M$/]]) {
      const { page, open } = await bench.view(server, { locale });
      await open('#/submissions');
      const cell = page.locator('tr[data-id=one] time');
      assert.match((await cell.textContent()).replace(/\s/g, ' '), pattern);
      const [inner, outer] = await cell.evaluate((t) => [t.scrollWidth, t.parentElement.clientWidth]);
      assert.ok(inner <= outer);
      const memory = await page.locator('tr[data-id=one] .c-memory').textContent();
      assert.match(memory, locale === 'de-DE' ? /^\d,\d MiB$/ : /^\d\.\d MiB$/);
    }
  },
};

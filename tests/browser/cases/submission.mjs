/* One submission: what is shown of it, and what can be done with it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { broken, endless, slowly, sum, wrong } from '../programs.mjs';

const at = (id) => `#/submissions/${encodeURIComponent(id)}`;
const heading = (page, name) => page.getByRole('heading', { level: 1, name });

/* What is marked in the table of expected and got, and the numbers of its lines, row by row. */
const marks = async (page) => ({
  expected: await page.locator('.half-expected mark').allTextContents(),
  got: await page.locator('.half-got mark').allTextContents(),
});
const numbers = (page) => page.locator('.pair').evaluateAll((rows) =>
  rows.map((r) => [...r.querySelectorAll('[role=cell]')].map((c) => c.querySelector('.line-number')?.textContent ?? null)));

export default {
  'a wrong answer: both texts, and where they part': async (bench) => {
    const report = await bench.shared.judge(wrong());
    const { page, open } = await bench.view(bench.shared);
    await open(at(report.id));
    await page.locator('.outcome', { hasText: 'WA wrong answer' }).waitFor();
    await page.getByText('2 of 3', { exact: true }).waitFor();
    await page.getByText('First difference: line 2, column 4').waitFor();
    assert.deepEqual(await marks(page), { expected: ['e'], got: ['é'] });
    await page.getByText('The whole texts').click();
    assert.equal(await page.getByLabel('Test 2, expected output').locator('mark').textContent(), 'e');
    assert.equal(await page.getByLabel('Test 2, output', { exact: true }).locator('mark').textContent(), 'é');
    assert.equal(await page.getByLabel('Test 2, input').textContent(), '2 2');
    assert.ok(await page.getByLabel('Timeline').locator('li').count() >= 3);
    await page.locator('details.test', { hasText: 'Test 1' }).locator('summary').click();
    assert.equal(await page.getByLabel('Test 1, expected output').textContent(), '3');
    await page.getByRole('img', { name: /^Memory: \d+ % of the limit/ }).first().waitFor();
  },

  'a wrong answer far on: marked behind what is left out': async (bench) => {
    const lines = Array.from({ length: 100_000 }, (_, i) => `line ${i + 1}`);
    const report = await bench.shared.judge({
      language: 'python', source: 'for i in range(100000): print("wrong" if i == 77776 else f"line {i + 1}")',
      tests: [{ input: '', expected_output: lines.join('\n') }], limits: { time_limit_ms: 10_000 },
    });
    const { page, open } = await bench.view(bench.shared);
    await open(at(report.id));
    await page.getByText('First difference: line 77777, column 1').waitFor();
    assert.deepEqual(await marks(page), { expected: ['line·77777'], got: ['wrong'] });
    const [, first] = await numbers(page);
    assert.deepEqual(first, ['77772', '77772'], 'the lines before it are there');
    await page.getByText('The whole texts').click();
    assert.equal(await page.getByLabel('Test 1, output', { exact: true }).locator('mark').textContent(), 'wrong');
    assert.equal(await page.getByLabel('Test 1, expected output').locator('mark').textContent(), 'line 77777');
    await page.getByText('what is around the first difference').waitFor();
  },

  'its source is highlighted': async (bench) => {
    const report = await bench.shared.judge(sum());
    const { page, open } = await bench.view(bench.shared);
    await open(at(report.id));
    const source = page.getByRole('textbox', { name: 'Source' });
    await source.waitFor();
    assert.match(await source.innerText(), /print\(a \+ b\)/);
    const colours = await source.evaluate((e) =>
      new Set([...e.querySelectorAll('span')].map((s) => getComputedStyle(s).color)).size);
    assert.ok(colours >= 1 && await source.locator('span').count() > 2, 'no word has a colour of its own');
    await source.focus();
    await page.keyboard.type('x');
    assert.doesNotMatch(await source.innerText(), /^x/);
  },

  'a build that fails shows its log': async (bench) => {
    const report = await bench.shared.judge(broken());
    const { page, open } = await bench.view(bench.shared);
    await open(at(report.id));
    await page.locator('.outcome', { hasText: 'BF build failed' }).waitFor();
    assert.equal(await page.getByRole('region', { name: 'Build log' }).textContent(), report.build_log);
  },

  /* What ends before the page listens is told with the report: so the first test takes as long as a slow
   * page needs to open, and the last longer than it needs to look. */
  'its tests appear one by one': async (bench) => {
    const { id } = await bench.shared.submit(slowly(4, {
      source: 'import time\ni = input()\ntime.sleep({"0": 8, "3": 12}.get(i, 0))\nprint(i)\n',
      limits: { time_limit_ms: 10000, wall_time_limit_ms: 60000 },
    }));
    const { page, open } = await bench.view(bench.shared);
    await open(at(id));
    const badges = page.locator('details.test summary .badge');
    await page.locator('details.test', { hasText: 'Test 1' }).locator('.tone-ok').waitFor();
    assert.equal(await badges.nth(3).textContent(), 'pending');
    await page.locator('.outcome', { hasText: 'OK accepted' }).waitFor();
    await page.getByText('4 of 4', { exact: true }).waitFor();
  },

  'download': async (bench) => {
    const report = await bench.shared.judge(sum());
    const { page, open } = await bench.view(bench.shared);
    await open(at(report.id));
    const [download] = await Promise.all([
      page.waitForEvent('download'), page.getByRole('link', { name: 'Download report' }).click()]);
    assert.equal(download.suggestedFilename(), `${report.id}.json`);
    assert.deepEqual(JSON.parse(readFileSync(await download.path(), 'utf8')), report);
  },

  'run again': async (bench) => {
    const report = await bench.shared.judge(wrong({ checker: { name: 'tokens', case_sensitive: false } }));
    const { page, open } = await bench.view(bench.shared);
    await open(at(report.id));
    await page.getByRole('button', { name: 'Run again' }).click();
    await page.waitForURL((url) => url.hash.startsWith('#/submissions/') && !url.hash.endsWith(report.id));
    await page.locator('.outcome', { hasText: 'WA wrong answer' }).waitFor();
    const id = decodeURIComponent(new URL(page.url()).hash.split('/').at(-1));
    const [a, b] = await Promise.all([report.id, id].map((i) => bench.shared.json(`/submissions/${i}`)));
    for (const sent of [a, b]) {
      delete sent.id;
      delete sent.submitted_at;
    }
    assert.deepEqual(a, b);
  },

  'cancel': async (bench) => {
    const { id } = await bench.shared.submit(endless());
    const { page, open } = await bench.view(bench.shared);
    await open(at(id));
    await page.locator('.progress', { hasText: 'running' }).waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('It was cancelled.').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).waitFor({ state: 'detached' });
    assert.equal((await bench.shared.json(`/results/${id}`)).error, 'cancelled');
  },

  'why it waits': async (bench) => {
    const server = await bench.server({ RUNNER_MAX_PARALLEL: '1' });
    await server.ready();
    await server.submit(endless({ id: 'first' }));
    await server.submit(endless({ id: 'second' }));
    await server.submit(endless({ id: 'third' }));
    const { page, open } = await bench.view(server);
    await open(at('third'));
    await page.getByText('2 in the queue').waitFor();
    for (const id of ['first', 'second', 'third']) await fetch(`${server.url}/submissions/${id}`, { method: 'DELETE' });
    await page.getByText('It was cancelled.').waitFor();
  },

  'one that is not there': async (bench) => {
    const { page, open } = await bench.view(bench.shared, { expected: [/404/] });
    await open(at('nobody'));
    await heading(page, 'nobody').waitFor();
    await page.getByText('There is no such submission').waitFor();
  },

  'ids with everything an address has a meaning for': async (bench) => {
    for (const id of ['a/b?c#d', '%2F', '50%', 'ü €', '...', ' x ']) {
      await bench.shared.judge(sum({ id }));
      const { page, open, close } = await bench.view(bench.shared);
      await open(at(id));
      await page.locator('.outcome', { hasText: 'OK accepted' }).waitFor();
      assert.equal(await page.locator('h1').textContent(), id);
      await open(`#/submissions?id_prefix=${encodeURIComponent(id)}`);
      await page.locator('tr.row a').first().click();
      await page.locator('.outcome', { hasText: 'OK accepted' }).waitFor();
      await close();
    }
  },

  'what was not run has no figures': async (bench) => {
    const report = await bench.shared.judge(broken({ tests: [{ input: '1' }, { input: '2' }] }));
    const { page, open } = await bench.view(bench.shared);
    await open(at(report.id));
    await page.locator('.outcome', { hasText: 'BF' }).waitFor();
    for (const name of ['Tests passed', 'Run time', 'CPU time', 'Memory']) {
      assert.equal(await page.locator('.figure', { has: page.getByText(name, { exact: true }) }).locator('dd > span').first().innerText(), '–', name);
    }
  },

  'cancelled looks the same here and in the list': async (bench) => {
    const { id } = await bench.shared.submit(endless());
    await fetch(`${bench.shared.url}/submissions/${id}`, { method: 'DELETE' });
    const { page, open } = await bench.view(bench.shared);
    await open(at(id));
    const colour = (e) => getComputedStyle(e).color;
    const here = await page.locator('.outcome .badge', { hasText: 'cancelled' }).evaluate(colour);
    assert.equal(await page.locator('.outcome .notice').count(), 0);
    await open(`#/submissions?id_prefix=${id}`);
    assert.equal(await page.locator('tr.row .badge', { hasText: 'cancelled' }).evaluate(colour), here);
  },

  'the verdict is announced': async (bench) => {
    const server = await bench.server({ RUNNER_MAX_PARALLEL: '1' });
    await server.ready();
    await server.submit(endless({ id: 'first' }));
    await server.submit(wrong({ id: 'second' }));
    const { page, open } = await bench.view(server);
    await open(at('second'));
    const status = page.locator('[role=status]', { hasText: 'queued' });
    await status.evaluate((e) => { e.dataset.kept = 'yes'; });
    await fetch(`${server.url}/submissions/first`, { method: 'DELETE' });
    await page.locator('[role=status][data-kept=yes]', { hasText: 'WA wrong answer' }).waitFor();
  },

  'values instead of "the default"': async (bench) => {
    const server = await bench.server({ RUNNER_TIME_LIMIT: '7s', RUNNER_MEMORY_LIMIT: '96MiB', DEFAULT_CHECKER: 'tokens' });
    await server.ready();
    const report = await server.judge(sum({ limits: undefined }));
    const { page, open } = await bench.view(server);
    await open(at(report.id));
    const sent = page.locator('.card', { has: page.getByRole('heading', { name: 'Sent' }) });
    for (const text of ['7.00 s (the default)', '96.0 MiB (the default)', 'tokens (the default)',
      '7.00 s + 100 ms + what it waits for the processor (the default)']) {
      await sent.getByText(text, { exact: true }).waitFor();
    }
  },

  'into the editor, and as a command': async (bench) => {
    const report = await bench.shared.judge(wrong({
      checker: { name: 'float', absolute_tolerance: 0.5, case_sensitive: false }, limits: { time_limit_ms: 3000, wall_time_limit_ms: 4000 },
    }));
    const { page, open } = await bench.view(bench.shared, { permissions: ['clipboard-read', 'clipboard-write'] });
    const { id: _id, state: _state, submitted_at: _at, ...sent } = await bench.shared.json(`/submissions/${report.id}`);
    await open(at(report.id));
    await page.getByRole('button', { name: 'Copy as curl' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    const command = await page.evaluate(() => navigator.clipboard.readText());
    const answer = JSON.parse(execFileSync('/bin/sh', ['-c', `${command} -s`], { encoding: 'utf8' }));
    assert.equal(answer.verdict ?? 'WA', 'WA');
    const { source, tests } = await bench.shared.json(`/submissions/${answer.id}`);
    assert.deepEqual([source, tests], [sent.source, sent.tests]);

    await page.getByRole('button', { name: 'Open in the editor' }).click();
    await page.getByRole('textbox', { name: 'Source' }).filter({ hasText: 'fivé' }).waitFor();
    const [request] = await Promise.all([
      page.waitForRequest((r) => r.method() === 'POST'), page.getByRole('button', { name: 'Run', exact: true }).click()]);
    const again = request.postDataJSON();
    assert.equal(again.source, sent.source);
    assert.deepEqual(again.limits, { time_limit_ms: 3000, wall_time_limit_ms: 4000 });
    assert.deepEqual(again.checker, { name: 'float', absolute_tolerance: 0.5, case_sensitive: false });
    assert.deepEqual(again.tests, wrong().tests);
    assert.equal(again.stop_on_failure, false);
  },
};

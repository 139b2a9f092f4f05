/* Overview and System say what the server says. */
import assert from 'node:assert/strict';

import { pageModule } from '../page_module.mjs';
import { endless, sum, wrong } from '../programs.mjs';
import { within } from '../wait.mjs';

/* Waits until the figure of that name is this. */
const until = (page, name, value) => page.locator('.figures-top .figure', { hasText: name })
  .locator('dd > span', { hasText: new RegExp(`^${value}$`) }).waitFor();

export default {
  'what waits and why, what runs': async (bench) => {
    const server = await bench.server({ RUNNER_MAX_PARALLEL: '1' });
    await server.ready();
    await server.judge(sum());
    await server.submit(endless({ id: 'runs' }));
    await server.submit(sum({ id: 'waits' }));
    const { page, open } = await bench.view(server);
    await open('#/');
    await until(page, 'Queued', 1);
    await until(page, 'Running', 1);
    await until(page, 'Finished', 1);
    assert.equal(await page.getByRole('link', { name: '1, Queued' }).getAttribute('href'), '#/submissions?state=queued');
    assert.equal(await page.getByRole('link', { name: 'waits' }).getAttribute('href'), '#/submissions/waits');
    await fetch(`${server.url}/submissions/runs`, { method: 'DELETE' });
    await page.getByText('Nothing waits.').waitFor();
    await until(page, 'Finished', 3);
  },

  'parts of the series make the whole': async (bench) => {
    const { joined } = await pageModule('stats.ts');
    const server = await bench.server();
    await server.ready();
    await server.judge(sum());
    const ask = (window) => server.json(`/stats?window=${window}&step=10`);
    let old = await ask(300);
    await server.judge(wrong());
    await server.judge({ language: 'c', source: 'int main(void) { return 0; }' });
    for (let rounds = 0; rounds < 2; rounds++) { /* what is old twice over has not become less */
      await within(60, 'a later step', async () => (await ask(10)).t[0] > old.t.at(-1));
      old = await within(60, 'both of one moment', async () => {
        const [part, whole] = [await ask(50), await ask(300)];
        const made = joined(old, part);
        assert.equal(made.t.length, whole.t.length);
        const [mine, theirs] = [made, whole].map(({ present: _, by_language_verdict: pairs, ...rest }) => JSON.stringify([rest, pairs
          .map((p) => `${p.language} ${p.verdict} ${p.counts}`).sort()]));
        return mine === theirs && made;
      });
    }
    assert.deepEqual(old.by_language_verdict.map((p) => p.counts.reduce((a, b) => a + b)), [1, 1, 1]);
    assert.equal(joined({ ...old, series: 'of another start' }, await ask(50)), null);
    assert.equal(joined({ ...old, t: old.t.map((t) => t - 3000) }, await ask(50)), null);
    await server.stop();
    await server.start();
    assert.notEqual((await ask(50)).series, old.series);
  },

  'why nothing is judged': async (bench) => {
    const server = await bench.server({ PYTHON_IMAGE: 'scrc-test/no-such-image:1' });
    await server.submit(sum({ id: 'waits' }));
    const { page, open } = await bench.view(server);
    await open('#/');
    await page.locator('dd', { hasText: 'scrc-test/no-such-image:1' }).waitFor({ timeout: 60_000 });
    await open('#/submissions/waits');
    await page.getByText(/^It waits: .*no-such-image/).waitFor();
    await open('#/system');
    await page.locator('tr', { hasText: 'Python' }).locator('.tone-bad, .tone-none').first().waitFor();
  },

  'curves by verdict and by language': async (bench) => {
    const server = await bench.server();
    await server.ready();
    await server.judge(sum());
    await server.judge(wrong());
    await server.judge({ language: 'c', source: 'int main(void) { return 0; }' });
    const { page, open } = await bench.view(server);
    await open('#/');
    const card = page.locator('.card', { has: page.getByRole('heading', { name: 'Finished' }) });
    const curves = async (wanted) => within(10, `curves ${wanted}`, async () =>
      (await card.locator('.legend span').allTextContents()).map((t) => t.replace(/ [\d.]+\/s$|–$/, '').trim()).join() === wanted);
    await curves('OK accepted,WA wrong answer');
    await card.getByRole('combobox', { name: 'of' }).selectOption('c');
    await curves('OK accepted');
    await card.getByRole('combobox', { name: 'by' }).selectOption('language');
    await curves('c,python');
    await page.getByLabel('The last').selectOption('24 hours');
    await curves('c,python');
    const drawn = await card.locator('canvas').evaluate((c) => {
      const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
      return data.some((v) => v !== 0);
    });
    assert.ok(drawn, 'nothing is drawn');
  },

  'verdicts of one time stand one upon the other': async (bench) => {
    const server = await bench.server();
    await server.ready();
    await within(90, 'both verdicts in one step that is over', async () => {
      await Promise.all([server.judge(sum()), server.judge(wrong())]);
      const { by_verdict: { OK: ok = [], WA: wa = [] } } = await server.json('/stats?window=300&step=10');
      return ok.slice(0, -1).some((n, i) => n > 0 && wa[i] > 0);
    });
    const { page, open } = await bench.view(server);
    await open('#/');
    const card = page.locator('.card', { has: page.getByRole('heading', { name: 'Finished' }) });
    await within(20, 'the bars', () => card.locator('canvas').evaluate((canvas) => {
      const colours = ['--curve-4', '--curve-3'].map((name) => {
        const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
        return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)).join();
      });
      const { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const columns = colours.map(() => new Map()); /* of each colour: the rows, by column */
      for (let i = 0; i < data.length; i += 4) {
        const which = colours.indexOf(`${data[i]},${data[i + 1]},${data[i + 2]}`);
        if (which < 0 || data[i + 3] < 255) continue;
        const x = (i / 4) % width;
        columns[which].set(x, [...(columns[which].get(x) ?? []), Math.floor(i / 4 / width)]);
      }
      const [ok, wa] = columns;
      return [...ok.keys()].some((x) => wa.has(x) && Math.max(...wa.get(x)) < Math.min(...ok.get(x)));
    }).catch(() => false));
  },

  'latency by language and verdict': async (bench) => {
    const server = await bench.server({ LANGUAGES: 'python,c,java' });
    await server.ready();
    await server.judge(sum());
    await server.judge({ language: 'c', source: 'int main(void) { return 0; }' });
    const { page, open } = await bench.view(server);
    await open('#/');
    const card = page.locator('.card', { has: page.getByRole('heading', { name: 'Latency' }) });
    /* The latest p50 in the legend is there, or nothing was judged of that kind. */
    const some = (wanted) => within(10, `latencies: ${wanted}`, async () =>
      !(await card.locator('.legend b').first().textContent()).includes('–') === wanted);
    const inside = card.getByRole('combobox', { name: 'in' });
    const withVerdict = card.getByRole('combobox', { name: 'with' });
    await some(true);
    await inside.selectOption('java');
    await some(false);
    await inside.selectOption('c');
    await some(true);
    await withVerdict.selectOption('TL');
    await some(false);
    await withVerdict.selectOption('OK');
    await some(true);
    await page.getByLabel('The last').selectOption('24 hours');
    await some(true);
  },

  'the build cache': async (bench) => {
    const server = await bench.server();
    await server.ready();
    const again = { language: 'c', source: 'int main(void) { return 0; }' };
    await server.judge(again);
    const { page, open } = await bench.view(server);
    await open('#/');
    const card = page.locator('.card', { has: page.getByRole('heading', { name: 'Stands on' }) });
    await card.getByText(/^1 build, \d.* of 1\.0 GiB; 0 of 1 found, 0 gone to make room$/).waitFor();
    await server.judge(again);
    await card.getByText(/^1 build, .*; 1 of 2 found, /).waitFor();
    const without = await bench.server({ BUILD_CACHE_BYTES: '0' });
    const other = await bench.view(without);
    await other.open('#/');
    await other.page.locator('dt', { hasText: 'Build cache' }).locator('+ dd', { hasText: /^off/ }).waitFor();
  },

  'System: findings, languages, settings, build': async (bench) => {
    const { page, open } = await bench.view(bench.shared);
    const said = await bench.shared.json('/system');
    await open('#/system');
    const findings = page.getByRole('region', { name: 'Findings' }).locator('tbody tr');
    await findings.first().waitFor();
    assert.equal(await findings.count(), said.findings.length);
    assert.equal(await page.getByRole('region', { name: 'Languages' }).locator('tbody tr').count(), 5);
    const settings = page.getByRole('region', { name: 'Settings' }).locator('tbody tr');
    assert.equal(await settings.count(), said.settings.filter((s) => s.is_set).length);
    await page.getByLabel(/^Also those/).check();
    assert.equal(await settings.count(), said.settings.length);
    await page.getByText(said.server.instance).waitFor();
  },
};

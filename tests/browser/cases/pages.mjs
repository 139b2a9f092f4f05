/* Every page comes up, and the ways between them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';

import { wrong } from '../programs.mjs';

const PAGES = { '#/': 'Overview', '#/submissions': 'Submissions', '#/try': 'Try it', '#/system': 'System' };

export default {
  'each page by its address': async (bench) => {
    const { page, open } = await bench.view(bench.shared);
    for (const [hash, title] of Object.entries(PAGES)) {
      await open(hash);
      await page.getByRole('heading', { level: 1, name: title }).waitFor();
      assert.equal(await page.title(), `${title} · scrc`);
    }
  },

  'by the links, and back': async (bench) => {
    const { page, open } = await bench.view(bench.shared);
    await open('');
    for (const title of Object.values(PAGES)) {
      await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: title, exact: true }).click();
      await page.getByRole('heading', { level: 1, name: title }).waitFor();
      assert.equal(await page.locator('nav a[aria-current=page]').textContent(), title);
      if (title !== 'Overview') await page.locator('main:focus').waitFor();
    }
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: 'Try it' }).waitFor();
  },

  'an address of nothing': async (bench) => {
    const { page, open } = await bench.view(bench.shared);
    for (const hash of ['#/nothing', '#/%ff', '#/constructor']) {
      await open(hash);
      await page.getByRole('heading', { level: 1, name: 'Not here' }).waitFor();
    }
  },

  'says that it is connected': async (bench) => {
    const { page, open } = await bench.view(bench.shared);
    await open('');
    await page.getByText('Live', { exact: true }).waitFor();
  },

  'the theme is kept, and follows the system when it is to': async (bench) => {
    const { page, open } = await bench.view(bench.shared, { colorScheme: 'dark' });
    const until = (theme) => page.locator(`html[data-theme=${theme}]`).waitFor();
    await open('');
    await until('dark');
    await page.getByLabel('Theme').selectOption('Light');
    await until('light');
    await page.reload();
    await until('light');
    await page.getByLabel('Theme').selectOption('Auto');
    await until('dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await until('light');
  },

  /* A phone, and a page of 1280 pixels that is shown twice as large. */
  'nothing scrolls sideways': async (bench) => {
    const { id } = await bench.shared.judge(wrong());
    for (const viewport of [{ width: 360, height: 740 }, { width: 640, height: 400 }]) {
      const { page, open } = await bench.view(bench.shared, { viewport });
      for (const hash of [...Object.keys(PAGES), `#/submissions/${id}`]) {
        await open(hash);
        await page.getByRole('heading', { level: 1 }).waitFor();
        if (hash.endsWith(id)) await page.locator('.pairs-table').waitFor();
        const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(inner <= outer, `${hash}: ${inner} of ${outer}`);
      }
    }
  },

  'where nothing has been submitted it is said how to': async (bench) => {
    const server = await bench.server({ RUNNER_MAX_PARALLEL: '0' });
    const { page, open } = await bench.view(server, { permissions: ['clipboard-read', 'clipboard-write'] });
    for (const hash of ['#/submissions', '#/']) {
      await open(hash);
      await page.getByText('Nothing has been submitted yet.').waitFor();
    }
    await page.getByRole('button', { name: 'Copy the command' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    const command = (await page.evaluate(() => navigator.clipboard.readText())).replace('wait=30', 'wait=0');
    const { state } = JSON.parse(execFileSync('/bin/sh', ['-c', `${command} -s`], { encoding: 'utf8' }));
    assert.equal(state, 'queued');
  },
};

/* Every page comes up, and the ways between them. */
import assert from 'node:assert/strict';

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

  'a phone has no sideways scrolling': async (bench) => {
    const { page, open } = await bench.view(bench.shared, { viewport: { width: 360, height: 740 } });
    for (const hash of Object.keys(PAGES)) {
      await open(hash);
      await page.getByRole('heading', { level: 1 }).waitFor();
      const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(inner <= outer, `${hash}: ${inner} of ${outer}`);
    }
  },
};

/* axe-core finds nothing: each page, in both themes, and on a phone. */
import assert from 'node:assert/strict';

import { axe } from '../browser.mjs';
import { broken, sum, wrong } from '../programs.mjs';

const VIEWS = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true },
};

/* Each with what has to be there before it is looked at. */
const pages = (ids) => ({
  overview: ['#/', 'canvas'],
  list: ['#/submissions', 'tr.row'],
  'empty list': ['#/submissions?id_prefix=nobody', '.nothing'],
  wrong: [`#/submissions/${ids.wrong}`, '.cm-content'],
  'build failed': [`#/submissions/${ids.broken}`, '.cm-content'],
  try: ['#/try', '.cm-content'],
  system: ['#/system', 'table'],
  nothing: ['#/nothing', 'h1'],
});

const inView = (name) => async (bench) => {
  const ids = {};
  await bench.shared.judge(sum());
  ids.wrong = (await bench.shared.judge(wrong())).id;
  ids.broken = (await bench.shared.judge(broken())).id;
  const found = [];
  for (const [title, [hash, sign]] of Object.entries(pages(ids))) {
    const { page, open, close } = await bench.view(bench.shared, VIEWS[name]);
    await open(hash);
    await page.locator(sign).first().waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    found.push(...(await axe(page)).map((line) => `${title}: ${line}`));
    await close();
  }
  assert.deepEqual(found, []);
};

export default Object.fromEntries(Object.keys(VIEWS).map((name) => [name, inView(name)]));

/* run.mjs [FILTER] - the dashboard in a real browser, against a real server with real cells.
 *
 * Prints `PASS name` or `FAIL name` for each case, the figures (name = value), and at last
 * `N passed, N failed`. Exit code 1 when one failed, 77 where no browser is.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { canRun, launch, openPage } from './browser.mjs';
import { Server } from './server.mjs';

if (!canRun) {
  console.log('no chromium here');
  process.exit(77);
}

const filter = process.argv[2] ?? '';
const folder = new URL('cases/', import.meta.url);
const counts = { PASS: 0, FAIL: 0 };
const figures = [];

/* Ends what a case opened, the last first, whatever became of it. */
class Bench {
  constructor(browser, shared) {
    this.browser = browser;
    this.shared = shared; /* the server of all cases that do it no harm */
    this.ends = [];
    this.views = [];
  }

  async view(server, options) {
    const view = await openPage(this.browser, server, options);
    this.ends.push(view.close);
    this.views.push(view);
    return view;
  }

  /* Of two languages: to test all five at each start takes seconds of both cores. */
  async server(settings) {
    const server = new Server({ LANGUAGES: 'python,c', ...settings });
    this.ends.push(() => server.close());
    return server.start();
  }

  figure(name, value) {
    figures.push(`${name} = ${value}`);
  }

  async end() {
    for (const end of this.ends.reverse()) await end();
  }
}

async function runCase(browser, shared, { name, test }) {
  const bench = new Bench(browser, shared);
  const lines = [];
  let word = 'PASS';
  try {
    await limited(test(bench));
    for (const view of bench.views) assert.deepEqual(view.breaches, [], 'something happened that never should');
  } catch (e) {
    word = 'FAIL';
    lines.push(String(e.stack ?? e).replace(/^/gm, '    '));
    for (const [i, { page }] of bench.views.entries()) {
      if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name.replace(/\W+/g, '-')}-${i}.png` }).catch(() => {});
    }
  } finally {
    await bench.end();
  }
  counts[word]++;
  console.log([...lines, `${word} ${name}`].join('\n'));
}

const CASE_MS = 180_000;

function limited(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${CASE_MS / 1000} s`)), CASE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/* Those that measure run alone; of the others, which wait most of their time, several at once. */
const AT_ONCE = 3;

async function runAll(browser, shared, cases) {
  for (const c of cases.filter((x) => x.alone)) await runCase(browser, shared, c);
  const rest = cases.filter((x) => !x.alone);
  const worker = async () => {
    for (let c = rest.shift(); c; c = rest.shift()) await runCase(browser, shared, c);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const browser = await launch();
const shared = await new Server().start();
try {
  await shared.ready();
  const all = [];
  for (const file of readdirSync(fileURLToPath(folder)).sort()) {
    const { default: cases, alone = false } = await import(new URL(file, folder));
    for (const [title, test] of Object.entries(cases)) all.push({ name: `${file.replace('.mjs', '')}: ${title}`, test, alone });
  }
  await runAll(browser, shared, all.filter((c) => c.name.includes(filter)));
} finally {
  await browser.close();
  await shared.close();
}
for (const figure of figures) console.log(figure);
console.log(`${counts.PASS} passed, ${counts.FAIL} failed`);
process.exitCode = counts.FAIL ? 1 : 0;

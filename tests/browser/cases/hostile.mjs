/* What others write (ids, sources, all that programs and compilers print, what was expected) is text
 * and nothing else, wherever it is shown. A breach of the policy, a dialog or an error on the console
 * fails any case; here every element is also one of ours. */
import assert from 'node:assert/strict';

import { sum } from '../programs.mjs';

const MARKUP = '<script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)></svg>'
  + '<a href="javascript:alert(4)">x</a><style>body{display:none}</style>{{1}}${2}&lt;"\'</pre></textarea>';
const DIRECTIONS = '\u202eevil\u202c \u2066x\u2069 \u200f\u200e\u061c \u05d0\u05d1';
const CONTROLS = '\u0000\u0001\u0007\b\u000b\f\r\u001b[31mred\u001b[0m\u001b]8;;http://x/\u0007\u007f\u0085\u2028\u2029\ufeff\u200b';
const EVIL = `${MARKUP}\n${DIRECTIONS}\n${CONTROLS}\n`;
const LINE = 'x'.repeat(1024 * 1024);

/* Elements that the page never has, and so came out of a text. (The editor has images without a
 * source between its words, for the caret.) */
const FOREIGN = 'main script, main img:not(.cm-widgetBuffer), main img[src], main style, main iframe, main object, main embed, main link, main svg, '
  + 'a[href^="javascript:"], [onerror], [onload], [onclick]';

async function assertInert(page) {
  assert.equal(await page.locator(FOREIGN).count(), 0);
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).display), 'block');
  /* Nothing invisible is left in what is shown: it has been spelled out. */
  const text = await page.locator('main').textContent();
  assert.doesNotMatch(text, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u);
}

const writes = (text) => `import sys\nsys.stdout.buffer.write(${JSON.stringify(text)}.encode())\n`
  + `sys.stderr.buffer.write(${JSON.stringify(text)}.encode())\n`;

/* Python reads \\uXXXX of JSON as JSON does; surrogate pairs it would not. */
const at = (id) => `#/submissions/${encodeURIComponent(id)}`;

export default {
  'an id': async (bench) => {
    const id = `evil ${MARKUP} ${DIRECTIONS}`.slice(0, 200);
    await bench.shared.judge(sum({ id }));
    const { page, open } = await bench.view(bench.shared);
    for (const hash of [at(id), '#/submissions', `#/submissions?id_prefix=${encodeURIComponent(id)}`, '#/']) {
      await open(hash);
      await page.locator('h1').waitFor();
      if (hash.includes('submissions')) await page.getByText('evil <script>').first().waitFor();
      await assertInert(page);
    }
  },

  'an id that waits longest': async (bench) => {
    const server = await bench.server({ RUNNER_MAX_PARALLEL: '0' });
    const id = `evil ${MARKUP} ${DIRECTIONS}`.slice(0, 200);
    await server.submit(sum({ id }));
    const { page, open } = await bench.view(server);
    await open('#/');
    await page.getByRole('link', { name: 'evil <script>' }).waitFor();
    await assertInert(page);
    await open(at(id));
    await page.locator('.progress', { hasText: 'queued' }).waitFor();
    await assertInert(page);
  },

  'output, errors, input and what was expected': async (bench) => {
    const report = await bench.shared.judge({
      language: 'python', source: writes(EVIL),
      tests: [{ input: EVIL, expected_output: `other ${EVIL}` }],
    });
    assert.equal(report.verdict, 'WA');
    const { page, open } = await bench.view(bench.shared);
    await open(at(report.id));
    const compared = await page.locator('.pairs-table').textContent();
    assert.ok(compared.includes('<script>alert(1)</script><img src=x onerror=alert(2)>'), compared);
    await page.getByText('The whole texts').click();
    for (const name of ['expected output', 'output', 'input', 'standard error']) {
      const text = await page.getByLabel(`Test 1, ${name}`, { exact: true }).textContent();
      assert.ok(text.includes('<script>alert(1)</script><img src=x onerror=alert(2)>'), `${name}: ${text}`);
      assert.ok(text.includes('‹ESC›[31mred') && text.includes('‹NUL›') && text.includes('‹RLO›evil'), `${name}: ${text}`);
    }
    await assertInert(page);
  },

  'the only run of a program without tests': async (bench) => {
    const report = await bench.shared.judge({ language: 'python', source: writes(EVIL) });
    const { page, open } = await bench.view(bench.shared);
    await open(at(report.id));
    assert.ok((await page.getByLabel('Standard output').textContent()).includes('<svg onload=alert(3)>'));
    await assertInert(page);
  },

  'bytes that are no UTF-8': async (bench) => {
    const report = await bench.shared.judge({
      language: 'python', source: 'import os\nos.write(1, bytes(range(256)))\nos.write(2, b"\\xc3\\x28\\xff")\n',
      tests: [{ expected_output_base64: Buffer.from([0xff, 0xfe, 0]).toString('base64') }],
    });
    const { page, open } = await bench.view(bench.shared);
    await open(at(report.id));
    const [download] = await Promise.all([page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save the exact bytes' }).first().click()]);
    const { readFileSync } = await import('node:fs');
    assert.deepEqual([...readFileSync(await download.path())], Array.from({ length: 256 }, (_, i) => i));
    await assertInert(page);
  },

  'a source, and the build log that quotes it': async (bench) => {
    const report = await bench.shared.judge({ language: 'c', source: `#error ${MARKUP} ${DIRECTIONS}\n#include "${MARKUP}"\n` });
    assert.equal(report.verdict, 'BF');
    const { page, open } = await bench.view(bench.shared);
    await open(at(report.id));
    assert.ok((await page.getByLabel('Build log').textContent()).includes('<script>alert(1)</script>'));
    const source = page.getByRole('textbox', { name: 'Source' });
    assert.ok((await source.innerText()).includes('<script>alert(1)</script>'));
    assert.equal(await source.locator('script, img:not(.cm-widgetBuffer), svg, a').count(), 0);
    await assertInert(page);
  },

  'lines of a megabyte': async (bench) => {
    const server = await bench.server({ REPORT_OUTPUT_BYTES: '4MiB', MAX_SOURCE_BYTES: '4MiB' });
    await server.ready();
    const report = await server.judge({
      language: 'python', source: `# ${LINE}\nprint("x" * 1048576)\nimport sys\nsys.stderr.write("\\0a" * 524288)\n`,
      tests: [{ input: LINE, expected_output: `${LINE.slice(0, 700_000)}y` }], limits: { time_limit_ms: 10_000 },
    });
    assert.equal(report.verdict, 'WA');
    const { page, open } = await bench.view(server);
    await open(at(report.id));
    const output = page.getByLabel('Test 1, output', { exact: true });
    await page.getByText('First difference: line 1, column 700001').waitFor();
    assert.ok((await page.locator('.pairs-table').textContent()).length < 1200);
    await page.getByText('The whole texts').click();
    assert.ok((await output.textContent()).length <= 4000);
    assert.match(await output.locator('mark').textContent(), /^x+$/);
    assert.equal((await page.getByLabel('Test 1, expected output').locator('mark').textContent())[0], 'y');
    await page.locator('.text', { has: output }).getByRole('button', { name: 'Show all (1.0 MiB)' }).click();
    assert.equal((await output.textContent()).length, 1024 * 1024 + 1);
    await page.locator('.text', { has: output }).getByRole('button', { name: 'Show less' }).click();
    const errors = page.getByLabel('Test 1, standard error');
    await page.locator('.text', { has: errors }).getByRole('button', { name: /^Show all/ }).click();
    assert.equal((await errors.textContent()).length, 6 * 524288);
    assert.ok(await errors.locator('span').count() <= 2000 + 1024 * 1024 / 4096);
    assert.ok((await page.getByLabel('Source', { exact: true }).textContent()).length <= 4001);
    await assertInert(page);
  },

  'what the page itself is told to do by an address': async (bench) => {
    const { page, open } = await bench.view(bench.shared, { expected: [/422/, /404/, /400/] });
    for (const query of ['status=<script>alert(1)</script>', 'sort=__proto__', 'since=<img src=x>', 'limit=1&cursor=x',
      `id_prefix=${encodeURIComponent(EVIL)}`]) {
      await open(`#/submissions?${query}`);
      await page.getByRole('heading', { name: 'Submissions' }).waitFor();
      await assertInert(page);
    }
  },
};

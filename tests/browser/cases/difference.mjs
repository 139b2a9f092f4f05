/* Why it is wrong, at a glance: expected beside got, the field of tests, the limit that was hit. */
import assert from 'node:assert/strict';

import { axe } from '../browser.mjs';
import { sum } from '../programs.mjs';

const at = (id) => `#/submissions/${encodeURIComponent(id)}`;

const prints = (text) => `import sys\nsys.stdout.write(${JSON.stringify(text)})\n`;
const base64 = (bytes) => Buffer.from(bytes).toString('base64');

/* Judges one program with one test, and opens its page. */
async function shown(bench, { got, source = prints(got), test, ...more }, options) {
  const report = await bench.shared.judge({
    language: 'python', source, tests: [{ input: '', ...test }], limits: { time_limit_ms: 10_000 }, ...more,
  });
  const view = await bench.view(bench.shared, options);
  await view.open(at(report.id));
  return { report, ...view };
}

/* The rows of the table: [number, text of expected with its marks in [], number, text of got]; null
 * for the half that is not there. */
const table = (page) => page.locator('.pair:not(.pair-head)').evaluateAll((rows) => rows.map((row) =>
  [...row.children].map((half) => {
    const code = half.querySelector('code')?.cloneNode(true);
    if (!code) return null;
    for (const m of code.querySelectorAll('mark')) m.replaceWith(`[${m.textContent}]`);
    return `${half.querySelector('.line-number').textContent}: ${code.textContent}`;
  })));

async function tableOf(bench, options) {
  const { page } = await shown(bench, options);
  await page.locator('.pairs-table').waitFor();
  return { page, rows: await table(page) };
}

const wantsBytes = (page, expected, got) =>
  page.locator('.compared-bytes', { hasText: `expected ${expected}, got ${got}` }).waitFor();

export default {
  'a line that is missing moves the others': async (bench) => {
    const { rows } = await tableOf(bench, { got: 'a\nb\nd\ne\n', test: { expected_output: 'a\nb\nc\nd\ne\n' } });
    assert.deepEqual(rows, [['1: a', '1: a'], ['2: b', '2: b'], ['3: [c]', null], ['4: d', '3: d'], ['5: e', '4: e']]);
  },

  'a line too many': async (bench) => {
    const { rows } = await tableOf(bench, { got: 'a\nx\nb\n', test: { expected_output: 'a\nb\n' } });
    assert.deepEqual(rows, [['1: a', '1: a'], [null, '2: [x]'], ['2: b', '3: b']]);
  },

  'blanks and tabs are drawn where they differ': async (bench) => {
    const { page, rows } = await tableOf(bench, { got: 'a1  b2\tc3 \n', test: { expected_output: 'a1 b2 c3\n' }, checker: 'exact' });
    assert.deepEqual(rows, [['1: a1 b2[·]c3', '1: a1 [·]b2[→]c3[·]']]);
    await wantsBytes(page, '62 32 20 63', '20 62 32 09');
  },

  'a newline at the end is drawn where it differs': async (bench) => {
    const { page, rows } = await tableOf(bench, { got: '5', test: { expected_output: '5\n' }, checker: 'exact' });
    assert.deepEqual(rows, [['1: 5[⏎]', '1: 5[‹no newline›]']]);
    await wantsBytes(page, '0A', 'nothing, it ends');
  },

  'nothing came': async (bench) => {
    const { rows } = await tableOf(bench, { got: '', test: { expected_output: 'a\n\nb\n' } });
    assert.deepEqual(rows, [['1: [a]', null], ['2: [⏎]', null], ['3: [b]', null]]);
  },

  'words: both sides are marked, wherever they lie': async (bench) => {
    const { rows } = await tableOf(bench, { got: '1 2\n3 4 5 9\n', test: { expected_output: '1\n2 3 4 6\n9' }, checker: 'tokens' });
    assert.deepEqual(rows, [['1: 1', '1: 1 2'], ['2: 2 3 4 [6]', '2: 3 4 [5] 9'], ['3: 9', null]]);
  },

  'words on other lines': async (bench) => {
    const { rows } = await tableOf(bench, { got: '1 2 3 4 x\n', test: { expected_output: '1\n2\n3\n4\n5\n' }, checker: 'tokens' });
    assert.deepEqual(rows, [['5: [5]', '1: 1 2 3 4 [x]']]);
  },

  'numbers within the tolerance are not marked': async (bench) => {
    const { rows } = await tableOf(bench, { got: '1.00001 2.5 NAN\n', test: { expected_output: '1 2 nan\n' },
      checker: { name: 'float', absolute_tolerance: 0.001 } });
    assert.deepEqual(rows, [['1: 1 [2] nan', '1: 1.00001 [2.5] NAN']]);
  },

  'the case of letters, where it does not count': async (bench) => {
    const { rows } = await tableOf(bench, { got: 'yes\nNO\n', test: { expected_output: 'YES\nYES\n' },
      checker: { name: 'lines', case_sensitive: false } });
    assert.deepEqual(rows, [['1: YES', '1: yes'], ['2: [YES]', '2: [NO]']]);
  },

  'bytes that no text shows': async (bench) => {
    const { page, rows } = await tableOf(bench, {
      source: 'import os\nos.write(1, b"ab\\xff\\xfe12\\n")', test: { expected_output_base64: base64([97, 98, 0xff, 0xfd, 49, 50, 10]) },
    });
    assert.deepEqual(rows, [['1: ab‹0xFF›[‹0xFD›]12', '1: ab‹0xFF›[‹0xFE›]12']]);
    await wantsBytes(page, 'FD 31 32 0A', 'FE 31 32 0A');
  },

  'letters that look the same': async (bench) => {
    const { page, rows } = await tableOf(bench, { got: 'p\u0430per', test: { expected_output: 'paper' } });
    assert.deepEqual(rows, [['1: p[a]per', '1: p[\u0430]per']]);
    await wantsBytes(page, '61 70 65 72', 'D0 B0 70 65 72');
  },

  'a long line is cut around what differs, at the same place': async (bench) => {
    const line = 'x'.repeat(100_000);
    const { page } = await shown(bench, { got: `${line}a${line}\n`, source: `print("x" * 100000 + "a" + "x" * 100000)`,
      test: { expected_output: `${line}b${line}\n` } });
    await page.locator('.pairs-table').waitFor();
    const [[expected, got]] = await table(page);
    assert.match(expected, /^1: 99,940 before … x{60}\[b\]x+ … 99,\d+ more$/);
    assert.match(got, /^1: 99,940 before … x{60}\[a\]x+ … [\d,]+ more$/);
  },

  'more lines around it': async (bench) => {
    const lines = (wrong) => Array.from({ length: 200 }, (_, i) => (i === 99 ? wrong : `line ${i + 1}`)).join('\n');
    const { page, rows } = await tableOf(bench, { got: lines('no'), test: { expected_output: lines('yes') } });
    assert.deepEqual(rows[0], ['95: line 95', '95: line 95']);
    assert.deepEqual(rows[5], ['100: [yes]', '100: [no]']);
    await page.getByRole('button', { name: 'More lines around it' }).click();
    await page.locator('.line-number', { hasText: /^70$/ }).first().waitFor();
    await page.getByRole('button', { name: 'More lines around it' }).click();
    await page.locator('.line-number', { hasText: /^200$/ }).first().waitFor();
    assert.equal(await page.getByRole('button', { name: 'More lines around it' }).count(), 0);
  },

  'on a phone one is above the other': async (bench) => {
    const { page } = await shown(bench, { got: 'a\nx\nc\n', test: { expected_output: 'a\nb\nc\n' } },
      { viewport: { width: 360, height: 740 }, hasTouch: true });
    const lines = page.locator('.pair:not(.pair-head) .half:visible');
    await page.locator('.pairs-table').waitFor();
    assert.deepEqual(await lines.allInnerTexts().then((all) => all.map((t) => t.replace(/\s+/g, ' '))), ['1 a', '2 b', '2 x', '3 c']);
    const [b, x] = [await lines.nth(1).boundingBox(), await lines.nth(2).boundingBox()];
    assert.ok(x.y >= b.y + b.height - 1 && x.x === b.x, 'they are not below each other');
    const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(inner <= outer, `${inner} of ${outer}`);
  },

  'the field of tests: only failed, one chosen by the address': async (bench) => {
    const report = await bench.shared.judge(sum({
      source: 'i = int(input())\nprint(-i if i in (13, 78) else i)', stop_on_failure: false,
      tests: Array.from({ length: 100 }, (_, i) => ({ input: String(i + 1), expected_output: String(i + 1) })),
    }));
    const { page, open } = await bench.view(bench.shared);
    await open(at(report.id));
    const rows = page.locator('details.test');
    await page.getByRole('button', { name: '13 WA wrong answer' }).waitFor();
    assert.deepEqual(await rows.locator('.test-number').allTextContents(), ['Test 13', 'Test 78']);
    await page.locator('details.test[open]', { hasText: 'Test 13' }).waitFor();
    assert.ok((await page.locator('.card', { has: page.locator('.test-field') }).boundingBox()).height < 900);

    await page.getByRole('button', { name: '42 accepted' }).click();
    await page.locator('details.test[open]', { hasText: 'Test 42' }).waitFor();
    assert.equal(new URL(page.url()).hash, `${at(report.id)}?test=42`);
    await page.getByLabel(/^Only failed/).uncheck();
    await page.getByRole('button', { name: /more tests$/ }).waitFor();
    assert.deepEqual((await rows.locator('.test-number').allTextContents()).slice(0, 3), ['Test 1', 'Test 2', 'Test 3']);

    await open(`${at(report.id)}?test=78`);
    await page.reload();
    await page.locator('details.test[open]', { hasText: 'Test 78' }).waitFor();
    await page.locator('.test-cell[aria-pressed=true]', { hasText: '78' }).focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await page.locator('details.test[open]', { hasText: 'Test 79' }).waitFor();
    assert.deepEqual(await axe(page), []);
  },

  'the first that failed is in sight among many': async (bench) => {
    const report = await bench.shared.judge(sum({
      source: 'i = int(input())\nprint(-i if i == 600 else i)',
      tests: Array.from({ length: 700 }, (_, i) => ({ input: String(i + 1), expected_output: String(i + 1) })),
    }));
    const { page, open } = await bench.view(bench.shared, { viewport: { width: 390, height: 844 } });
    await open(at(report.id));
    const cell = page.getByRole('button', { name: '600 WA wrong answer' });
    const [c, b] = [await cell.boundingBox(), await page.locator('.test-field').boundingBox()];
    assert.ok(c.y >= b.y && c.y + c.height <= b.y + b.height, `${JSON.stringify(c)} in ${JSON.stringify(b)}`);
  },

  'the limit that was hit, its value, and how far it went': async (bench) => {
    const hits = {
      cpu: [{ source: 'while 1: pass', limits: { time_limit_ms: 300 } }, /^CPU time: (3\d\d|4\d\d) ms, the limit was 300 ms$/],
      wall: [{ source: 'import time\ntime.sleep(9)', limits: { time_limit_ms: 300, wall_time_limit_ms: 900 } },
        /^Wall time: .*, the limit was 900 ms/],
      derived: [{ source: 'import time\ntime.sleep(9)', limits: { time_limit_ms: 300 } },
        /^Wall time: .*, the limit was 300 ms \+ 100 ms \+ what it waited for the processor/],
      memory: [{ source: 'x = "x" * 100000000', limits: { time_limit_ms: 9000, memory_limit_bytes: 33554432 } },
        /^Memory: [\d.]+ MiB, the limit was 32.0 MiB$/],
      output: [{ source: 'while 1: print("x" * 100000)' }, /^Output: more, the limit was 16.0 MiB$/],
      processes: [{ source: 'import os, time\nwhile 1:\n  if os.fork() == 0: time.sleep(60)' },
        /^Processes and threads: more, the limit was 128/],
    };
    for (const [name, [program, text]] of Object.entries(hits)) {
      const { page, close } = await shown(bench, program);
      const hit = page.locator('.card', { has: page.locator('.outcome') }).locator('.hit');
      await hit.filter({ hasText: text }).waitFor(); /* a limit that is the server's own comes later */
      if (name !== 'wall' && name !== 'derived') continue;
      const figure = page.locator('.figure', { hasText: 'CPU time' });
      assert.doesNotMatch(await figure.textContent(), /limit/);
      await page.getByRole('img', { name: 'Wall time: 100 % of the limit' }).waitFor();
      assert.equal(await page.getByRole('img', { name: /^CPU time: / }).count(), 0);
      await close();
    }
  },
};

/* What compilers say, at the lines that it is about. */
import assert from 'node:assert/strict';

import { axe } from '../browser.mjs';
import { pageModule } from '../page_module.mjs';

const BROKEN_C = '#include <stdio.h>\nint main(void) {\n\tint x = 0;\n\tretrun x;\n}\n';

/* language, source, and for each mark its line, what is marked of it, its severity, what it says */
const LOGS = [
  ['c', BROKEN_C, [[4, 'retrun', 'error', /unknown type|undeclared/]]],
  ['c', 'int f(int a) { return a / 0; }\nint main(void) { return f(0) * 0; }\n', [[1, '/', 'warning', /division by zero/]]],
  ['cpp', '#include <vector>\nint main() {\n  const char *é = "é"; std::vector<int> v = "x";\n}\n', [[3, '"', 'error', /conversion/]]],
  ['java', 'public class Solution {\n\tpublic static void main(String[] a) {\n\t\tint x = "s";\n\t\ty();\n\t}\n}\n',
    [[3, '"', 'error', /incompatible types/], [4, 'y', 'error', /cannot find symbol/]]],
  ['go', 'package main\n\nimport "fmt"\n\nfunc main() {\n\té := "é"; nothing()\n}\n',
    [[3, '"', 'error', /not used/], [6, 'nothing', 'error', /undefined: nothing/]]],
  ['python', 'def g():\n    pass\n\nclass A:\n    def f(:\n        pass\n', [[5, ':', 'error', /^SyntaxError: /]]],
  ['python', 'if 1:\nprint(2)\n', [[2, 'print', 'error', /^IndentationError: /]]],
  ['python', 'def f():\n    raise ValueError(1)\nf()\n', []],
];

const editor = (page) => page.getByRole('textbox', { name: 'Source' });
const run = (page) => page.getByRole('button', { name: 'Run', exact: true }).click();
const marked = (page, severity) => page.locator(`.cm-lintRange-${severity}`);

/* As a file: the browser's own way to insert lines that begin with blanks breaks the page's policy. */
async function write(page, text) {
  await page.getByLabel('Open a file').setInputFiles({ name: 'source', mimeType: 'text/plain', buffer: Buffer.from(text) });
  await editor(page).filter({ hasText: text.trim().split('\n').at(-1) }).waitFor();
}

export default {
  'messages of every compiler are understood': async (bench) => {
    const { marksOf } = await pageModule('marks.ts');
    for (const [language, source, wanted] of LOGS) {
      const { build_log: log, stderr } = await bench.shared.judge({ language, source });
      const marks = marksOf(log || stderr, source);
      const lines = source.split('\n');
      const of = (m) => lines[m.line - 1].slice(m.from, m.to);
      for (const [line, text, severity, says] of wanted) {
        const mark = marks.find((m) => m.line === line && m.severity === severity && says.test(m.message));
        assert.ok(mark, `${language}: nothing at line ${line} of\n${log}\n${JSON.stringify(marks)}`);
        assert.equal(of(mark), text, log);
      }
      if (!wanted.length) assert.deepEqual(marks, [], log || stderr);
    }
  },

  'a message that is not of this source is no mark': async () => {
    const { marksOf } = await pageModule('marks.ts');
    const source = 'one\ntwo\n';
    for (const line of ['/usr/include/stdio.h:1:1: error: x', 'main.c:9:1: error: beyond the end', 'main.c: In function', 'a:b', '']) {
      assert.deepEqual(marksOf(line, source), [], line);
    }
    assert.equal(marksOf('main.c:1:1: error: x\n'.repeat(5000), source).length, 200);
    assert.deepEqual(marksOf('main.c:2:99999: error: far out', source), [{ line: 2, from: 2, to: 3, severity: 'error', message: 'far out' }]);
  },

  'in the editor, until it is mended': async (bench) => {
    const { page, open } = await bench.view(bench.shared);
    await open('#/try');
    await page.locator('.cm-content').waitFor();
    await page.getByLabel('Language').selectOption('c');
    await editor(page).filter({ hasText: 'main' }).waitFor();
    await write(page, BROKEN_C);
    await run(page);
    await marked(page, 'error').filter({ hasText: 'retrun' }).waitFor({ timeout: 60_000 });
    await page.locator('.cm-gutter-lint .cm-lint-marker-error').first().waitFor();

    /* Marks go along with what is written before them. */
    await editor(page).focus();
    await page.keyboard.press('Control+Home');
    await page.keyboard.type('/* more */\n');
    await marked(page, 'error').filter({ hasText: 'retrun' }).waitFor();
    await page.getByRole('list', { name: 'Marked lines' }).getByRole('button').first().click();
    await page.locator('.cm-activeLine', { hasText: 'retrun x;' }).waitFor();
    assert.ok(await editor(page).evaluate((e) => e.getRootNode().activeElement === e), 'the editor is not where one writes');
    await page.keyboard.type('return');
    await editor(page).filter({ hasText: 'return x;' }).waitFor();
    assert.deepEqual(await axe(page), []);

    /* Another language's source has none; neither has one that is right. */
    await page.getByLabel('Language').selectOption('python');
    await editor(page).filter({ hasText: 'map(int' }).waitFor();
    assert.equal(await marked(page, 'error').count(), 0);
    await page.getByLabel('Language').selectOption('c');
    await editor(page).filter({ hasText: 'return x;' }).waitFor();
    await run(page);
    await page.locator('.outcome', { hasText: 'WA wrong answer' }).waitFor({ timeout: 60_000 });
    assert.equal(await page.locator('.cm-lint-marker-error').count(), 0);
  },

  'of a submission, on a phone too': async (bench) => {
    const { id } = await bench.shared.judge({ language: 'c', source: `${'\n'.repeat(300)}${BROKEN_C}` });
    const { page, open } = await bench.view(bench.shared, { viewport: { width: 360, height: 740 }, hasTouch: true });
    await open(`#/submissions/${id}`);
    const place = page.getByRole('list', { name: 'Marked lines' }).getByRole('button', { name: /^Line 304/ }).first();
    await page.locator('.cm-content').waitFor();
    await place.click();
    const line = page.locator('.cm-line', { hasText: 'retrun x;' });
    await line.waitFor();
    await page.waitForFunction(() => {
      const found = [...document.querySelector('.editor').shadowRoot.querySelectorAll('.cm-line')].find((l) => l.textContent.includes('retrun x;'));
      const box = found?.getBoundingClientRect();
      return box && box.top >= 0 && box.bottom <= innerHeight;
    });
    await marked(page, 'error').filter({ hasText: 'retrun' }).waitFor();
    const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(inner <= outer, `${inner} of ${outer}`);
  },

  'input only: nothing is expected': async (bench) => {
    const { page, open } = await bench.view(bench.shared);
    await open('#/try');
    await page.locator('.cm-content').waitFor();
    await write(page, 'print(input()[::-1])');
    await page.getByLabel('Input only: nothing is expected').check();
    assert.equal(await page.getByLabel('Expected output').count(), 0);
    assert.equal(await page.getByLabel('Checker').count(), 0);
    for (const n of [3, 2]) await page.getByRole('button', { name: `Remove test ${n}` }).click();
    await page.getByRole('group', { name: 'Test 1' }).getByLabel('Input').fill('stressed\n');
    const [request] = await Promise.all([page.waitForRequest((r) => r.method() === 'POST'), run(page)]);
    const { tests, checker } = request.postDataJSON();
    assert.deepEqual([tests, checker], [[{ input: 'stressed\n' }], 'none']);
    await page.locator('.outcome', { hasText: 'OK accepted' }).waitFor();
    await page.locator('details.test summary').click();
    await page.getByRole('heading', { name: 'Output', exact: true }).waitFor();
    assert.match(await page.locator('.test-detail pre').first().textContent(), /^desserts/);
    assert.equal(await page.getByRole('heading', { name: 'Expected', exact: true }).count(), 0);

    /* It is kept, also on the way over the submission's own page; what was expected before comes back. */
    await page.reload();
    assert.ok(await page.getByLabel('Input only: nothing is expected').isChecked());
    await page.getByRole('link', { name: 'Its own page' }).click();
    await page.getByRole('button', { name: 'Open in the editor' }).click();
    assert.ok(await page.getByLabel('Input only: nothing is expected').isChecked());
    await page.getByRole('button', { name: 'Start over' }).click();
    assert.equal(await page.getByLabel('Expected output').count(), 3);
  },

  'logs and outputs are copied': async (bench) => {
    const { page, open } = await bench.view(bench.shared, { permissions: ['clipboard-read', 'clipboard-write'] });
    const read = () => page.evaluate(() => navigator.clipboard.readText());
    const report = await bench.shared.judge({ language: 'c', source: BROKEN_C });
    await open(`#/submissions/${report.id}`);
    await page.getByRole('button', { name: 'Copy the build log' }).click();
    assert.equal(await read(), report.build_log);
    const { id } = await bench.shared.judge({ language: 'python', source: 'import sys\nprint("out")\nprint("err", file=sys.stderr)' });
    await open(`#/submissions/${id}`);
    await page.getByRole('button', { name: 'Copy standard error' }).click();
    assert.equal(await read(), 'err\n');
  },
};

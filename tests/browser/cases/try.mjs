/* Try it: the examples, the report as it comes in, what is refused. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const editor = (page) => page.getByRole('textbox', { name: 'Source' });

const untilWritten = (page, text) => editor(page).filter({ hasText: text }).waitFor();

/* Replaces what is in the editor. */
async function write(page, text) {
  await editor(page).focus();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(text);
}

export default {
  'the example of every language is accepted': async (bench) => {
    const { page, open } = await bench.view(bench.shared);
    await open('#/try');
    await editor(page).waitFor();
    for (const title of ['Python', 'Go', 'C', 'C++', 'Java']) {
      await page.getByLabel('Language').selectOption({ label: title });
      const [answer] = await Promise.all([
        page.waitForResponse((r) => r.request().method() === 'POST'),
        page.getByRole('button', { name: 'Run', exact: true }).click()]);
      const { id } = await answer.json();
      await page.locator(`a[href="#/submissions/${id}"]`).waitFor();
      await page.locator('.outcome', { hasText: 'OK accepted' }).waitFor({ timeout: 60_000 });
      await page.getByText('3 of 3', { exact: true }).waitFor();
    }
  },

  'tests are told one by one': async (bench) => {
    const { page, open } = await bench.view(bench.shared);
    await open('#/try');
    await editor(page).waitFor();
    await write(page, 'import time\ntime.sleep(1)\na, b = map(int, input().split())\nprint(a + b)\n');
    await page.keyboard.press('Control+Enter');
    await page.locator('details.test', { hasText: 'Test 1' }).locator('.tone-ok').waitFor();
    assert.equal(await page.locator('details.test', { hasText: 'Test 3' }).locator('.badge').textContent(), 'pending');
    await page.locator('.outcome', { hasText: 'OK accepted' }).waitFor();
  },

  'tests and limits are what is sent': async (bench) => {
    const { page, open } = await bench.view(bench.shared);
    await open('#/try');
    await editor(page).waitFor();
    await write(page, 'print(input())');
    await page.getByLabel('Time limit, ms').fill('1234');
    await page.getByLabel('Memory limit, MiB').fill('48');
    await page.getByLabel('Checker').selectOption('exact');
    await page.getByLabel('Stop at the first failure').uncheck();
    for (const n of [3, 2]) await page.getByRole('button', { name: `Remove test ${n}` }).click();
    await page.getByRole('button', { name: 'Add a test' }).click();
    await page.getByRole('group', { name: 'Test 2' }).getByLabel('Input').fill('b\n');
    await page.getByRole('group', { name: 'Test 2' }).getByLabel('Expected output').fill('b');
    const [request] = await Promise.all([
      page.waitForRequest((r) => r.method() === 'POST'),
      page.getByRole('button', { name: 'Run', exact: true }).click()]);
    assert.deepEqual(request.postDataJSON(), {
      language: 'python', source: 'print(input())',
      limits: { time_limit_ms: 1234, memory_limit_bytes: 48 * 1024 * 1024 },
      tests: [{ input: '1 2\n', expected_output: '3\n' }, { input: 'b\n', expected_output: 'b' }],
      checker: 'exact', stop_on_failure: false,
    });
    await page.locator('.outcome', { hasText: 'WA wrong answer' }).waitFor();
  },

  'what is refused says why, and nothing is lost': async (bench) => {
    const { page, open } = await bench.view(bench.shared, { expected: [/422/] });
    await open('#/try');
    await editor(page).waitFor();
    await write(page, 'print("kept")');
    await page.getByLabel('Time limit, ms').fill('99999999');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByText('/limits/time_limit_ms').waitFor();
    await page.reload();
    await editor(page).waitFor();
    assert.equal(await editor(page).innerText(), 'print("kept")');
    assert.equal(await page.getByLabel('Time limit, ms').inputValue(), '99999999');
    await page.getByLabel('Language').selectOption('go');
    await untilWritten(page, 'package main');
    await page.getByLabel('Language').selectOption('python');
    await untilWritten(page, 'print("kept")');
    await page.getByRole('button', { name: 'Start over' }).click();
    await untilWritten(page, 'map(int');
  },

  'what is typed before the editor is there goes on in it': async (bench) => {
    const { page } = await bench.view(bench.shared);
    let release;
    const held = new Promise((resolve) => { release = resolve; });
    await page.route(/\/assets\/editor-/, async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(`${bench.shared.url}/#/try`, { waitUntil: 'commit' });
    await page.locator('textarea.editor').focus();
    await page.keyboard.press('Control+A');
    await page.keyboard.type('print(1');
    await page.keyboard.press('ArrowLeft');
    release();
    await page.locator('.cm-content').waitFor();
    await page.keyboard.type('2)');
    await untilWritten(page, /^print\(2\)1$/);
  },

  'who types fast loses nothing': async (bench) => {
    const { page, open } = await bench.view(bench.shared);
    const text = Array.from({ length: 150 }, (_, i) => (i * 7919) % 997).join(' ');
    await open('#/try');
    await write(page, '');
    await page.keyboard.type(text);
    await untilWritten(page, text);
    await page.reload();
    await untilWritten(page, text);
  },

  'the keyboard leaves the editor': async (bench) => {
    const { page, open } = await bench.view(bench.shared);
    await open('#/try');
    await page.locator('.cm-content').focus(); /* once it is loaded: the text area before it takes no Escape */
    await page.keyboard.press('Escape');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Run');
  },

  'on a phone Run shows what it does': async (bench) => {
    const { page, open } = await bench.view(bench.shared, { viewport: { width: 390, height: 844 }, hasTouch: true });
    await open('#/try');
    await page.locator('.cm-content').waitFor();
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.locator('.try-read .card').first().waitFor();
    const card = await page.locator('.try-read .card').first().boundingBox();
    assert.ok(card.y >= 0 && card.y < 400, `the report is at ${card.y}`);
  },

  'a source and tests out of files': async (bench) => {
    const { page, open } = await bench.view(bench.shared);
    const file = (name, text) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
    await open('#/try');
    await page.locator('.cm-content').waitFor();
    await page.getByLabel('Open a file').setInputFiles(file('a.py', 'print(input())'));
    await untilWritten(page, /^print\(input\(\)\)$/);
    await page.getByLabel('Tests from files').setInputFiles([file('10.in', 'ten'), file('10.ans', 'ten'), file('2.in', 'two'),
      file('2.out', 'two'), file('3.in', '\xff'), file('3.ans', '')]);
    await page.getByText('3 tests read').waitFor();
    const [request] = await Promise.all([
      page.waitForRequest((r) => r.method() === 'POST'), page.getByRole('button', { name: 'Run', exact: true }).click()]);
    assert.deepEqual(request.postDataJSON().tests, [{ input: 'two', expected_output: 'two' },
      { input: '\xff', expected_output: '' }, { input: 'ten', expected_output: 'ten' }]);

    /* A zip with "t/1.in", bytes that are no text, and "t/1.ans". */
    const zip = execFileSync('/usr/bin/python3', ['-c', `
import io, sys, zipfile
out = io.BytesIO()
with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:
    z.writestr('t/1.in', bytes([255, 254]))
    z.writestr('t/1.ans', 'yes')
sys.stdout.buffer.write(out.getvalue())`]);
    await page.getByLabel('Tests from files').setInputFiles({ name: 'tests.zip', mimeType: 'application/zip', buffer: zip });
    await page.getByText('1 test read').waitFor();
    const [second] = await Promise.all([
      page.waitForRequest((r) => r.method() === 'POST'), page.getByRole('button', { name: 'Run', exact: true }).click()]);
    assert.deepEqual(second.postDataJSON().tests, [{ input_base64: '//4=', expected_output: 'yes' }]);
  },

  'tests are read as the server reads them, with its errors': async (bench) => {
    const { page, open } = await bench.view(bench.shared);
    const archive = (files, method = 'DEFLATED') => execFileSync('/usr/bin/python3', ['-c', `
import io, json, sys, warnings, zipfile
warnings.simplefilter('ignore') # a name twice
out = io.BytesIO()
with zipfile.ZipFile(out, 'w', zipfile.ZIP_${method}) as z:
    for name, text in json.loads(sys.argv[1]):
        z.writestr(name, text * (1024 * 1024 if name == 'large.in' else 1))
sys.stdout.buffer.write(out.getvalue())`, JSON.stringify(files)]);
    const file = (name, data) => ({ name, mimeType: 'application/octet-stream', buffer: Buffer.from(data) });
    const pair = (name) => [[`${name}.in`, name], [`${name}.ans`, name]];
    const cases = [
      [file('1.in', 'x')],
      [file('1.ans', 'x'), file('2.in', ''), file('2.ans', '')],
      [file('1.in', ''), file('1.ans', ''), file('1.out', '')],
      [file('1.in', ''), file('1.ans', ''), file('readme.txt', 'x')],
      [file('a.zip', archive([['README', 'x'], ['.1.in', ''], ['__MACOSX/1.in', '']]))],
      [file('a.zip', archive([['secret/3.in', 'x'], ...pair('secret/4')]))],
      [file('a.zip', archive([...pair('1'), ['1.in', 'again']]))],
      [file('a.zip', archive([['../1.in', 'x']]))],
      [file('a.zip', archive([['/1.in', 'x']]))],
      [file('a.zip', archive(pair('1'), 'BZIP2'))],
      [file('a.zip', archive([['large.in', 'x'.repeat(65)]]))],
      [file('1.a', 'x')],
      [file('a.zip', archive(['10', '9', '010', '01', '00', '0', '1', 'a/2', 'a/10', 'a-1', 'B', 'b', '1.2', '1.10', './c'].flatMap(pair))),
        file('3.in', '\0'), file('3.ans', '')],
    ];
    await open('#/try');
    for (const files of cases) {
      const form = new FormData();
      form.set('language', 'python');
      form.set('source', 'x');
      for (const f of files) form.append('tests', new Blob([f.buffer]), f.name);
      const answer = await fetch(`${bench.shared.url}/submissions`, { method: 'POST', body: form });
      const { id, errors } = await answer.json();
      await page.getByLabel('Tests from files').setInputFiles(files);
      if (errors) {
        await page.locator('.notice').getByText(errors[0].detail, { exact: true }).waitFor();
        continue;
      }
      const sent = await (await fetch(`${bench.shared.url}/submissions/${id}`)).json();
      await page.getByText(`${sent.tests.length} tests read`).waitFor();
      const drafts = await page.evaluate(() => JSON.parse(sessionStorage.getItem('scrc.draft')).tests);
      assert.deepEqual(drafts.map((t) => [t.input, t.expected_output]), sent.tests.map((t) => [t.input, t.expected_output]));
    }
  },

  'a language that an operator adds has an example and colours': async (bench) => {
    const dir = mkdtempSync(join(tmpdir(), 'scrc-languages.'));
    writeFileSync(join(dir, 'shell.json'), JSON.stringify({
      title: 'Shell', run_image: process.env.PYTHON_IMAGE ?? 'scrc-local/python', workdir: '/tmp', source_name: 'main.sh',
      run: ['sh', '{source}'], version: ['sh', '-c', 'echo sh'], hello: 'echo scrc\n',
    }));
    const server = await bench.server({ LANGUAGES: 'python,shell', LANGUAGES_DIR: dir });
    await server.ready();
    const { page, open } = await bench.view(server);
    await open('#/try');
    await page.getByLabel('Language').selectOption({ label: 'Shell' });
    await untilWritten(page, 'read a b');
    await editor(page).locator('span', { hasText: /^echo$/ }).waitFor();
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.locator('.outcome', { hasText: 'OK accepted' }).waitFor();
    await page.reload();
    await untilWritten(page, 'read a b');
    rmSync(dir, { recursive: true });
  },
};

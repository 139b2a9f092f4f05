/* The page of the API: all of openapi.yaml is on it, on every screen, and it needs no script. */
import assert from 'node:assert/strict';

import { axe } from '../browser.mjs';

const VIEWS = {
  desktop: {},
  dark: { colorScheme: 'dark' },
  phone: { viewport: { width: 360, height: 740 }, hasTouch: true },
  'twice as large': { viewport: { width: 640, height: 400 } },
};

/* [method, path, operationId] of all that the server describes, as the file is written: two blanks
 * before a path, four before a method, six before its id. */
async function described(server) {
  const text = await (await fetch(`${server.url}/openapi.yaml`)).text();
  const found = [];
  let path = '';
  let method = '';
  for (const line of text.slice(text.indexOf('\npaths:'), text.indexOf('\ncomponents:')).split('\n')) {
    path = /^ {2}(\/.*):$/.exec(line)?.[1] ?? path;
    method = /^ {4}(get|post|delete|put|patch):$/.exec(line)?.[1] ?? method;
    const id = /^ {6}operationId: (\w+)$/.exec(line)?.[1];
    if (id) found.push([method.toUpperCase(), path, id]);
  }
  return found;
}

async function fits(page, what) {
  const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(inner <= outer, `${what}: ${inner} of ${outer}`);
}

const inView = (options) => async (bench) => {
  const { page, open } = await bench.view(bench.shared, options);
  const operations = await described(bench.shared);
  assert.ok(operations.length >= 18, JSON.stringify(operations));
  await open('docs');
  await page.getByRole('heading', { level: 1, name: 'API' }).waitFor();
  assert.equal(await page.title(), 'API · scrc');
  for (const [method, path, id] of operations) {
    const section = page.locator(`section#${id}`);
    assert.equal(await section.getByRole('heading', { level: 3 }).textContent(), `${method} ${path}`);
    assert.match(await section.locator('.command').first().textContent(), new RegExp(`^curl .*${bench.shared.url}`));
    assert.ok(await section.locator('.answers > li').count() > 0, id);
  }
  assert.equal(await page.locator('section.operation').count(), operations.length);
  await page.locator('details').evaluateAll((all) => all.forEach((d) => { d.open = true; }));
  await fits(page, 'docs');

  /* Each link within it leads somewhere. */
  const astray = await page.locator('a[href^="#"]').evaluateAll((links) => links
    .map((a) => decodeURIComponent(a.hash.slice(1))).filter((id) => !document.getElementById(id)));
  assert.deepEqual(astray, []);
  const contents = page.getByRole('navigation', { name: 'Contents' });
  await contents.getByRole('link', { name: 'DELETE /submissions/{id}' }).click();
  await page.locator('#cancel:target').waitFor();
  const covered = await page.evaluate(() => [document.querySelector('.top'), document.querySelector('#cancel h3')]
    .map((e) => e.getBoundingClientRect()).reduce((top, heading) => heading.top < top.bottom || heading.top > innerHeight));
  assert.ok(!covered, 'the heading is not in sight');
  assert.deepEqual(await axe(page), []);
};

export default {
  ...Object.fromEntries(Object.entries(VIEWS).map(([name, options]) => [name, inView(options)])),

  'fields with type, unit and default': async (bench) => {
    const { page, open } = await bench.view(bench.shared);
    await open('docs');
    const entry = (id, name) => page.locator(`#${id} .fields > li`, { has: page.locator(`> .name`, { hasText: new RegExp(`^${name}$`) }) });
    assert.equal(await entry('schema-Limits', 'time_limit_ms').locator('> .facts').textContent(), 'integer or null, milliseconds, 0 to 300000');
    assert.equal(await entry('listResults', 'limit').locator('> .facts').textContent(), 'query, integer, 1 to 500, default 50');
    /* As JSON and as a form. */
    assert.deepEqual(await entry('submit', 'language').locator('> .facts').allTextContents(), ['string, required', 'string']);
    assert.deepEqual(await entry('submit', 'tests').locator('> .facts').allTextContents(),
      ['array of Test or null, at most 1000 items', 'array of string']);
    await entry('submit', 'limits').first().getByRole('link', { name: 'Limits' }).click();
    await page.locator('#schema-Limits:target').waitFor();
    assert.match(await page.locator('#schema-LimitHit .values').textContent(), /"cpu"/);
    assert.match(await page.locator('#schema-ProblemCode .values').textContent(), /"queue_full"/);
  },

  'without scripts, in the colours of the system': async (bench) => {
    for (const [colorScheme, ground] of [['light', 'rgb(246, 247, 249)'], ['dark', 'rgb(18, 22, 28)']]) {
      const { page, open } = await bench.view(bench.shared, { javaScriptEnabled: false, colorScheme });
      await open('docs#submit');
      await page.locator('#submit .command').first().waitFor();
      assert.match(await page.locator('#submit .command').first().textContent(), /^curl -s 'http:\/\/127\.0\.0\.1:8080\/submissions\?wait=60'/);
      assert.equal(await page.locator('body').evaluate((b) => getComputedStyle(b).backgroundColor), ground);
    }
  },

  'its commands are copied, and the server answers them': async (bench) => {
    const { execFileSync } = await import('node:child_process');
    const { page, open } = await bench.view(bench.shared, { permissions: ['clipboard-read', 'clipboard-write'] });
    await open('docs');
    await page.getByRole('button', { name: 'Copy POST /submissions: Two tests in Python' }).click();
    const command = await page.evaluate(() => navigator.clipboard.readText());
    const report = JSON.parse(execFileSync('/bin/sh', ['-c', command], { encoding: 'utf8' }));
    assert.equal(report.verdict, 'OK');
  },

  'from the dashboard and back, in the theme that was chosen': async (bench) => {
    const { page, open } = await bench.view(bench.shared, { colorScheme: 'light' });
    await open('#/try');
    await page.getByLabel('Theme').selectOption('Dark');
    const pages = page.getByRole('navigation', { name: 'Pages' });
    await pages.getByRole('link', { name: 'API' }).click();
    await page.locator('html[data-theme=dark] h1', { hasText: 'API' }).waitFor();
    assert.equal(await pages.locator('a[aria-current=page]').textContent(), 'API');
    await page.getByLabel('Theme').selectOption('Light');
    await pages.getByRole('link', { name: 'System' }).click();
    await page.locator('html[data-theme=light] h1', { hasText: 'System' }).waitFor();
  },
};

/* Chromium, and pages in it that tell what must never happen: a dialog, an error on the console, a
 * breach of the policy, a request to another host. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

import { chromium } from 'playwright-core';

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

export const canRun = existsSync(executablePath);

export const launch = () => chromium.launch({ executablePath, args: ['--no-sandbox'] });

/* Each breach is a line; `breaches` is what a test looks at in the end. `expected` are patterns of
 * what this test brings about by itself. */
export async function openPage(browser, server, { expected = [], ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const breaches = [];
  const note = (line) => {
    if (!expected.some((pattern) => pattern.test(line))) breaches.push(line);
  };

  page.setDefaultTimeout(45_000); /* other cases and other programs run beside it */
  page.on('dialog', (d) => {
    note(`dialog: ${d.message()}`);
    void d.dismiss();
  });
  page.on('pageerror', (e) => note(`error: ${e.message}`));
  page.on('console', (m) => {
    if (m.type() === 'error' || m.type() === 'warning') note(`console: ${m.text()}`);
  });
  page.on('request', (r) => {
    const url = new URL(r.url());
    if (url.origin !== server.url && !['data:', 'blob:'].includes(url.protocol)) note(`request: ${r.url()}`);
  });
  await page.exposeFunction('tellBreach', note);
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) => {
      void window.tellBreach(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sample}`);
    });
  });
  return {
    page,
    breaches,
    open: (hash) => page.goto(`${server.url}/${hash}`),
    close: () => context.close(),
  };
}

/* What axe-core finds, as lines. Its script comes by way of the debugger, past the policy. */
export async function axe(page) {
  if (!(await page.evaluate(() => 'axe' in window))) {
    const { readFileSync } = await import('node:fs');
    const session = await page.context().newCDPSession(page);
    const done = await session.send('Runtime.evaluate', { expression: readFileSync(axePath, 'utf8') });
    if (done.exceptionDetails) throw new Error(`axe: ${done.exceptionDetails.text}`);
  }
  const found = await page.evaluate(() => window.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }));
  return found.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary}`));
}

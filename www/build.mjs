/* build.mjs OUT - makes the dashboard and the page of the API (docs.html, of openapi.yaml):
 * OUT/page.bin and OUT/page_table.c (server/api/dashboard.h).
 *
 * First sees to node_modules: `npm ci` when it is not what package-lock.json says. No package runs
 * a script of its own.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

import { writeTypes } from './types.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2];

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

/* ---- packages ---- */

function ensurePackages() {
  const stamp = join(here, 'node_modules', '.of');
  const wanted = hash(readFileSync(join(here, 'package-lock.json')));
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  try {
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: here,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  } catch {
    console.error('the dashboard needs its packages, and `npm ci` does not get them (see above); '
      + '-DSCRC_PAGE=OFF builds the server without the dashboard');
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}

/* ---- texts ---- */

const named = (name, end, bytes) => ({ name: `${name}-${hash(bytes).slice(0, 8).toUpperCase()}${end}`, bytes });

/* The licences of the packages that are in the bundle, which ask to go where it goes. */
function licences(inputs) {
  const packages = new Set(Object.keys(inputs)
    .map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]).filter(Boolean));
  return Buffer.from([...packages].sort().map((name) => {
    const folder = join(here, 'node_modules', name);
    const file = readdirSync(folder).find((f) => /^licen[cs]e/i.test(f));
    if (!file) throw new Error(`${name} has no licence`);
    return `${name}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
  }).join(`\n${'-'.repeat(80)}\n\n`));
}

const COMMON = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  format: 'esm',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  logLevel: 'warning',
  write: false,
};

/* What a browser loads, each with its hash in its name. */
const forBrowsers = (esbuild, entryPoints) => esbuild.build({
  ...COMMON,
  entryPoints,
  outdir: join(out, 'assets'),
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  splitting: true,
  target: ['chrome100', 'firefox104', 'safari16.4'],
  loader: { '.svg': 'file' },
  metafile: true,
});

const assetsOf = (made) => made.outputFiles.map((f) => ({ name: basename(f.path), bytes: Buffer.from(f.contents) }));

function nameOf(assets, begin, end) {
  const found = assets.find((a) => a.name.startsWith(`${begin}-`) && a.name.endsWith(end));
  if (!found) throw new Error(`nothing was made that is called ${begin}-*${end}`);
  return found.name;
}

/* [{name, bytes}]: the two pages and what they are made of. */
async function bundle() {
  const esbuild = await import('esbuild');
  const app = await forBrowsers(esbuild, { app: 'src/main.tsx' });
  const assets = assetsOf(app);
  assets.push(named('icon', '.svg', readFileSync(join(here, 'src', 'icon.svg'))));
  assets.push(named('licences', '.txt', licences(app.metafile.inputs)));
  assets.push(...assetsOf(await forBrowsers(esbuild, { docs: 'src/docs/main.ts' })));
  assets.push(docsSheet(assets));
  return [
    { name: 'index.html', bytes: Buffer.from(index(assets)) },
    { name: 'docs.html', bytes: Buffer.from(await docs(esbuild, assets)) },
    ...assets,
  ];
}

/* src/index.html, with the names of what it loads. */
const index = (assets) => readFileSync(join(here, 'src', 'index.html'), 'utf8')
  .replace(/\{(\w+)(\.\w+)\}/g, (_, begin, end) => nameOf(assets, begin, end));

/* ---- the page of the API ---- */

/* Its sheet stands behind the dashboard's. Where no script chooses the theme the dark colours go by
 * what the system says. */
function docsSheet(assets) {
  const app = assets.find((a) => a.name === nameOf(assets, 'app', '.css')).bytes.toString();
  const dark = /:root\[data-theme="?dark"?\](\{[^}]*\})/.exec(app);
  if (!dark) throw new Error('style.css has no dark colours');
  const own = assets.find((a) => a.name === nameOf(assets, 'docs', '.css'));
  assets.splice(assets.indexOf(own), 1);
  return named('docs', '.css', Buffer.from(`${own.bytes}@media(prefers-color-scheme:dark){:root:not([data-theme])${dark[1]}}\n`));
}

async function docs(esbuild, assets) {
  const made = await esbuild.build({
    ...COMMON, entryPoints: ['src/docs/page.tsx'], target: 'node18',
  });
  const script = join(out, 'docs_page.mjs');
  mkdirSync(out, { recursive: true });
  writeFileSync(script, made.outputFiles[0].contents);
  const { docsPage } = await import(pathToFileURL(script).href);
  return docsPage(readFileSync(join(here, '..', 'openapi.yaml'), 'utf8'), {
    css: nameOf(assets, 'app', '.css'),
    docsCss: nameOf(assets, 'docs', '.css'),
    docsJs: nameOf(assets, 'docs', '.js'),
    icon: nameOf(assets, 'icon', '.svg'),
  });
}

/* ---- forms ---- */

const compressors = [
  (bytes) => bytes,
  (bytes) => gzipSync(bytes, { level: 9 }),
  (bytes) => brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  }),
];

function write(texts) {
  const pieces = [];
  const sizes = [0, 0, 0];
  let at = 0;
  const rows = texts.map(({ name, bytes }) => {
    const forms = compressors.map((compress, i) => {
      const form = compress(bytes);
      const row = `{ ${at}, ${form.length}, "\\"${hash(bytes)}${['', '-gz', '-br'][i]}\\"" }`;
      pieces.push(form);
      at += form.length;
      sizes[i] += form.length;
      return row;
    });
    return `    { "${name}", "${types[extname(name)]}", { ${forms.join(', ')} } },\n`;
  });
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'page.bin'), Buffer.concat(pieces));
  writeFileSync(join(out, 'page_table.c'), '/* Made by www/build.mjs. */\n#include "server/api/dashboard.h"\n\n'
    + `const struct dashboard_asset page_assets[] = {\n${rows.join('')}    { .name = NULL },\n};\n`);
  console.log(`dashboard: ${texts.length} texts, ${sizes[0]} bytes, gzip ${sizes[1]}, brotli ${sizes[2]}`);
}

ensurePackages();
await writeTypes();
write(await bundle());

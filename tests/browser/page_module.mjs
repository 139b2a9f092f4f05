/* A module of www/src, for the functions in it that need no page. */
import { fileURLToPath } from 'node:url';

const www = new URL('../../www/', import.meta.url);

export async function pageModule(name) {
  const esbuild = await import(new URL('node_modules/esbuild/lib/main.js', www));
  const made = await esbuild.build({
    entryPoints: [fileURLToPath(new URL(`src/${name}`, www))], bundle: true, format: 'esm', write: false, logLevel: 'warning',
  });
  return import(`data:text/javascript;base64,${Buffer.from(made.outputFiles[0].contents).toString('base64')}`);
}

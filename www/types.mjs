/* types.mjs - makes generated/openapi.ts of openapi.yaml: the types of the API, and the words of its enums.
 *
 * build.mjs calls it; for an editor or tsc alone: `npm run types`.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const file = (path) => fileURLToPath(new URL(path, import.meta.url));

/* Only when it would be another: what is built of it stays. Whole, since several may look at it at once. */
function write(path, text) {
  try {
    if (readFileSync(path, 'utf8') === text) return;
  } catch {
    mkdirSync(file('generated'), { recursive: true });
  }
  const whole = `${path}.${process.pid}`;
  writeFileSync(whole, text);
  renameSync(whole, path);
}

export async function writeTypes() {
  const { default: openapiTS, astToString } = await import('openapi-typescript');
  const options = { enumValues: true, rootTypes: true, rootTypesNoSchemaPrefix: true };
  const types = await openapiTS(new URL('../openapi.yaml', import.meta.url), options);
  write(file('generated/openapi.ts'), `/* Made of openapi.yaml by types.mjs. */\n\n${astToString(types)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeTypes();

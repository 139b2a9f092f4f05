/* A real scrc on a directory of its own, that may go and come again on the same port. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { within } from './wait.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const scrc = process.env.SCRC_BIN ?? join(root, 'build/dev/scrc');

const IMAGES = {
  PYTHON_IMAGE: 'scrc-local/python',
  GO_IMAGE: 'scrc-local/golang', GO_RUN_IMAGE: 'scrc-local/run',
  C_IMAGE: 'scrc-local/gcc', C_RUN_IMAGE: 'scrc-local/run',
  CPP_IMAGE: 'scrc-local/gcc', CPP_RUN_IMAGE: 'scrc-local/run',
  JAVA_IMAGE: 'scrc-local/jdk', JAVA_RUN_IMAGE: 'scrc-local/jdk',
};

export class Server {
  constructor(settings = {}) {
    this.dir = mkdtempSync(join(tmpdir(), 'scrc-b.')); /* short: sockets have paths */
    this.table = join(this.dir, 'data', 'scrc.db');
    mkdirSync(join(this.dir, 'c'));
    this.settings = { ...settings };
    this.listen = '127.0.0.1:0';
    this.log = [];
    this.process = null;
  }

  /* Resolves when it listens. */
  async start() {
    const env = {
      HTTP_LISTEN: this.listen, DATA_DIR: join(this.dir, 'data'), CELL_DIR: join(this.dir, 'c'),
      RUNNER_MAX_PARALLEL: '2', ...IMAGES,
    };
    for (const name of Object.keys(process.env)) {
      if (/^(PATH|.*SAN_OPTIONS|DOCKER_HOST|.*_IMAGE)$/.test(name)) env[name] = process.env[name];
    }
    Object.assign(env, this.settings); /* a case's own settings are the last word */
    const started = spawn(scrc, [], { cwd: this.dir, env, stdio: ['ignore', 'ignore', 'pipe'] });
    this.process = started;
    this.ended = new Promise((resolve) => started.once('exit', (code) => resolve(code)));
    createInterface({ input: started.stderr }).on('line', (line) => this.log.push(line));
    const address = await within(30, 'event=listening', () => {
      if (started.exitCode !== null) throw new Error(`scrc ended with ${started.exitCode}:\n${this.log.join('\n')}`);
      return this.log.map((l) => /event=listening\b.*address=(\S+)/.exec(l)?.[1]).filter(Boolean).at(-1);
    });
    this.listen = address;
    this.url = `http://${address}`;
    this.log = [];
    return this;
  }

  async ready() {
    await within(60, '/readyz', async () => (await fetch(`${this.url}/readyz`)).ok);
    return this;
  }

  /* Returns the exit code. */
  async stop(signal = 'SIGTERM') {
    this.process.kill(signal);
    return this.ended;
  }

  async close() {
    if (this.process && this.process.exitCode === null && this.process.signalCode === null) await this.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  /* ---- its API ---- */

  async json(path, init) {
    const answer = await fetch(this.url + path, init);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  async submit(submission, query = '') {
    return this.json(`/submissions${query}`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(submission),
    });
  }

  /* The final report. */
  async judge(submission) {
    const { id } = await this.submit(submission);
    return within(90, `report of ${id}`, async () => {
      const answer = await fetch(`${this.url}/results/${encodeURIComponent(id)}?wait=30`);
      return answer.status === 200 && answer.json();
    });
  }
}

/* Lets one function change the table of a stopped server. */
export const python = (script, ...argv) =>
  execFileSync('/usr/bin/python3', [fileURLToPath(new URL(script, import.meta.url)), ...argv], { stdio: 'inherit' });

/* What is said where nothing has been submitted yet: how to. */

import { Copy } from './copy';
import { curlOf } from './curl';

const HELLO = { language: 'python', source: 'print(int(input()) * 2)', tests: [{ input: '21', expected_output: '42' }] };

export function FirstRun() {
  const command = curlOf(HELLO);
  return (
    <div class="first-run">
      <p><b>Nothing has been submitted yet.</b> Write a program under <a href="#/try">Try it</a>, or send one over HTTP:</p>
      <pre class="command"><code>{command}</code></pre>
      <Copy text={() => command} of="the command" />
    </div>
  );
}

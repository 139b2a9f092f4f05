/* Submissions that several cases send. */

export const sum = (more = {}) => ({
  language: 'python',
  source: 'a, b = map(int, input().split())\nprint(a + b)\n',
  limits: { time_limit_ms: 5000, memory_limit_bytes: 67108864 },
  tests: [{ input: '1 2', expected_output: '3' }, { input: '20 22', expected_output: '42' }],
  ...more,
});

export const wrong = (more = {}) => sum({
  tests: [{ input: '1 2', expected_output: '3' }, { input: '2 2', expected_output: 'first\nfive\n' },
    { input: '3 3', expected_output: '6' }],
  source: 'a, b = map(int, input().split())\nif a == 2: print("first")\nprint("fivé" if a == 2 else a + b)\n',
  stop_on_failure: false,
  ...more,
});

export const broken = (more = {}) => ({ language: 'c', source: 'int main(void) { return nothing_of_that_name; }\n', ...more });

/* Runs until it is cancelled, or this limit fires. */
export const endless = (more = {}) => ({
  language: 'python', source: 'import time\ntime.sleep(50)\n',
  limits: { time_limit_ms: 60000, wall_time_limit_ms: 60000 }, tests: [{ input: '' }], ...more,
});

/* One test a second. */
export const slowly = (tests, more = {}) => ({
  language: 'python', source: 'import time\ntime.sleep(1)\nprint(input())\n',
  limits: { time_limit_ms: 10000, wall_time_limit_ms: 10000 },
  tests: Array.from({ length: tests }, (_, i) => ({ input: String(i), expected_output: String(i) })), ...more,
});

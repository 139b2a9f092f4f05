/* The pages of the frame's navigation: address behind the host, title. */
export const PAGES: readonly (readonly [string, string])[] = [
  ['#/', 'Overview'], ['#/submissions', 'Submissions'], ['#/try', 'Try it'], ['#/system', 'System'], ['docs', 'API'],
];

/* What the server says, as openapi.yaml describes it: types.mjs makes its shapes and words. The page's own names for
 * some of them, and which route answers with what. */

import {
  checkerNameValues, stateValues, verdictValues, type paths, type State, type Stats,
} from '../generated/openapi';

export type {
  Checker, CheckerName, Difference, EventState, EventTest as TestEvent, Finding, Item, Kafka, Language,
  LimitHit, LimitsInForce as ReportLimits, OutputGap as Gap, Page, Pending, Present, Problem, Report,
  ServerOfTable as Server, Setting, State, Stats, Submission, SubmissionState as Sent, System, Test, TestReport, Verdict,
} from '../generated/openapi';

export const VERDICTS = verdictValues;
export const STATES = stateValues;
export const CHECKERS = checkerNameValues;
export const STAGES = ['total', 'queue', 'build', 'run'] as const satisfies (keyof Stats['latency_ms'])[];
export type Stage = (typeof STAGES)[number];

export const isFinal = (state: State): boolean => state === 'done' || state === 'cancelled';

/* The route that a path is of: without its query, `{id}` for the id. */
type Route<Path extends string> =
  Path extends `${infer Bare}?${string}` ? Route<Bare>
  : Path extends `/submissions/${string}` ? '/submissions/{id}'
  : Path;

/* What a GET of this path answers 200 with; never: no route answers there with JSON. */
export type Answer<Path extends string> =
  paths[Route<Path> & keyof paths] extends { get: { responses: { 200: { content: { 'application/json': infer T } } } } }
    ? T : never;

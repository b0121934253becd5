import { createHash } from 'node:crypto';
import type { ArgumentValue, CallTrace, SynthesizedTask } from '@parl-mt/environments';
import type { Awareness } from '@parl-mt/schema';
import { resultAnswers } from './result-answers.js';

/** A point at which the policy decides: before call `step` of a turn, or, after its last call, before the final message. */
export interface Decision {
  readonly source: SynthesizedTask;
  readonly turn: number;
  /** In [0, calls of the turn]; the last value is the step that ends the turn. */
  readonly step: number;
  /** Awareness of the step before, as the policy sees it. */
  readonly previous?: Awareness | undefined;
}

/** Writes awareness for decisions. It may look at the whole trace; the gates check that the text does not show it. */
export interface Annotator {
  readonly name: string;
  /** Identifies prompt or rules: a change of it makes cached annotations stale. */
  readonly promptHash: string;
  /** Candidates in order of preference, between one and `count`. */
  annotate(decision: Decision, count: number): Promise<readonly Awareness[]>;
}

/** Summary before anything was done. */
const NOTHING_DONE = 'none';

/** Plan of the step that ends a turn. */
const TURN_DONE = 'done';

/**
 * The built-in annotator: reads the environment's trace and writes short, regular awareness.
 *
 * Summary: `in:FOLDER` once the folder changed, then one item per call in order, `;` between them: the function, `:` before
 * each name or id it was given, `=` before each thing that its result told. Free text and the operands of arithmetic are left
 * out: no later turn can ask for them. Plan: the next function with `:` before each value that the user only pointed at (after
 * the function that it is pointed at by: `sort:cat:plan.txt` for "sort the file you read"), then the further functions of the
 * turn; `done` at its end. No spaces: a name is then the same tokens as in messages and calls,
 * where it stands in quotes, and a small policy learns to copy it far sooner.
 */
export const deterministicAnnotator: Annotator = {
  name: 'deterministic',
  promptHash: createHash('sha256').update('deterministic annotator 4').digest('hex').slice(0, 16),
  async annotate(decision) {
    return [describeDecision(decision)];
  },
};

/** The deterministic awareness of a decision. */
export function describeDecision({ source, turn, step }: Omit<Decision, 'previous'>): Awareness {
  const turns = source.trace;
  const done = [...turns.slice(0, turn).flatMap(({ calls }) => calls), ...(turns[turn]?.calls.slice(0, step) ?? [])];
  const remaining = turns[turn]?.calls.slice(step) ?? [];
  return { summary: summarize(done.filter((call) => call.failedInTransit !== true)), plan: planFor(remaining) };
}

function summarize(done: readonly CallTrace[]): string {
  const lastMove = done.findLast(({ method }) => method === 'cd');
  const folder = lastMove?.directory;
  const items = done.filter(({ method }) => method !== 'cd').flatMap((call) => describeCall(call) ?? []);
  const parts = [...(folder === undefined ? [] : [`in:${folder === '' ? '/' : folder}`]), ...items];
  return parts.length === 0 ? NOTHING_DONE : parts.join(';');
}

/** One item; undefined for a look around that named nothing and told nothing that can be asked for again. */
function describeCall(call: CallTrace): string | undefined {
  const values = call.arguments.flatMap(({ value }) => (call.className === 'MathAPI' ? [] : namesIn(value)));
  const answers = resultAnswers(call).filter((answer) => !values.includes(answer));
  if (values.length === 0 && answers.length === 0 && !call.changesState) {
    return undefined;
  }
  return `${[call.method, ...values].join(':')}${answers.map((answer) => `=${answer}`).join('')}`;
}

/** Names, ids and numbers can be asked for again; free text, tags and flags cannot. */
function namesIn(value: ArgumentValue): readonly string[] {
  if (typeof value === 'string') {
    return /\s|^#|^$/.test(value) ? [] : [value];
  }
  if (typeof value === 'boolean' || 'fields' in value) {
    return [];
  }
  return 'number' in value ? [value.number] : value.flatMap(namesIn);
}

/** What the user only pointed at; first the function that the words name it by, so that it can be found in the summary. */
function recalled({ method, literal }: { readonly method?: string; readonly literal: string }): readonly string[] {
  return method === undefined ? [literal] : [method, literal];
}

function planFor(remaining: readonly CallTrace[]): string {
  const [next, ...rest] = remaining;
  if (next === undefined) {
    return TURN_DONE;
  }
  const resolved = next.arguments.flatMap(({ provenance }) =>
    provenance.kind === 'stated' ? [] : recalled(provenance),
  );
  // That a call is going to fail in transit is hindsight: the plan names it once.
  const further = next.failedInTransit === true ? rest.slice(1) : rest;
  const methods = further.filter((call) => call.failedInTransit !== true).map(({ method }) => method);
  return [[next.method, ...resolved].join(':'), ...methods].join(';');
}

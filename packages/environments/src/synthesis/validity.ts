import type { Task } from '@parl-mt/schema';
import { BfclEnvironment } from '../bfcl/bfcl-environment.js';
import { checkTask } from '../bfcl/checker.js';
import { taskFingerprint } from './fingerprint.js';
import { containsLiteral, earlyReveals, unrecoverableArguments } from './recoverability.js';
import { argumentLiterals, type SynthesizedTask, type TurnTrace } from './trace.js';

export interface ValidityReport {
  readonly tasks: number;
  /** One sentence per task whose ground truth the official checker refuses. */
  readonly refused: readonly string[];
  /** Calls that fail in a fresh environment, or answer otherwise than the trace says. */
  readonly differingCalls: readonly string[];
  /** Arguments that nothing in the conversation tells. */
  readonly unrecoverable: readonly string[];
  /** Messages that tell a result before it is known. */
  readonly earlyReveals: readonly string[];
  /** Ids of tasks whose wording and solution equal those of an earlier one. */
  readonly duplicates: readonly string[];
  /** Tasks of a category whose missing value or function is not missing, or is never given. */
  readonly twistProblems: readonly string[];
  /** Whether all six lists are empty. */
  readonly isValid: boolean;
  /** Calls by class, and by method, most frequent first. */
  readonly tasksByCategory: Readonly<Record<string, number>>;
  readonly tasksByClasses: Readonly<Record<string, number>>;
  readonly callsByClass: Readonly<Record<string, number>>;
  readonly callsByMethod: Readonly<Record<string, number>>;
  /** Tasks by number of turns, and turns by number of calls. */
  readonly tasksByTurns: Readonly<Record<string, number>>;
  readonly turnsByCalls: Readonly<Record<string, number>>;
  /** Arguments by how they are known: stated, reference, result. */
  readonly argumentsByProvenance: Readonly<Record<string, number>>;
  /** Arguments known from an earlier turn by the number of turns in between, 1 = the turn before. */
  readonly argumentsByDistance: Readonly<Record<string, number>>;
  /** Share of the places allowing a reference that have one; to compare with the configured rate. NaN without places. */
  readonly referenceRate: number;
  readonly meanWordsPerMessage: number;
  readonly meanCallsPerTask: number;
  readonly meanResultCharacters: number;
}

/**
 * Checks tasks independently of how they were made, and counts what is in them: every ground truth must pass the official
 * checker as a model's answer, one step per call, and give the traced results without an error; every argument must be recoverable; no message may tell a later result; no
 * two tasks may be equal.
 */
export function validityReport(tasks: readonly SynthesizedTask[]): ValidityReport {
  const refused = tasks.flatMap(checkGroundTruth);
  const environment = new BfclEnvironment();
  const differingCalls = tasks.flatMap((task) => replay(environment, task));
  const unrecoverable = tasks.flatMap(({ task, trace }) => named(task.id, unrecoverableArguments(trace)));
  const reveals = tasks.flatMap(({ task, trace }) => named(task.id, earlyReveals(trace)));
  const duplicates = findDuplicates(tasks);
  const twistProblems = tasks.flatMap(({ task, trace }) => named(task.id, problemsOfCategory(task, trace)));
  const turns = tasks.flatMap(({ trace }) => trace);
  const calls = turns.flatMap((turn) => turn.calls);
  const distances = tasks.flatMap(argumentDistances);
  const eligible = sum(tasks.map(({ references }) => references.eligible));
  return {
    tasks: tasks.length,
    refused,
    differingCalls,
    unrecoverable,
    earlyReveals: reveals,
    duplicates,
    twistProblems,
    isValid: [refused, differingCalls, unrecoverable, reveals, duplicates, twistProblems].every(
      (problems) => problems.length === 0,
    ),
    tasksByCategory: countBy(tasks.map(({ task }) => task.category)),
    tasksByClasses: countBy(tasks.map(({ task }) => `${task.involvedClasses.length}`)),
    callsByClass: countBy(calls.map(({ className }) => className)),
    callsByMethod: countBy(calls.map(({ method }) => method)),
    tasksByTurns: countBy(tasks.map(({ trace }) => `${trace.length}`)),
    turnsByCalls: countBy(turns.map((turn) => `${turn.calls.length}`)),
    argumentsByProvenance: countBy(calls.flatMap((call) => call.arguments.map(({ provenance }) => provenance.kind))),
    argumentsByDistance: countBy(distances.map(String)),
    referenceRate: sum(tasks.map(({ references }) => references.referred)) / eligible,
    meanWordsPerMessage: mean(turns.map(({ userMessage }) => userMessage.split(/\s+/).length)),
    meanCallsPerTask: calls.length / tasks.length,
    meanResultCharacters: mean(calls.map(({ result }) => result.length)),
  };
}

/** The report as text for a terminal: one line per item, the first problems in full. */
export function formatValidity(report: ValidityReport): string {
  const counts = (record: Readonly<Record<string, number>>): string =>
    Object.entries(record)
      .map(([key, count]) => `${key} ${count}`)
      .join(', ');
  const problems = [
    ...report.refused,
    ...report.differingCalls,
    ...report.unrecoverable,
    ...report.earlyReveals,
    ...report.duplicates,
    ...report.twistProblems,
  ];
  return [
    `${report.tasks} tasks, ${report.isValid ? 'all valid' : `${problems.length} problems`}`,
    ...problems.slice(0, 10).map((problem) => `  ${problem}`),
    `tasks by category: ${counts(report.tasksByCategory)}; by number of classes: ${counts(report.tasksByClasses)}`,
    `calls by class: ${counts(report.callsByClass)}`,
    `calls by method: ${counts(report.callsByMethod)}`,
    `tasks by turns: ${counts(report.tasksByTurns)}; turns by calls: ${counts(report.turnsByCalls)}`,
    `arguments: ${counts(report.argumentsByProvenance)}; by distance in turns: ${counts(report.argumentsByDistance)}`,
    `reference rate ${report.referenceRate.toFixed(3)}, ${report.meanWordsPerMessage.toFixed(1)} words per message, ` +
      `${report.meanCallsPerTask.toFixed(2)} calls per task, ${report.meanResultCharacters.toFixed(0)} characters per result`,
  ].join('\n');
}

function checkGroundTruth({ task }: SynthesizedTask): string[] {
  const steps = task.turns.map((turn) => turn.groundTruth.map((call) => [call]));
  const verdict = checkTask(task, steps);
  return verdict.valid ? [] : [`${task.id}: ${verdict.errorType} in turn ${verdict.turn}: ${verdict.errorMessage}`];
}

/** The checker alone would accept a call that fails on both of its sides. */
function replay(environment: BfclEnvironment, { task, trace }: SynthesizedTask): string[] {
  environment.reset(task, 0);
  const traced = trace.map((turn) => turn.calls);
  return task.turns.flatMap(({ groundTruth }, turn) =>
    groundTruth.flatMap((call, position) => {
      const { content, isError } = environment.execute(call);
      const expected = traced[turn]?.[position]?.result;
      return isError || content !== expected ? [`${task.id}: ${call} in turn ${turn} gives ${content}`] : [];
    }),
  );
}

/** What the category promises: one turn that cannot be done, and what it lacked in the next one. */
function problemsOfCategory(
  { category, turns, tools, heldOutTools = [] }: Task,
  trace: readonly TurnTrace[],
): string[] {
  const empty = turns.flatMap(({ groundTruth }, turn) => (groundTruth.length === 0 ? [turn] : []));
  const isTwisted = category === 'synthetic_miss_param' || category === 'synthetic_miss_func';
  if (!isTwisted) return empty.length === 0 ? [] : [`turn ${empty[0]} has nothing to do`];
  const [turn] = empty;
  if (empty.length !== 1 || turn === undefined)
    return [`expected one turn that cannot be done, received ${empty.length}`];
  if (category === 'synthetic_miss_param') {
    const problems = heldOutTools.length === 0 ? [] : ['a function is held out'];
    const missing = valuesNotTold(trace, turn);
    if (missing.length !== 1) problems.push(`expected one missing value, received ${missing.join(', ') || 'none'}`);
    return problems;
  }
  const revealed = turns[turn + 1]?.revealedTools ?? [];
  const isHeldOut = (name: string) =>
    heldOutTools.some((tool) => tool.name === name) && !tools.some((tool) => tool.name === name);
  const problems = revealed.filter((name) => !isHeldOut(name)).map((name) => `${name} is on offer from the start`);
  const isNeeded = (turns[turn + 1]?.groundTruth ?? []).some((call) => call.startsWith(`${revealed[0]}(`));
  const isEarly = turns
    .slice(0, turn)
    .some(({ groundTruth }) => groundTruth.some((call) => call.startsWith(`${revealed[0]}(`)));
  if (revealed.length === 0 || !isNeeded || isEarly) problems.push('the revealed function is not what the turn lacked');
  return problems;
}

/** Values of the calls after a turn that cannot be done, which its message and those before it leave open. */
function valuesNotTold(trace: readonly TurnTrace[], turn: number): string[] {
  const told = trace.slice(0, turn + 1).map(({ userMessage }) => userMessage);
  const stated = (trace[turn + 1]?.calls ?? []).flatMap(({ arguments: args }) =>
    args.filter(({ provenance }) => provenance.kind === 'stated'),
  );
  const missing = stated.filter(
    ({ provenance }) => !told.at(-1)?.toLowerCase().includes(provenance.phrase.toLowerCase()),
  );
  const literals = missing.flatMap(({ value }) => argumentLiterals(value));
  return [...new Set(literals)].filter((literal) => !told.some((message) => containsLiteral(message, literal)));
}

function findDuplicates(tasks: readonly SynthesizedTask[]): string[] {
  const seen = new Set<string>();
  return tasks.flatMap(({ task }) => {
    const fingerprint = taskFingerprint(task);
    if (seen.has(fingerprint)) return [task.id];
    seen.add(fingerprint);
    return [];
  });
}

function argumentDistances({ trace }: SynthesizedTask): number[] {
  return trace.flatMap((turn, index) =>
    turn.calls
      .flatMap((call) => call.arguments)
      .flatMap(({ provenance }) =>
        provenance.kind !== 'stated' && provenance.turn < index ? [index - provenance.turn] : [],
      ),
  );
}

function named(id: string, problems: readonly string[]): string[] {
  return problems.map((problem) => `${id}: ${problem}`);
}

function countBy(keys: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return Object.fromEntries([...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

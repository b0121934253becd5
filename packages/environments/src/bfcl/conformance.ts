import { join } from 'node:path';
import { ConfigError, type Task } from '@parl-mt/schema';
import {
  type ConformanceSuite,
  describeFailure,
  kindOfFile,
  readTrace,
  type SuiteReport,
  traceFilesIn,
} from '../conformance/suite.js';
import { type CheckReport, Tally } from '../conformance/tally.js';
import { type CheckVerdict, checkTask, findIrrelevantTurn, type ModelCalls } from './checker.js';
import { createInstances } from './create-instances.js';
import { type DecodeResult, decodeFunctionCalls, endsTurn, type FunctionCall } from './decode-function-calls.js';
import { decodePromptOutput } from './decode-prompt-output.js';
import { bfclCategories, loadBfclTasks } from './load-tasks.js';
import { jsonMemberText, readJson } from './python/json-reader.js';
import { pyJson } from './python/render.js';
import { PyDict, type PyValue } from './python/value.js';
import { RecordFields } from './record-fields.js';
import { encodeState } from './state-encoding.js';

/** Model name under which the traces were recorded. */
const TRACE_MODEL = 'conformance';

/** Calls with these tags cannot be matched without a Python: they must fail where Python fails, with whatever text. */
const EXEMPT_TAGS: ReadonlySet<string> = new Set(['syntax_error', 'builtin', 'no_call']);

const TRACE_KINDS = ['multi_turn', 'errors', 'checker', 'decode'] as const;
type TraceKind = (typeof TRACE_KINDS)[number];

/** What each kind of trace counts, and the share of matches that it demands. */
const DEMANDS: { readonly [kind in TraceKind]: { readonly unit: string; readonly required: number } } = {
  multi_turn: { unit: 'records', required: 1 },
  errors: { unit: 'calls', required: 0.995 },
  checker: { unit: 'records', required: 1 },
  decode: { unit: 'records', required: 1 },
};

/** The multi-turn part of BFCL: traces of its executor, checker and decoders, and every ground truth replayed. */
export const bfclSuite: ConformanceSuite = { name: 'bfcl', run: runBfclConformance };

/**
 * Compares this implementation with recorded runs of the official one.
 *
 * @param directory - folder with `data/`, `traces/` and, for long-context tasks, `long_context_data.json`.
 * @throws {UsageError} when the folder of traces is missing; {ConfigError} for a file that cannot be read. A malformed record is a
 *   difference.
 */
export function runBfclConformance(directory: string): SuiteReport {
  const folder = join(directory, 'traces');
  const files = traceFilesIn(folder);
  const runner = new TraceRunner(directory);
  const checks: CheckReport[] = [];
  const unknownFiles: string[] = [];
  for (const file of files) {
    const kind = kindOfFile(file, TRACE_KINDS);
    if (kind === undefined) unknownFiles.push(`traces/${file}`);
    else checks.push(runner.runTrace(file, kind));
  }
  const replays = runner.categories.map((category) => runner.replay(category));
  return { suite: 'bfcl', checks: [...checks, ...runner.unloadable, ...replays], unknownFiles };
}

class TraceRunner {
  readonly #directory: string;
  readonly #tasks = new Map<string, Task>();

  /** Checks that categories failed whose tasks do not load; the others go on. */
  readonly unloadable: CheckReport[] = [];
  readonly categories: string[] = [];

  constructor(directory: string) {
    this.#directory = directory;
    for (const category of bfclCategories(directory)) {
      try {
        for (const task of loadBfclTasks(directory, category)) this.#tasks.set(task.id, task);
        this.categories.push(category);
      } catch (error) {
        const tally = new Tally();
        tally.countUnreadable(() => describeFailure(`tasks of ${category}`, error));
        this.unloadable.push(tally.report(`tasks of ${category}`, 'tasks', 'records', 1));
      }
    }
  }

  runTrace(file: string, kind: TraceKind): CheckReport {
    const tally = new Tally();
    for (const { text: record, line } of readTrace(join(this.#directory, 'traces', file))) {
      tally.countRecord();
      const where = `traces/${file}:${line}`;
      try {
        this.#runRecord(kind, RecordFields.parse(record, where), record, tally);
      } catch (error) {
        tally.countUnreadable(() => describeFailure(where, error));
      }
    }
    const { unit, required } = DEMANDS[kind];
    return tally.report(`traces/${file}`, kind, unit, required);
  }

  /** Ground truth of one category run as if it were the model's calls; every task must be valid. */
  replay(category: string): CheckReport {
    const tally = new Tally();
    for (const task of this.#tasks.values()) {
      if (task.category !== category) continue;
      tally.countRecord();
      const calls = task.turns.map(({ groundTruth }) => (groundTruth.length === 0 ? [] : [groundTruth]));
      const verdict = this.#check(task, calls);
      tally.count(verdict.valid, () => `${task.id}: ${verdict.errorType} (turn ${verdict.turn})`);
    }
    return tally.report(`ground truth of ${category}`, 'replay', 'records', 1);
  }

  #runRecord(kind: TraceKind, fields: RecordFields, line: string, tally: Tally): void {
    switch (kind) {
      case 'multi_turn':
      case 'errors':
        this.#runExecution(kind, fields, line, tally);
        break;
      case 'checker':
        this.#runChecker(fields, tally);
        break;
      case 'decode':
        runDecode(fields, line, tally);
        break;
    }
  }

  #task(id: string): Task {
    const task = this.#tasks.get(id);
    if (task === undefined) throw new ConfigError(`expected task ${id} in the data folder, received none`);
    return task;
  }

  #check(task: Task, calls: ModelCalls | null): CheckVerdict {
    return checkTask(task, calls, { modelName: TRACE_MODEL });
  }

  /** Replays the calls of a record: every result, and after every turn the state of every class. */
  #runExecution(kind: 'multi_turn' | 'errors', fields: RecordFields, line: string, tally: Tally): void {
    const id = fields.text('id');
    const task = this.#task(fields.has('base_id') ? fields.text('base_id') : id);
    const instances = createInstances(task, TRACE_MODEL);
    // Read again with ints and floats apart, for the states.
    const exact = readJson(line) as PyDict;
    const states = new StateFollower(exact.get('initial_state') as PyDict);
    const differences: string[] = [];
    const compareStates = (when: string): void => {
      const difference = states.difference(
        new Map(instances.classes.map(({ name }) => [name, stateText(encodeState(instances.state(name) ?? {}))])),
      );
      const describeState = () => `${id} ${when}: ${difference}`;
      if (kind === 'errors') tally.countAlso('states', difference === undefined, describeState);
      if (difference !== undefined) differences.push(describeState());
    };
    compareStates('initially');
    const exactTurns = exact.get('turns') as PyDict[];
    for (const [turn, turnFields] of fields.fieldsList('turns').entries()) {
      const results = turnFields.texts('results');
      const tags = turnFields.has('call_tags') ? turnFields.textLists('call_tags') : [];
      const recordTags = fields.has('tags') ? fields.texts('tags') : [];
      for (const [index, call] of turnFields.texts('calls').entries()) {
        const { text, isError } = instances.execute(call);
        const expected = results[index] as string;
        const callTags = tags[index] ?? recordTags;
        const describeCall = () => `${id} turn ${turn} ${call}: expected ${expected}, received ${text}`;
        if (kind === 'multi_turn') {
          if (text !== expected) differences.push(describeCall());
        } else if (callTags.some((tag) => EXEMPT_TAGS.has(tag))) {
          const isPythonError = expected.startsWith('Error during execution: ');
          tally.countAlso('exempt calls, failing where Python fails', isError || !isPythonError, describeCall);
        } else {
          tally.count(text === expected, describeCall, callTags.length === 0 ? ['no fault'] : callTags);
        }
      }
      states.follow((exactTurns[turn] as PyDict).get('state') as PyDict);
      compareStates(`after turn ${turn}`);
    }
    if (kind === 'multi_turn') tally.count(differences.length === 0, () => differences[0] as string, classTags(task));
  }

  #runChecker(fields: RecordFields, tally: Tally): void {
    const id = fields.text('id');
    const task = this.#task(fields.text('task_id'));
    const calls = fields.raw('model_calls') as ModelCalls | null;
    const verdict = this.#check(task, calls);
    const expected = fields.fields('verdict');
    const problems = [
      ['valid', verdict.valid],
      ['error_type', verdict.errorType ?? null],
      ['error_message', verdict.errorMessage],
      ['differing_attributes', verdict.differingAttributes],
      ['turn', verdict.turn],
      ['missing_items', verdict.missingItems],
    ].filter(([key, value]) => {
      const wanted = expected.raw(key as string);
      return wanted !== undefined && JSON.stringify(wanted) !== JSON.stringify(value);
    });
    if (fields.has('irrelevance_verdict')) {
      const isRelevant = findIrrelevantTurn(task, calls ?? []) === undefined;
      if (fields.fields('irrelevance_verdict').flag('valid') !== isRelevant) problems.push(['irrelevance', isRelevant]);
    }
    const mutations = fields.has('mutations') ? fields.texts('mutations') : [];
    tally.count(
      problems.length === 0,
      () => `${id}: ${problems.map(([key, value]) => `${key} is ${JSON.stringify(value)}`).join(', ')}`,
      mutations.length === 0 ? ['unchanged'] : mutations,
    );
  }
}

function classTags(task: Task): string[] {
  return task.involvedClasses.map((name) => `class ${name}`);
}

/** Expected state per class, updated by turns that list only what changed. */
class StateFollower {
  readonly #expected = new Map<string, string>();

  constructor(initial: PyDict) {
    this.follow(initial);
  }

  follow(changes: PyDict): void {
    for (const [className, state] of changes.entries()) {
      this.#expected.set(className as string, stateText(state as PyDict));
    }
  }

  /** The first class that differs. */
  difference(actual: ReadonlyMap<string, string>): string | undefined {
    for (const [className, expected] of this.#expected) {
      const text = actual.get(className);
      if (text !== expected) return `${className} is ${text}, expected ${expected}`;
    }
    return undefined;
  }
}

/** Attributes in name order: the traces list them in another order than the instances. */
function stateText(state: PyDict): string {
  const attributes = Array.from(state.entries()).sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1));
  return pyJson(new PyDict(attributes));
}

function runDecode(fields: RecordFields, line: string, tally: Tally): void {
  const id = fields.text('id');
  const mode = fields.text('mode');
  const result =
    mode === 'fc'
      ? decodeFunctionCalls(functionCalls(readJson(jsonMemberText(line, 'output') ?? 'null')))
      : decodePromptOutput(fields.text('output'));
  const expected = fields.raw('decoded');
  const actual = result.ok ? result.calls : null;
  const isMatch = JSON.stringify(expected) === JSON.stringify(actual) && fields.flag('ends_turn') === endsTurn(result);
  const tags = [`mode ${mode}`, ...(fields.has('failed') ? [`fails: ${fields.text('failed')}`] : [])];
  tally.count(isMatch, () => `${id}: expected ${JSON.stringify(expected)}, received ${describe(result)}`, tags);
}

function describe(result: DecodeResult): string {
  return result.ok ? JSON.stringify(result.calls) : `${result.failure}: ${result.message}`;
}

/** The trace's spelling of tool calls: a list of `{name: arguments}`. */
function functionCalls(output: PyValue): readonly FunctionCall[] | string | null {
  if (!Array.isArray(output)) return typeof output === 'string' ? output : null;
  return output.flatMap((item) =>
    item instanceof PyDict
      ? Array.from(item.entries(), ([name, args]) => ({ name: name as string, arguments: args }))
      : [],
  );
}

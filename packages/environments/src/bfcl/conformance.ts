import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, type Task, UsageError } from '@parl-mt/schema';
import type { LongContextData } from './api-class.js';
import { createInstances } from './bfcl-environment.js';
import { type CheckVerdict, checkTask, findIrrelevantTurn, type ModelCalls } from './checker.js';
import { type DecodeResult, decodeFunctionCalls, endsTurn, type FunctionCall } from './decode-function-calls.js';
import { decodePromptOutput } from './decode-prompt-output.js';
import { bfclCategories, loadBfclTasks, loadLongContext } from './load-tasks.js';
import { jsonMemberText, readJson } from './python/json-reader.js';
import { pyJson } from './python/render.js';
import { PyDict, type PyValue } from './python/value.js';
import { RecordFields } from './record-fields.js';
import { apiClassNames } from './registry.js';
import { encodeState } from './state-encoding.js';

/** Model name under which the traces were recorded. */
const TRACE_MODEL = 'conformance';
const MAX_DIFFERENCES = 5;

/** Calls with these tags cannot be matched without a Python: they must fail where Python fails, with whatever text. */
const EXEMPT_TAGS: ReadonlySet<string> = new Set(['syntax_error', 'builtin', 'no_call']);

type TraceKind = 'multi_turn' | 'errors' | 'checker' | 'decode';

/** Share of matches that each kind of trace demands. */
const REQUIRED_RATES: { readonly [kind in TraceKind]: number } = {
  multi_turn: 1,
  errors: 0.995,
  checker: 1,
  decode: 1,
};

/** How one trace file fared. */
export interface TraceReport {
  readonly file: string;
  readonly kind: TraceKind;
  /** Records compared, and those left out because they involve a class that is not under test. */
  readonly records: number;
  readonly skipped: number;
  /** What is counted: calls for "errors" (exempt ones apart), records for the rest. */
  readonly checked: number;
  readonly matched: number;
  /** Exempt calls, and those of them that did not fail although Python's did. */
  readonly exempt: number;
  readonly exemptFailures: number;
  /** States compared, one per turn and one before the first, and those that differ; part of "multi_turn" matches. */
  readonly states: number;
  readonly stateMismatches: number;
  readonly required: number;
  readonly isPassing: boolean;
  /** The first few differences, one line each. */
  readonly differences: readonly string[];
}

/** Ground truth of one category run as if it were the model's calls; every task must be valid. */
export interface ReplayReport {
  readonly category: string;
  readonly tasks: number;
  readonly skipped: number;
  readonly valid: number;
  readonly isPassing: boolean;
  readonly differences: readonly string[];
}

export interface ConformanceReport {
  readonly classes: readonly string[];
  readonly traces: readonly TraceReport[];
  readonly replays: readonly ReplayReport[];
  readonly isPassing: boolean;
}

export interface ConformanceOptions {
  /** Classes under test; records that involve others are skipped. Default: all implemented ones. */
  readonly classes?: readonly string[];
}

/**
 * Compares this implementation with recorded runs of the official one.
 *
 * @param dataDirectory - folder with `data/`, `traces/` and, for long-context tasks, `long_context_data.json`.
 * @throws {UsageError} when a folder is missing or a class is unknown; {ConfigError} for malformed records.
 */
export function runConformance(dataDirectory: string, options: ConformanceOptions = {}): ConformanceReport {
  const classes = options.classes ?? apiClassNames;
  const unknown = classes.find((name) => !apiClassNames.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`expected classes among ${apiClassNames.join(', ')}, received ${unknown}`);
  }
  const suite = new ConformanceSuite(dataDirectory, new Set(classes));
  const traces = suite.traceFiles().map((file) => suite.runTrace(file));
  const replays = bfclCategories(dataDirectory).map((category) => suite.replay(category));
  const isPassing = [...traces, ...replays].every((report) => report.isPassing);
  return { classes, traces, replays, isPassing };
}

class ConformanceSuite {
  readonly #directory: string;
  readonly #classes: ReadonlySet<string>;
  readonly #tasks = new Map<string, Task>();
  readonly #longContext: LongContextData | undefined;

  constructor(directory: string, classes: ReadonlySet<string>) {
    this.#directory = directory;
    this.#classes = classes;
    for (const category of bfclCategories(directory)) {
      for (const task of loadBfclTasks(directory, category)) this.#tasks.set(task.id, task);
    }
    const longContextFile = join(directory, 'long_context_data.json');
    this.#longContext = existsSync(longContextFile) ? loadLongContext(longContextFile) : undefined;
  }

  traceFiles(): string[] {
    const folder = join(this.#directory, 'traces');
    if (!existsSync(folder)) throw new UsageError(`expected a folder of traces at ${folder}, received none`);
    return readdirSync(folder)
      .filter((name) => name.endsWith('.jsonl') && kindOf(name) !== undefined)
      .sort();
  }

  runTrace(file: string): TraceReport {
    const kind = kindOf(file) as TraceKind;
    const tally = new Tally();
    const lines = readFileSync(join(this.#directory, 'traces', file), 'utf8').split('\n');
    for (const [index, line] of lines.entries()) {
      if (line.trim() === '') continue;
      const fields = RecordFields.parse(line, `traces/${file}:${index + 1}`);
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
    const required = REQUIRED_RATES[kind];
    const isPassing = tally.matched >= required * tally.checked && tally.exemptFailures === 0;
    return { file, kind, ...tally.counts(), required, isPassing };
  }

  replay(category: string): ReplayReport {
    const tally = new Tally();
    for (const task of loadBfclTasks(this.#directory, category)) {
      if (!this.#isUnderTest(task)) {
        tally.skipped++;
        continue;
      }
      const calls = task.turns.map(({ groundTruth }) => (groundTruth.length === 0 ? [] : [groundTruth]));
      const verdict = this.#check(task, calls);
      tally.count(verdict.valid, () => `${task.id}: ${verdict.errorType} (turn ${verdict.turn})`);
    }
    const { skipped, checked: tasks, matched: valid, differences } = tally.counts();
    return { category, tasks, skipped, valid, isPassing: valid === tasks, differences };
  }

  #isUnderTest({ involvedClasses }: Task): boolean {
    return involvedClasses.every((name) => this.#classes.has(name));
  }

  #task(id: string): Task {
    const task = this.#tasks.get(id);
    if (task === undefined) throw new ConfigError(`expected task ${id} in the data folder, received none`);
    return task;
  }

  #check(task: Task, calls: ModelCalls): CheckVerdict {
    return checkTask(task, calls, {
      modelName: TRACE_MODEL,
      ...(this.#longContext === undefined ? {} : { longContext: this.#longContext }),
    });
  }

  /** Replays the calls of a record: every result, and after every turn the state of every class. */
  #runExecution(kind: 'multi_turn' | 'errors', fields: RecordFields, line: string, tally: Tally): void {
    const id = fields.text('id');
    const task = this.#task(fields.has('base_id') ? fields.text('base_id') : id);
    if (!this.#isUnderTest(task)) {
      tally.skipped++;
      return;
    }
    tally.records++;
    const instances = createInstances(task, TRACE_MODEL, this.#longContext, new Map());
    // Read again with ints and floats apart, for the states.
    const exact = readJson(line) as PyDict;
    const states = new StateFollower(exact.get('initial_state') as PyDict);
    const differences: string[] = [];
    const compareStates = (when: string): void => {
      const difference = states.difference(
        new Map(instances.classes.map(({ name }) => [name, stateText(encodeState(instances.state(name) ?? {}))])),
      );
      tally.countState(difference === undefined, () => `${id} ${when}: ${difference}`);
      if (difference !== undefined) differences.push(`${id} ${when}: ${difference}`);
    };
    compareStates('initially');
    const exactTurns = exact.get('turns') as PyDict[];
    for (const [turn, turnFields] of fields.fieldsList('turns').entries()) {
      const results = turnFields.texts('results');
      const tags = turnFields.has('call_tags') ? turnFields.textLists('call_tags') : [];
      for (const [index, call] of turnFields.texts('calls').entries()) {
        const { text, isError } = instances.execute(call);
        const expected = results[index] as string;
        const isExempt = kind === 'errors' && tags[index]?.some((tag) => EXEMPT_TAGS.has(tag));
        if (isExempt) {
          tally.countExempt(
            isError || !expected.startsWith('Error during execution: '),
            () => `${id} ${call}: ${text}`,
          );
        } else {
          const describe = () => `${id} turn ${turn} ${call}: expected ${expected}, received ${text}`;
          if (kind === 'errors') tally.countCall(text === expected, describe);
          if (text !== expected) differences.push(describe());
        }
      }
      states.follow((exactTurns[turn] as PyDict).get('state') as PyDict);
      compareStates(`after turn ${turn}`);
    }
    if (kind === 'multi_turn') tally.countCall(differences.length === 0, () => differences[0] as string);
  }

  #runChecker(fields: RecordFields, tally: Tally): void {
    const id = fields.text('id');
    const task = this.#task(fields.text('task_id'));
    if (!this.#isUnderTest(task)) {
      tally.skipped++;
      return;
    }
    const calls = fields.list('model_calls') as ModelCalls;
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
      const isRelevant = findIrrelevantTurn(task, calls) === undefined;
      if (fields.fields('irrelevance_verdict').flag('valid') !== isRelevant) problems.push(['irrelevance', isRelevant]);
    }
    tally.count(
      problems.length === 0,
      () => `${id}: ${problems.map(([key, value]) => `${key} is ${JSON.stringify(value)}`).join(', ')}`,
    );
  }
}

function kindOf(file: string): TraceKind | undefined {
  const kinds = Object.keys(REQUIRED_RATES) as TraceKind[];
  return kinds.find((kind) => file.startsWith(`${kind}_`));
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
  tally.count(isMatch, () => `${id}: expected ${JSON.stringify(expected)}, received ${describe(result)}`);
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

class Tally {
  records = 0;
  skipped = 0;
  checked = 0;
  matched = 0;
  exempt = 0;
  exemptFailures = 0;
  states = 0;
  stateMismatches = 0;
  readonly #differences: string[] = [];

  /** One record that is one check. */
  count(isMatch: boolean, describe: () => string): void {
    this.records++;
    this.countCall(isMatch, describe);
  }

  countCall(isMatch: boolean, describe: () => string): void {
    this.checked++;
    if (isMatch) this.matched++;
    else this.#note(describe);
  }

  countExempt(isMatch: boolean, describe: () => string): void {
    this.exempt++;
    if (isMatch) return;
    this.exemptFailures++;
    this.#note(describe);
  }

  countState(isMatch: boolean, describe: () => string): void {
    this.states++;
    if (isMatch) return;
    this.stateMismatches++;
    this.#note(describe);
  }

  counts() {
    const { records, skipped, checked, matched, exempt, exemptFailures, states, stateMismatches } = this;
    const differences = this.#differences;
    return { records, skipped, checked, matched, exempt, exemptFailures, states, stateMismatches, differences };
  }

  #note(describe: () => string): void {
    if (this.#differences.length < MAX_DIFFERENCES) this.#differences.push(describe());
  }
}

/** The report as a table for people. */
export function formatConformance(report: ConformanceReport): string {
  const percent = (part: number, whole: number) => (whole === 0 ? 'none' : `${((100 * part) / whole).toFixed(2)}%`);
  const lines = [`classes: ${report.classes.join(', ')}`, ''];
  lines.push(row('trace', 'records', 'skipped', 'checked', 'matched', 'rate', 'needed', 'exempt', 'states', ''));
  for (const trace of report.traces) {
    lines.push(
      row(
        trace.file,
        `${trace.records}`,
        `${trace.skipped}`,
        `${trace.checked}`,
        `${trace.matched}`,
        percent(trace.matched, trace.checked),
        percent(trace.required, 1),
        `${trace.exempt - trace.exemptFailures}/${trace.exempt}`,
        `${trace.states - trace.stateMismatches}/${trace.states}`,
        trace.isPassing ? 'pass' : 'FAIL',
      ),
      ...trace.differences.map((text) => `    ${text}`),
    );
  }
  lines.push('', row('ground truth replay', 'tasks', 'skipped', 'checked', 'valid', 'rate', 'needed', '', '', ''));
  for (const replay of report.replays) {
    const { category, tasks, skipped, valid, isPassing, differences } = replay;
    const status = isPassing ? 'pass' : 'FAIL';
    lines.push(
      row(category, `${tasks}`, `${skipped}`, `${tasks}`, `${valid}`, percent(valid, tasks), '100.00%', '', '', status),
      ...differences.map((text) => `    ${text}`),
    );
  }
  return lines.join('\n');
}

function row(...cells: readonly string[]): string {
  const [name = '', ...rest] = cells;
  return `${name.padEnd(24)}${rest.map((cell) => cell.padStart(10)).join('')}`.trimEnd();
}

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, type Message, type Task, type Turn } from '@parl-mt/schema';
import { type FunctionDocument, toToolSpec } from './function-document.js';
import { loadLongContext } from './load-long-context.js';
import type { LongContextData } from './long-context.js';
import { jsonMemberText } from './python/json-reader.js';
import { readText } from './read-text.js';
import { RecordFields } from './record-fields.js';
import { attachLongContext } from './task-long-context.js';

/** Appended by the official runner to the description of every function on offer from the start. */
export const SYNTAX_NOTE = ' Note that the provided function is in Python 3 syntax.';

/** What the official runner says in a turn that reveals held-out functions, in place of a user message. */
export const REVEAL_MESSAGE = 'I have updated some more functions you can choose from. What about now?';

/** File of the function documents of each class. */
const DOCUMENT_FILES: ReadonlyMap<string, string> = new Map([
  ['GorillaFileSystem', 'gorilla_file_system.json'],
  ['MathAPI', 'math_api.json'],
  ['MessageAPI', 'message_api.json'],
  ['TwitterAPI', 'posting_api.json'],
  ['TicketAPI', 'ticket_api.json'],
  ['TradingBot', 'trading_bot.json'],
  ['TravelAPI', 'travel_booking.json'],
  ['VehicleControlAPI', 'vehicle_control.json'],
]);

/**
 * Reads one category of the official multi-turn tasks.
 *
 * @param directory - folder with `BFCL_v4_multi_turn_{category}.json`, `possible_answer/` and `multi_turn_func_doc/`, or
 *   the folder above it.
 * Where `long_context_data.json` lies in the folder or beside it, the tasks know it, and environments need no more.
 *
 * @param category - "base", "miss_param", "miss_func", "long_context", …
 * @throws {UsageError} when a file is missing; {ConfigError} when a line does not have the official shape.
 */
export function loadBfclTasks(directory: string, category: string): Task[] {
  const folder = dataFolder(directory);
  const paths = taskPaths(folder, category);
  const answers = new Map(
    readRecords(folder, paths.answers).map(({ fields }) => [fields.text('id'), fields.textLists('ground_truth')]),
  );
  const documents = new DocumentReader(folder);
  const longContext = readLongContext(directory, folder);
  return readRecords(folder, paths.tasks).map(({ line, fields, where }) => {
    const id = fields.text('id');
    const groundTruth = answers.get(id);
    const turns = fields.list('question').length;
    if (groundTruth?.length !== turns) {
      throw new ConfigError(
        `${where}: expected ${turns} turns of ground truth for ${id}, received ${groundTruth?.length ?? 'none'}`,
      );
    }
    const task = toTask(fields, groundTruth, jsonMemberText(line, 'initial_config') ?? '{}', category, documents);
    if (longContext !== undefined) attachLongContext(task, longContext);
    return task;
  });
}

/** The official categories first, in the order of the leaderboard; others after them, by name. */
const CATEGORY_ORDER = ['base', 'miss_func', 'miss_param', 'long_context', 'composite'];

/** Categories whose task file is in the folder. */
export function bfclCategories(directory: string): string[] {
  const folder = dataFolder(directory);
  const rank = (category: string) => (CATEGORY_ORDER.indexOf(category) + 100) % 100;
  return [folder, ...UNUSED_FOLDERS.map(({ tasks }) => join(folder, tasks))]
    .flatMap((place) => (existsSync(place) ? readdirSync(place) : []))
    .flatMap((file) => TASK_FILE.exec(file)?.[1] ?? [])
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

const TASK_FILE = /^BFCL_v4_multi_turn_(\w+)\.json$/;

/** Where the official data keeps retired categories. */
const UNUSED_FOLDERS = [{ tasks: 'unused_datasets/question', answers: 'unused_datasets/possible_answer' }];

/** Paths below the data folder of a category's tasks and ground truths. */
function taskPaths(folder: string, category: string): { readonly tasks: string; readonly answers: string } {
  const file = `BFCL_v4_multi_turn_${category}.json`;
  const unused = UNUSED_FOLDERS.find(({ tasks }) => existsSync(join(folder, tasks, file)));
  return !existsSync(join(folder, file)) && unused !== undefined
    ? { tasks: `${unused.tasks}/${file}`, answers: `${unused.answers}/${file}` }
    : { tasks: file, answers: `possible_answer/${file}` };
}

function readLongContext(...folders: readonly string[]): LongContextData | undefined {
  const file = folders
    .map((folder) => join(folder, 'long_context_data.json'))
    .find((candidate) => existsSync(candidate));
  return file === undefined ? undefined : loadLongContext(file);
}

function dataFolder(directory: string): string {
  const inner = join(directory, 'data');
  return existsSync(join(inner, 'possible_answer')) ? inner : directory;
}

interface RecordLine {
  readonly line: string;
  readonly fields: RecordFields;
  readonly where: string;
}

/** One record per line; blank lines do not count. */
function readRecords(folder: string, file: string): RecordLine[] {
  return readText(join(folder, file))
    .split('\n')
    .flatMap((line, index) => {
      if (line.trim() === '') return [];
      const where = `${file}:${index + 1}`;
      return [{ line, where, fields: RecordFields.parse(line, where) }];
    });
}

/**
 * Official function documents of these classes, in the order of the classes and their files.
 *
 * @throws {UsageError} when a file is missing; {ConfigError} for unknown classes.
 */
export function loadFunctionDocuments(directory: string, classNames: readonly string[]): FunctionDocument[] {
  const reader = new DocumentReader(dataFolder(directory));
  return classNames.flatMap((className) => reader.of(className));
}

/** Function documents per class, each file read once. */
class DocumentReader {
  readonly #folder: string;
  readonly #byClass = new Map<string, readonly FunctionDocument[]>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  of(className: string): readonly FunctionDocument[] {
    const known = this.#byClass.get(className);
    if (known !== undefined) return known;
    const file = DOCUMENT_FILES.get(className);
    if (file === undefined) throw new ConfigError(`expected a class of the benchmark, received ${className}`);
    const documents = readRecords(this.#folder, `multi_turn_func_doc/${file}`).map(({ fields, line }) => ({
      name: fields.text('name'),
      description: fields.text('description'),
      parameters: Object.fromEntries(fields.fields('parameters').entries()),
      source: line,
    }));
    this.#byClass.set(className, documents);
    return documents;
  }
}

function toTask(
  fields: RecordFields,
  groundTruth: readonly string[][],
  initialConfig: string,
  category: string,
  documents: DocumentReader,
): Task {
  const involvedClasses = fields.texts('involved_classes');
  const all = involvedClasses.flatMap((className) => documents.of(className));
  const revealed = revealedByTurn(fields);
  const heldOut = new Set([...revealed.values()].flat());
  const task: Task = {
    id: fields.text('id'),
    environment: 'bfcl',
    category,
    involvedClasses,
    initialConfig,
    tools: all.filter(({ name }) => !heldOut.has(name)).map((document) => toToolSpec(document, SYNTAX_NOTE)),
    turns: groundTruth.map((calls, index): Turn => {
      const names = revealed.get(index);
      const messages = messagesOf(fields, index);
      if (names === undefined) return { messages, groundTruth: calls };
      const opening = messages.length > 0 ? messages : [{ role: 'user' as const, content: REVEAL_MESSAGE }];
      return { messages: opening, groundTruth: calls, revealedTools: names };
    }),
  };
  if (heldOut.size === 0) return task;
  // In the order of the reveal, as the official runner appends them.
  const heldOutTools = Array.from(heldOut).flatMap((name) => all.find((document) => document.name === name) ?? []);
  return { ...task, heldOutTools: heldOutTools.map((document) => toToolSpec(document, '')) };
}

/** Turn index to the functions held out until then. */
function revealedByTurn(fields: RecordFields): Map<number, string[]> {
  if (!fields.has('missed_function')) return new Map();
  const missed = fields.fields('missed_function');
  return new Map(missed.entries().map(([turn]) => [Number(turn), missed.texts(turn)]));
}

function messagesOf(fields: RecordFields, turn: number): Message[] {
  const messages = new RecordFields({ messages: fields.list('question')[turn] }, `question[${turn}]`);
  return messages.fieldsList('messages').map((message) => ({
    role: message.text('role') === 'system' ? 'system' : 'user',
    content: message.text('content'),
  }));
}

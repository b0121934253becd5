import type { Entity, Pointer } from './entities.js';
import type { Random } from './random.js';
import { directoryPath, type Scenario } from './scenario.js';
import {
  type ArgumentProvenance,
  type ArgumentValue,
  argumentText,
  type CallTrace,
  type EntityKind,
  type TurnTrace,
} from './trace.js';

/** The environment as the planner uses it. */
export interface World {
  execute(callText: string): { readonly content: string; readonly isError: boolean };
  digest(): string;
}

/** This draw of a task is to be dropped and drawn again; never leaves the synthesiser. */
export class RejectedDraft extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'RejectedDraft';
  }
}

/** Words for something in the message, and how the policy knows what they mean. */
export interface Spoken {
  readonly phrase: string;
  readonly literal: string;
  readonly provenance: ArgumentProvenance;
}

export interface PlannedArgument {
  readonly name: string;
  readonly value: ArgumentValue;
  readonly provenance: ArgumentProvenance;
}

export interface CallOptions {
  readonly changes: boolean;
  /** The texts in the result that nobody could know before. */
  readonly answers?: (result: unknown, content: string) => readonly string[];
}

/** One wish of the user within a turn. */
export interface Clause {
  /** Imperative without end punctuation: "create a file named 'a.txt'". */
  readonly text: string;
  /** What "it" means in the next clause. */
  readonly focus?: Entity | undefined;
  /** Closing sentence for the policy. */
  readonly message: string;
}

/** Everything about a task in the making that outlives a turn. */
export interface TaskDraft {
  readonly random: Random;
  readonly scenario: Scenario;
  readonly world: World;
  readonly referenceRate: number;
  /** Turns after which things are gladly talked about again, at least 1. */
  readonly referenceReach: number;
  /** Most wordings in use of whatever can be said in several ways. */
  readonly phrasings: number;
  /** Whether ground-truth calls may use every method of an operation. */
  readonly allows: (operation: { readonly methods: readonly string[] }) => boolean;
  /** Call texts so far with the digest they ran in: repeating one would be redundant. */
  readonly seenCalls: Set<string>;
  readonly references: { eligible: number; referred: number };
  /** Turns that talk about something an earlier turn made known. */
  dependentTurns: number;
}

/** A turn in the making: executes calls as they are planned and words what is known as the knob asks. */
export class TurnDraft {
  readonly task: TaskDraft;
  readonly turn: number;
  readonly maxCalls: number;
  readonly calls: CallTrace[] = [];
  focus: Entity | undefined;
  /** Whether it talks about something that an earlier turn made known. */
  dependsOnEarlier = false;
  readonly #saidThisTurn = new Map<Entity, ArgumentProvenance>();

  constructor(task: TaskDraft, turn: number, maxCalls: number) {
    this.task = task;
    this.turn = turn;
    this.maxCalls = maxCalls;
  }

  get random(): Random {
    return this.task.random;
  }

  /** One of several ways to say something. */
  pickWording(wordings: readonly string[]): string {
    return this.random.pick(wordings.slice(0, this.task.phrasings));
  }

  get scenario(): Scenario {
    return this.task.scenario;
  }

  get remainingCalls(): number {
    return this.maxCalls - this.calls.length;
  }

  /**
   * Executes a ground-truth call and records it.
   *
   * @returns the result, parsed where it is JSON, else its text.
   * @throws {RejectedDraft} when the call fails, repeats an earlier one in the same state, or changes the state against `changes`.
   */
  call(className: string, method: string, args: readonly PlannedArgument[], options: CallOptions): unknown {
    const traced = args.map((arg) => ({ ...arg, text: argumentText(arg.value) }));
    const text = `${method}(${traced.map((arg) => `${arg.name}=${arg.text}`).join(', ')})`;
    const before = this.task.world.digest();
    const key = `${before} ${text}`;
    if (this.task.seenCalls.has(key)) throw new RejectedDraft(`redundant call ${text}`);
    this.task.seenCalls.add(key);
    const { content, isError } = this.task.world.execute(text);
    if (isError) throw new RejectedDraft(`${text} failed: ${content}`);
    const changesState = this.task.world.digest() !== before;
    if (changesState !== options.changes) throw new RejectedDraft(`${text}: expected state change ${options.changes}`);
    const parsed = parseResult(content);
    const files = this.scenario.files;
    this.calls.push({
      className,
      method,
      call: text,
      arguments: traced,
      result: content,
      answers: options.answers?.(parsed, content) ?? [],
      changesState,
      ...(files === undefined ? {} : { directory: directoryPath(files.current) }),
    });
    return parsed;
  }

  /** After a call that moved: records where the conversation is now. */
  noteDirectory(): void {
    const last = this.calls.pop();
    if (last === undefined || this.scenario.files === undefined) return;
    this.calls.push({ ...last, directory: directoryPath(this.scenario.files.current) });
  }

  /** A phrase that the message states as it is. */
  stated(phrase: string): ArgumentProvenance {
    return { kind: 'stated', phrase };
  }

  /** Whether the conversation met the entity before this turn. */
  isKnown(entity: Entity): boolean {
    return entity.known !== undefined && entity.known.turn < this.turn;
  }

  /**
   * Words for an entity: a pronoun right after a clause about it; a reference with the configured chance when an earlier
   * turn made it known and a phrase is unambiguous; else its literal text.
   */
  refer(entity: Entity): Spoken {
    const spoken = this.#word(entity);
    this.scenario.registry.mention(entity, this.turn);
    if (!this.#saidThisTurn.has(entity)) this.#saidThisTurn.set(entity, spoken.provenance);
    return spoken;
  }

  /** Notes that the message names a new thing literally, in quotes. */
  introduce(entity: Entity): void {
    this.scenario.registry.mention(entity, this.turn);
    this.#saidThisTurn.set(entity, this.stated(`'${entity.literal}'`));
  }

  /** Notes that several things came up at once. */
  surface(entities: readonly Entity[]): void {
    this.scenario.registry.surface(entities, this.turn);
  }

  /** Gives an entity a new literal text, which the message states in quotes. */
  rename(entity: Entity, literal: string): void {
    this.scenario.registry.rename(entity, literal);
    this.introduce(entity);
  }

  /** As `learn`, but only marks what the conversation knows already. */
  learnIfNew(entity: Entity, role: string): void {
    if (entity.known === undefined) this.learn(entity, role);
    else {
      this.scenario.registry.mention(entity, this.turn);
      this.mark(entity, role);
    }
  }

  /** Notes that this turn's latest call told the entity: nobody stated it. */
  learn(entity: Entity, role?: string): void {
    entity.source ??= { turn: this.turn, call: this.calls.length - 1 };
    this.scenario.registry.mention(entity, this.turn);
    if (role !== undefined) this.mark(entity, role);
  }

  /** Notes what happened to an entity. */
  mark(entity: Entity, role: string): void {
    this.scenario.registry.assign(entity, role, this.turn, this.calls.at(-1)?.method);
  }

  #word(entity: Entity): Spoken {
    const { literal } = entity;
    const isLearned = entity.source?.turn === this.turn;
    if (isLearned && entity !== this.focus) throw new RejectedDraft('no pronoun for a result learned in this turn');
    if (isLearned || (entity === this.focus && this.random.chance(0.85))) {
      const phrase = this.pickWording(pronouns[entity.kind]);
      const known = this.#saidThisTurn.get(entity);
      if (known !== undefined) return { phrase, literal, provenance: known };
      return { phrase, literal, provenance: this.#provenance(entity, { phrase }) };
    }
    if (this.isKnown(entity)) this.dependsOnEarlier = true;
    const pointers = this.isKnown(entity)
      ? this.scenario.registry.pointers(entity, this.turn, this.task.phrasings)
      : [];
    if (pointers.length > 0) {
      this.task.references.eligible++;
      if (this.random.chance(this.task.referenceRate)) {
        this.task.references.referred++;
        const pointer = this.random.pick(pointers);
        return { phrase: pointer.phrase, literal, provenance: this.#provenance(entity, pointer) };
      }
    }
    const phrase = this.pickWording(literalPhrases[entity.kind](literal));
    return { phrase, literal, provenance: this.stated(phrase) };
  }

  #provenance(entity: Entity, { phrase, method }: Pointer): ArgumentProvenance {
    const { kind, literal, source, known } = entity;
    const pointed = { phrase, entity: kind, literal, ...(method === undefined ? {} : { method }) };
    if (source !== undefined) return { kind: 'result', ...pointed, ...source };
    return { kind: 'reference', ...pointed, turn: known?.turn ?? this.turn };
  }

  toTrace(userMessage: string, turnMessages: readonly string[]): TurnTrace {
    return { userMessage, calls: this.calls, turnMessages };
  }
}

const pronouns: Readonly<Record<EntityKind, readonly string[]>> = {
  file: ['it', 'it', 'that file'],
  folder: ['that folder', 'the folder'],
  tweet: ['that tweet', 'this tweet'],
  ticket: ['that ticket', 'this ticket'],
  value: ['the result', 'that result', 'that value'],
  text: ['what you find', 'the result'],
  user: ['that user', 'the same user'],
  id: ['its id'],
  contact: ['that user', 'them', 'that person'],
  stock: ['that stock', 'it', 'this stock'],
  order: ['that order', 'this order', 'it'],
  token: ['that token', 'this token'],
  card: ['that card', 'this card'],
  booking: ['that booking', 'this booking', 'it'],
  airport: ['that airport', 'there'],
  zip: ['that zip code', 'that place'],
};

const quoted = (literal: string): string => `'${literal}'`;

const literalPhrases: Readonly<Record<EntityKind, (literal: string) => readonly string[]>> = {
  file: (name) => [quoted(name), quoted(name), `the file ${quoted(name)}`],
  folder: (name) => [quoted(name), `the folder ${quoted(name)}`, `the ${quoted(name)} folder`],
  tweet: (id) => [`tweet ${id}`, `tweet number ${id}`, `the tweet with id ${id}`],
  ticket: (id) => [`ticket ${id}`, `ticket number ${id}`, `the ticket with id ${id}`],
  value: (number) => [number],
  text: (text) => [quoted(text)],
  user: (name) => [quoted(name), `the user ${quoted(name)}`],
  id: (id) => [id],
  contact: (id) => [`user ${id}`, `the user with id ${id}`, id],
  stock: (symbol) => [symbol, `the stock ${symbol}`, `${symbol} stock`],
  order: (id) => [`order ${id}`, `order number ${id}`, `the order with id ${id}`],
  token: (token) => [`token ${token}`, `the token ${token}`, `the access token ${token}`],
  card: (id) => [`card ${id}`, `the card ${id}`, `my card ${id}`],
  booking: (id) => [`booking ${id}`, `booking number ${id}`, `the booking with id ${id}`],
  airport: (code) => [code, `the airport ${code}`],
  zip: (code) => [`zip code ${code}`, `the zip code ${code}`],
};

function parseResult(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return content;
  }
}

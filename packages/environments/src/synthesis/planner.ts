import type { SynthesisConfig } from '@parl-mt/schema';
import type { Entity } from './entities.js';
import { fileSystemOperations } from './operations/file-system.js';
import { mathOperations } from './operations/math.js';
import { messageOperations } from './operations/messages.js';
import type { Operation } from './operations/operation.js';
import { ticketOperations } from './operations/tickets.js';
import { tradingOperations } from './operations/trading.js';
import { travelOperations } from './operations/travel.js';
import { twitterOperations } from './operations/twitter.js';
import { vehicleOperations } from './operations/vehicle.js';
import { composeMessage } from './phrasing.js';
import type { Random } from './random.js';
import type { SynthesisClass } from './scenario.js';
import type { EntityKind, TurnTrace } from './trace.js';
import { type Clause, RejectedDraft, type TaskDraft, TurnDraft } from './turn-draft.js';

/** Everything a user can wish for. */
export const operations: readonly Operation[] = [
  ...fileSystemOperations,
  ...twitterOperations,
  ...mathOperations,
  ...ticketOperations,
  ...messageOperations,
  ...tradingOperations,
  ...travelOperations,
  ...vehicleOperations,
];

/** Methods that ground-truth calls may use, by class. */
export function coveredMethods(className: SynthesisClass): readonly string[] {
  const own = operations.filter((operation) => operation.className === className);
  return [...new Set(own.flatMap((operation) => operation.methods))];
}

/** How often an operation that finds nothing suitable is drawn again before the turn is given up. */
const MAX_DRAWS_PER_CLAUSE = 12;
/** Chance that a turn starts with an operation that can build on an earlier one: progress is what the tasks are about. */
const REUSE_CHANCE = 0.75;
/** Chance that a turn stays with the class of the last one, where several are involved. */
const SAME_CLASS_CHANCE = 0.4;

/**
 * Draws the turns of a task: a walk over the operations that the state so far allows.
 *
 * @throws {RejectedDraft} when this draw leads nowhere.
 */
export function drawTurns(task: TaskDraft, config: SynthesisConfig): TurnTrace[] {
  const { random, scenario } = task;
  const count = random.integer(config.minTurns, Math.max(config.minTurns, config.maxTurns));
  const plan = classPlan(random, scenario.classes, count);
  const turns: TurnTrace[] = [];
  for (const [turn, className] of plan.entries()) {
    const calls = random.integer(1, config.maxCallsPerTurn);
    turns.push(drawTurn(task, turn, calls, className));
  }
  return turns;
}

/** The class each turn is mainly about: every class at least once where there are turns enough. */
function classPlan(random: Random, classes: readonly SynthesisClass[], turns: number): SynthesisClass[] {
  const plan: SynthesisClass[] = random.shuffle(classes).slice(0, turns);
  while (plan.length < turns) {
    plan.push(random.chance(SAME_CLASS_CHANCE) ? plan.at(-1)! : random.pick(classes));
  }
  return plan;
}

function drawTurn(task: TaskDraft, turn: number, calls: number, className: SynthesisClass): TurnTrace {
  const draft = new TurnDraft(task, turn, calls);
  const clauses: string[] = [];
  const messages: string[] = [];
  const used = new Set<string>();
  while (draft.remainingCalls > 0) {
    const clause = drawClause(draft, used, clauses.length === 0 ? className : undefined);
    if (clause === undefined) break;
    clauses.push(clause.text);
    messages.push(clause.message);
    draft.focus = clause.focus;
  }
  if (clauses.length === 0) throw new RejectedDraft(`no operation of ${className} fits turn ${turn}`);
  if (draft.dependsOnEarlier) task.dependentTurns++;
  const userMessage = composeMessage(task.random, clauses, turn === 0, task.phrasings);
  return draft.toTrace(userMessage, closingMessages(messages));
}

function drawClause(draft: TurnDraft, used: Set<string>, planned: SynthesisClass | undefined): Clause | undefined {
  const known = reusableKinds(draft);
  const weightOf = (candidate: Operation): number =>
    used.has(candidate.name) || !draft.task.allows(candidate)
      ? 0
      : candidate.weight(draft) * preference(draft, candidate.className, planned);
  for (let i = 0; i < MAX_DRAWS_PER_CLAUSE; i++) {
    const reusing =
      planned !== undefined && draft.random.chance(REUSE_CHANCE)
        ? operations.filter(({ uses }) => uses.some((kind) => known.has(kind)))
        : [];
    const operation = draft.random.pickWeighted(reusing, weightOf) ?? draft.random.pickWeighted(operations, weightOf);
    if (operation === undefined) return undefined;
    const clause = operation.run(draft);
    if (clause === undefined) continue;
    used.add(operation.name);
    return clause;
  }
  return undefined;
}

/** Kinds of which an earlier turn made something known that calls can reach from where the conversation is now. */
function reusableKinds(draft: TurnDraft): ReadonlySet<EntityKind> {
  const { registry, files } = draft.scenario;
  const isReachable = (entity: Entity): boolean =>
    (entity.kind !== 'file' && entity.kind !== 'folder') ||
    files?.current.entries.get(entity.literal)?.entity === entity;
  return new Set(
    registry
      .all()
      .filter((entity) => draft.isKnown(entity) && isReachable(entity))
      .map(({ kind }) => kind),
  );
}

/** A first clause keeps to the planned class; later ones mostly go on with what the first was about. */
function preference(draft: TurnDraft, candidate: SynthesisClass, planned: SynthesisClass | undefined): number {
  if (planned !== undefined) return candidate === planned ? 1 : 0;
  const last = draft.calls.at(-1)?.className;
  if (candidate === last) return 1;
  return draft.focus !== undefined && (draft.focus.kind === 'value' || draft.focus.kind === 'text') ? 1 : 0.15;
}

/** "Done." says nothing beside another sentence. */
function closingMessages(messages: readonly string[]): string[] {
  const telling = messages.filter((message) => message !== 'Done.');
  return telling.length === 0 ? ['Done.'] : [...new Set(telling)];
}

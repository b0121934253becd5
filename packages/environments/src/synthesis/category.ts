import type { SynthesisConfig, Turn } from '@parl-mt/schema';
import { missingValues } from './missing-parameter.js';
import type { Random } from './random.js';
import { lackPhrasings, revealPhrasings } from './reveal-phrasings.js';
import type { ArgumentProvenance, SynthesizedTask, TurnTrace } from './trace.js';
import { RejectedDraft } from './turn-draft.js';

/** Categories that tasks can be synthesised in; those of the benchmark. */
export type SynthesisCategory = SynthesisConfig['categories'][number];

/** The category as tasks and their ids name it. */
export function categoryName(category: SynthesisCategory): string {
  return category === 'base' ? 'synthetic' : `synthetic_${category}`;
}

/**
 * Turns a drawn task into one of a category: a turn cannot be done at first, for want of a value or of a function, and the
 * turn after it says the value, or reveals the function. Long context needs no change here: the environment does it.
 *
 * @throws {RejectedDraft} when no turn of the task lends itself to it.
 */
export function applyCategory(category: SynthesisCategory, drawn: SynthesizedTask, random: Random): SynthesizedTask {
  switch (category) {
    case 'base':
    case 'long_context':
      return drawn;
    case 'miss_param':
      return withMissingParameter(drawn, random);
    case 'miss_func':
      return withMissingFunction(drawn, random);
  }
}

/** The drawn message comes first, one value of it left out; the next one says the value, and the calls wait for it. */
function withMissingParameter(drawn: SynthesizedTask, random: Random): SynthesizedTask {
  const candidates = drawn.trace.flatMap((_, turn) => missingValues(drawn.trace, turn).map((draw) => ({ turn, draw })));
  if (candidates.length === 0) throw new RejectedDraft('no call that can lack a parameter');
  const { turn, draw } = random.pick(candidates);
  const { incomplete, question, completion, literal } = draw(random);
  // What points at the value points at the message that says it.
  const trace = drawn.trace.map((entry) => shifted(entry, turn, turn + 1, { literal, turn }));
  const { calls, turnMessages } = trace[turn]!;
  trace.splice(
    turn,
    1,
    { userMessage: incomplete, calls: [], turnMessages: [question] },
    { userMessage: completion, calls, turnMessages },
  );
  const turns: Turn[] = [...drawn.task.turns];
  turns.splice(
    turn,
    1,
    { messages: [{ role: 'user', content: incomplete }], groundTruth: [] },
    { messages: [{ role: 'user', content: completion }], groundTruth: turns[turn]!.groundTruth },
  );
  return { ...drawn, task: { ...drawn.task, turns }, trace };
}

/** The drawn message comes first; the calls wait for the turn that reveals one of their functions. */
function withMissingFunction(drawn: SynthesizedTask, random: Random): SynthesizedTask {
  const used = new Set<string>();
  const candidates = drawn.trace.flatMap(({ calls }, turn) => {
    const fresh = [...new Set(calls.map(({ method }) => method))].filter((method) => !used.has(method));
    for (const { method } of calls) used.add(method);
    return fresh.map((method) => ({ turn, method }));
  });
  // The first turn is left alone where others will do: a conversation that opens with a refusal is the rarer case.
  const later = candidates.filter(({ turn }) => turn > 0);
  if (candidates.length === 0) throw new RejectedDraft('no function that can be held out');
  const { turn, method } = random.pick(later.length > 0 && random.chance(0.8) ? later : candidates);
  const heldOutTools = drawn.task.tools.filter(({ name }) => name === method);
  if (heldOutTools.length === 0) throw new RejectedDraft(`no spec of ${method}`);
  const reveal = random.pick(revealPhrasings);
  const trace = drawn.trace.map((entry) => shifted(entry, turn, turn + 1));
  const { userMessage, ...done } = trace[turn]!;
  trace.splice(
    turn,
    1,
    { userMessage, calls: [], turnMessages: [random.pick(lackPhrasings)] },
    { ...done, userMessage: reveal },
  );
  const turns: Turn[] = [...drawn.task.turns];
  const { messages, groundTruth } = turns[turn]!;
  turns.splice(
    turn,
    1,
    { messages, groundTruth: [] },
    { messages: [{ role: 'user', content: reveal }], groundTruth, revealedTools: [method] },
  );
  const tools = drawn.task.tools.filter(({ name }) => name !== method);
  return { ...drawn, task: { ...drawn.task, tools, heldOutTools, turns }, trace };
}

/**
 * A turn's trace with its pointers moved by the turn that comes in.
 *
 * @param callsFrom - calls of this turn and later ones come one turn later.
 * @param messagesFrom - so do messages.
 * @param delayed - what this turn's message said, the next one does now.
 */
function shifted(
  entry: TurnTrace,
  callsFrom: number,
  messagesFrom: number,
  delayed?: { readonly literal: string; readonly turn: number },
): TurnTrace {
  const move = (provenance: ArgumentProvenance): ArgumentProvenance => {
    if (provenance.kind === 'stated') return provenance;
    const isDelayed = provenance.turn === delayed?.turn && provenance.literal === delayed.literal;
    const from = provenance.kind === 'result' ? callsFrom : isDelayed ? provenance.turn : messagesFrom;
    return provenance.turn >= from ? { ...provenance, turn: provenance.turn + 1 } : provenance;
  };
  return {
    ...entry,
    calls: entry.calls.map((call) => ({
      ...call,
      arguments: call.arguments.map((argument) => ({ ...argument, provenance: move(argument.provenance) })),
    })),
  };
}

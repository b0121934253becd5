import type { Scenario, SynthesisClass } from '../scenario.js';
import type { CallOptions, Clause, PlannedArgument, Spoken, TurnDraft } from '../turn-draft.js';
import type { Operation } from './operation.js';

/** An operation on one service: as `Operation`, with what the planner knows of the service at hand. */
export interface ServiceOperation<M> {
  readonly name: string;
  readonly methods: readonly string[];
  readonly uses?: Operation['uses'];
  weight(draft: TurnDraft, model: M): number;
  run(draft: TurnDraft, model: M): Clause | undefined;
}

/** The operations of a class; none where a scenario has no such service. */
export function serviceOperations<M>(
  className: SynthesisClass,
  modelOf: (scenario: Scenario) => M | undefined,
  operations: readonly ServiceOperation<M>[],
): Operation[] {
  return operations.map(({ name, methods, uses = [], weight, run }) => ({
    name,
    className,
    methods,
    uses,
    weight: (draft) => {
      const model = modelOf(draft.scenario);
      return model === undefined ? 0 : weight(draft, model);
    },
    run: (draft) => {
      const model = modelOf(draft.scenario);
      return model === undefined ? undefined : run(draft, model);
    },
  }));
}

/** A function that calls methods of one class. */
export function callerOf(className: SynthesisClass) {
  return (draft: TurnDraft, method: string, args: readonly PlannedArgument[], options: CallOptions): unknown =>
    draft.call(className, method, args, options);
}

/** A number that the message states as it is. */
export function statedNumber(draft: TurnDraft, name: string, text: string): PlannedArgument {
  return { name, value: { number: text }, provenance: draft.stated(text) };
}

/** A value that a phrase of the message implies. */
export function impliedText(draft: TurnDraft, name: string, value: string, phrase: string): PlannedArgument {
  return { name, value, provenance: draft.stated(phrase) };
}

export function impliedFlag(draft: TurnDraft, name: string, value: boolean, phrase: string): PlannedArgument {
  return { name, value, provenance: draft.stated(phrase) };
}

/** A number of a JSON result as it is spelled: a JSON parser would make 4.0 a 4. */
export function numberIn(content: string, field: string): string {
  return new RegExp(`"${field}": (?:\\[)?(-?[\\d.]+)`).exec(content)?.[1] ?? '';
}

/** Text of the latest result. */
export function latestResult(draft: TurnDraft): string {
  return draft.calls.at(-1)?.result ?? '';
}

/** A number to state, or a known one to point at. */
export function chooseNumber(
  draft: TurnDraft,
  fits: (value: number) => boolean,
  fresh: () => string,
  chance = 0.6,
): Spoken {
  const known = draft.scenario.registry
    .known('value')
    .filter(({ literal }) => /^\d+(\.\d+)?$/.test(literal) && fits(Number(literal)))
    .filter((entity) => draft.isKnown(entity) || entity === draft.focus);
  if (known.length > 0 && draft.random.chance(chance)) return draft.refer(draft.random.pick(known));
  const text = fresh();
  return { phrase: text, literal: text, provenance: draft.stated(text) };
}

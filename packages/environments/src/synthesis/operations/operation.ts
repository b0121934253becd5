import type { SynthesisClass } from '../scenario.js';
import type { EntityKind } from '../trace.js';
import type { Clause, TurnDraft } from '../turn-draft.js';

/** One kind of wish: which calls it takes, when it can be made, and how a user words it. */
export interface Operation {
  readonly name: string;
  readonly className: SynthesisClass;
  /** Methods that the calls of this operation use. */
  readonly methods: readonly string[];
  /** Kinds of things it can act on or write: with one known from an earlier turn it is drawn more often. */
  readonly uses: readonly EntityKind[];
  /** Relative chance in the present state; 0 where it cannot be done. Draws nothing. */
  weight(draft: TurnDraft): number;
  /**
   * Plans, executes and words it. Undefined when nothing suitable is at hand; then nothing was executed.
   *
   * @throws {RejectedDraft} when an executed call did not do what was planned.
   */
  run(draft: TurnDraft): Clause | undefined;
}

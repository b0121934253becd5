import { JinjaFailure } from './jinja-error.js';

/** What one rendering may use. A template is somebody else's program: each bound ends it with an error, none with a hang. */
export interface JinjaLimits {
  /** Steps: nodes evaluated, items visited, and a step for every 8 characters made or searched. */
  readonly maxSteps: number;
  /** Characters of the result, in UTF-16 units. */
  readonly maxOutput: number;
  /** Nesting of macro calls, recursive loops, and of values when compared or printed. */
  readonly maxDepth: number;
}

/** A second or two at most. A conversation of 300 messages takes some 20,000 steps. */
export const DEFAULT_LIMITS: JinjaLimits = { maxSteps: 20_000_000, maxOutput: 16_000_000, maxDepth: 100 };

/** Counts the work of one rendering. */
export class Work {
  #steps = 0;
  #depth = 0;

  constructor(readonly limits: JinjaLimits) {}

  /** @throws {JinjaFailure} kind limit. */
  spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > this.limits.maxSteps) {
      throw new JinjaFailure('limit', `expected the template to end within ${this.limits.maxSteps} steps`);
    }
  }

  /** To be called before a text of this length is made. */
  text(length: number): void {
    if (length > this.limits.maxOutput) {
      throw new JinjaFailure('limit', `expected texts of at most ${this.limits.maxOutput} characters`);
    }
    this.spend(1 + length / 8);
  }

  deeper<T>(run: () => T): T {
    this.#depth += 1;
    if (this.#depth > this.limits.maxDepth) {
      throw new JinjaFailure('limit', `expected at most ${this.limits.maxDepth} levels of calls and of nested values`);
    }
    try {
      return run();
    } finally {
      this.#depth -= 1;
    }
  }
}

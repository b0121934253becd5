import { UsageError } from '@parl-mt/schema';
import { ConfigFields } from '../architectures/config-fields.js';

/** What a checkpoint recommends for generation. An absent option is undefined. */
export interface GenerationDefaults {
  /** Each ends a text; none where the files name none. */
  readonly endTokens: readonly number[];
  readonly beginToken?: number | undefined;
  readonly padToken?: number | undefined;
  /** Draw instead of taking the most likely token. */
  readonly doSample?: boolean | undefined;
  readonly temperature?: number | undefined;
  readonly topK?: number | undefined;
  readonly topP?: number | undefined;
  readonly minP?: number | undefined;
  readonly repetitionPenalty?: number | undefined;
  readonly maxNewTokens?: number | undefined;
}

/**
 * Reads `generation_config.json`; tokens that it does not name come from `config.json`, as in transformers.
 *
 * @param generation - parsed `generation_config.json`, undefined where there is none.
 * @param config - parsed `config.json`.
 * @throws {UsageError} for a malformed field.
 */
export function generationDefaults(
  generation: unknown,
  config: unknown,
  where: string,
  vocabSize: number,
): GenerationDefaults {
  const fields = new ConfigFields(generation ?? {}, where);
  const fallback = new ConfigFields(config, where);
  const tokens = (name: string): readonly number[] => {
    const value = fields.raw(name) ?? fallback.raw(name) ?? [];
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    // Some published files name -1 for "none".
    return list.filter((token) => token !== -1).map((token) => expectToken(token, name, where, vocabSize));
  };
  const real = (name: string, min: number, max: number) =>
    fields.has(name) ? fields.number(name, min, max) : undefined;
  return {
    endTokens: tokens('eos_token_id'),
    beginToken: tokens('bos_token_id')[0],
    padToken: tokens('pad_token_id')[0],
    doSample: fields.has('do_sample') ? fields.flag('do_sample', false) : undefined,
    temperature: real('temperature', 0, 1e6),
    topK: real('top_k', 0, 2 ** 31),
    topP: real('top_p', 0, 1),
    minP: real('min_p', 0, 1),
    repetitionPenalty: real('repetition_penalty', 1e-3, 1e3),
    maxNewTokens: fields.has('max_new_tokens') ? fields.extent('max_new_tokens', 2 ** 31) : undefined,
  };
}

function expectToken(token: unknown, name: string, where: string, vocabSize: number): number {
  if (!Number.isInteger(token) || (token as number) < 0 || (token as number) >= vocabSize) {
    throw new UsageError(`expected ${name} of ${where} to be in [0, ${vocabSize}), received ${String(token)}`);
  }
  return token as number;
}

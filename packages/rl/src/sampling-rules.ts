import type { SamplingRules } from '@parl-mt/native';
import type { SamplingConfig } from '@parl-mt/schema';

/** The rules of a configuration; undefined where all of them are off, so that the sampler takes its plain path. */
export function samplingRules(config: SamplingConfig): SamplingRules | undefined {
  const { topK, topP, minP, repetitionPenalty, noRepeatNgramSize, minNewTokens } = config;
  const isOff =
    topK === 0 && topP === 1 && minP === 0 && repetitionPenalty === 1 && noRepeatNgramSize === 0 && minNewTokens === 0;
  return isOff ? undefined : { topK, topP, minP, repetitionPenalty, noRepeatNgramSize, minNewTokens };
}

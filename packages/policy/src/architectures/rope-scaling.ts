import type { RopeAngles } from '@parl-mt/native';

/** How the rotary frequencies theta^(-2i/headDim) of a checkpoint are changed for contexts longer than those it was first trained on. */
export type RopeScaling =
  | { readonly kind: 'default' }
  | { readonly kind: 'linear'; readonly factor: number }
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalMaxPositions: number;
    }
  | {
      readonly kind: 'yarn';
      readonly factor: number;
      readonly originalMaxPositions: number;
      /** Turns within the original context above which a pair keeps its frequency. */
      readonly betaFast: number;
      /** Turns below which a pair's frequency is divided by the factor. */
      readonly betaSlow: number;
      /** Of cosines and sines. */
      readonly attentionFactor: number;
      /** Whole dimensions as the ramp's ends. */
      readonly truncate: boolean;
    }
  | {
      /** GGUF's `rope_freqs.weight`: what each frequency is divided by, [headDim / 2]. */
      readonly kind: 'divisors';
      readonly divisors: readonly number[];
    };

export interface RopeSettings {
  /** Base of the frequencies. */
  readonly theta: number;
  readonly scaling: RopeScaling;
}

/**
 * The frequencies and the factor that the rotation kernels take. Without scaling these are theta alone.
 *
 * @param headDim - even.
 * @see transformers 5, modeling_rope_utils.py; yarn: Peng et al., arXiv:2309.00071.
 */
export function ropeAngles({ theta, scaling }: RopeSettings, headDim: number): RopeAngles {
  if (scaling.kind === 'default') return { theta };
  const plain = Array.from({ length: headDim / 2 }, (_, i) => theta ** ((-2 * i) / headDim));
  const scaled = Float32Array.from(plain, scaledFrequency(scaling, theta, headDim));
  return scaling.kind === 'yarn'
    ? { theta, frequencies: scaled, scale: scaling.attentionFactor }
    : { theta, frequencies: scaled };
}

type FrequencyScaling = Exclude<RopeScaling, { kind: 'default' }>;

function scaledFrequency(scaling: FrequencyScaling, theta: number, headDim: number): (f: number, i: number) => number {
  switch (scaling.kind) {
    case 'linear':
      return (f) => f / scaling.factor;
    case 'divisors':
      return (f, i) => f / scaling.divisors[i]!;
    case 'llama3': {
      const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalMaxPositions } = scaling;
      return (f) => {
        const turns = (originalMaxPositions * f) / (2 * Math.PI);
        const kept = clamp((turns - low) / (high - low));
        return ((1 - kept) * f) / factor + kept * f;
      };
    }
    case 'yarn': {
      const { factor, originalMaxPositions, betaFast, betaSlow, truncate } = scaling;
      /** Dimension whose pair turns that often within the original context. */
      const dimensionOf = (turns: number): number =>
        (headDim * Math.log(originalMaxPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
      const [first, last] = [dimensionOf(betaFast), dimensionOf(betaSlow)];
      const from = Math.max(0, truncate ? Math.floor(first) : first);
      const to = Math.min(headDim - 1, truncate ? Math.ceil(last) : last);
      const width = to === from ? 0.001 : to - from;
      return (f, i) => {
        const interpolated = clamp((i - from) / width);
        return (f / factor) * interpolated + f * (1 - interpolated);
      };
    }
  }
}

/** yarn's factor of cosines and sines where the configuration names none: 0.1 ln(factor) + 1. */
export function yarnAttentionFactor(factor: number, mscale = 1): number {
  return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
}

function clamp(x: number): number {
  return Math.min(1, Math.max(0, x));
}

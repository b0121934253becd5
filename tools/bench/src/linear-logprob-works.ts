import { linearLogprobForward, linearLogprobWithGradient } from '@parl-mt/native';
import { labels, tensorArray, uniform } from './inputs.js';
import type { Work } from './measure.js';

const EXTENTS = [
  [4096, 128, 2048],
  [512, 896, 151936],
] as const;

/** Log-probabilities straight from hidden states [n, d] and a vocabulary matrix [v, d], and both gradients. */
export function linearLogprobWorks(): Work[] {
  return EXTENTS.flatMap(([n, d, v]) => {
    const bytes = 4 * (n * d + v * d);
    const products = 2 * n * d * v;
    const inputs = () => ({
      hidden: uniform(n * d, 11, (x) => x - 0.5),
      weight: uniform(v * d, 12, (x) => Math.fround(x - 0.5) * 0.5),
      targets: labels(n, v),
    });
    return [
      {
        name: `hidden_logprob_fwd/${n}x${d}x${v}`,
        item: 'token',
        items: n,
        bytes,
        flops: products,
        prepare: () => {
          const { hidden, weight, targets } = inputs();
          let logprobs = new Float32Array();
          return {
            run: () => {
              const result = linearLogprobForward(hidden, weight, targets, { n, d, v, entropy: false });
              logprobs = result.logprobs as typeof logprobs;
            },
            check: () => logprobs.reduce((sum, value) => sum + value, 0),
          };
        },
      },
      {
        name: `hidden_logprob_fwdbwd/${n}x${d}x${v}`,
        item: 'token',
        items: n,
        bytes: 2 * bytes,
        flops: 3 * products,
        note: 'the gradient of the log-probabilities is known before, as that of a supervised loss is',
        prepare: () => {
          const { hidden, weight, targets } = inputs();
          const upstream = uniform(n, 3);
          const dHidden = tensorArray(n * d);
          const dWeight = tensorArray(v * d);
          return {
            run: () => {
              linearLogprobWithGradient(upstream, hidden, weight, targets, dHidden, dWeight, { n, d, v });
            },
            check: () => dHidden.reduce((sum, value) => sum + value, 0),
          };
        },
      },
    ] satisfies Work[];
  });
}

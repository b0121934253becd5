import { type Logprobs, logprobBackward, logprobForward } from '@parl-mt/native';
import { labels, logits, tensorArray, uniform } from './inputs.js';
import type { Prepared, Work } from './measure.js';

const EXTENTS = [
  [4096, 2048],
  [2048, 32768],
  [512, 151936],
] as const;

/** Columns of a gradient that its check adds up. */
const CHECKED_COLUMNS = 64;

/** Log-probabilities and entropies from logits [n, v], and their gradients. */
export function logprobWorks(): Work[] {
  return EXTENTS.flatMap(([n, v]) => {
    const bytes = 4 * n * v;
    const work = (name: string, traffic: number, prepare: () => Prepared, note = ''): Work => ({
      name: `${name}/${n}x${v}`,
      item: 'token',
      items: n,
      bytes: traffic,
      flops: 0,
      note,
      prepare,
    });
    const both = 'one pass gives log-probability and entropy alike';
    const works = [
      work('logprob_fwd', bytes, () => forward(n, v, false, ({ logprobs }) => total(logprobs))),
      work('logprob_fwdbwd', 2 * bytes, () => gradient(n, v, 'logprobs')),
      work('entropy_fwd', bytes, () => forward(n, v, true, ({ entropies }) => total(entropies)), both),
      work('logprob_entropy_fwd', bytes, () =>
        forward(n, v, true, ({ logprobs, entropies }) => total(logprobs) + total(entropies)),
      ),
    ];
    // The peers leave the entropy's gradient out at the largest vocabulary, for its memory.
    if (v < 100_000) works.push(work('entropy_fwdbwd', 2 * bytes, () => gradient(n, v, 'entropies'), both));
    return works;
  });
}

function forward(n: number, v: number, entropy: boolean, check: (result: Logprobs) => number): Prepared {
  const x = logits(n, v);
  const targets = labels(n, v);
  let result: Logprobs | undefined;
  return {
    run: () => {
      result = logprobForward(x, targets, { n, v, entropy });
    },
    check: () => check(result!),
  };
}

function gradient(n: number, v: number, of: 'logprobs' | 'entropies'): Prepared {
  const x = logits(n, v);
  const targets = labels(n, v);
  const upstream = uniform(n, 3);
  const none = tensorArray(n);
  const dLogits = tensorArray(n * v);
  const entropy = of === 'entropies';
  return {
    run: () => {
      const { lse, entropies } = logprobForward(x, targets, { n, v, entropy });
      const [dLogprobs, dEntropies] = entropy ? [none, upstream] : [upstream, null];
      logprobBackward(dLogprobs, dEntropies, x, targets, lse, entropies, dLogits, { n, v });
    },
    check: () => {
      let sum = 0;
      for (let row = 0; row < n; row += 1) sum += total(dLogits.subarray(row * v, row * v + CHECKED_COLUMNS));
      return sum;
    },
  };
}

function total(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}

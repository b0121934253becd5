import type { Policy } from '@parl-mt/rl';
import { type LoraConfig, type Tuning, UsageError } from '@parl-mt/schema';

/**
 * Makes what is to be trained: an adapter beside the weights, or the weights with any adapter put into them.
 * @throws {UsageError} for weights in bfloat16 that are to be trained in full.
 */
export function prepareTuning(
  policy: Policy,
  { tuning, lora }: { readonly tuning: Tuning; readonly lora: LoraConfig },
  seed: number,
): void {
  if (tuning === 'lora') policy.adapt(lora, seed);
  else if (policy.decoder.isFrozen) {
    throw new UsageError(
      'pretrained.weights: expected float32 with tuning "full", received bfloat16: use tuning "lora", which leaves the weights as they are',
    );
  } else policy.mergeAdapter();
}

import type { Policy } from '@parl-mt/rl';
import type { LoraConfig, Tuning } from '@parl-mt/schema';

/** Makes what is to be trained: an adapter beside the weights, or the weights with any adapter put into them. */
export function prepareTuning(
  policy: Policy,
  { tuning, lora }: { readonly tuning: Tuning; readonly lora: LoraConfig },
  seed: number,
): void {
  if (tuning === 'lora') policy.adapt(lora, seed);
  else policy.mergeAdapter();
}

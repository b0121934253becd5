import type { MemoryPlan } from '@parl-mt/rl';
import { type Reporter, type SftRunConfig, UsageError } from '@parl-mt/schema';
import { formatMemory } from '../format-plan.js';

/**
 * Says at the start when a run needs more memory than is free.
 *
 * @param free - bytes. Default: what the system, or the container's limit, leaves.
 * @throws {UsageError} with the parts of the plan, unless only a warning is asked for.
 */
export function requireMemory(
  plan: MemoryPlan,
  shortage: SftRunConfig['memoryShortage'],
  reporter: Pick<Reporter, 'log'>,
  free: number = process.availableMemory(),
): void {
  if (plan.total <= free) return;
  const message = `expected ${formatMemory(plan, free)}\nless memory is free than this run is predicted to need: take fewer batchTokens, tuning lora or a smaller model`;
  if (shortage === 'refuse') throw new UsageError(`${message}; or memoryShortage warn to try it all the same`);
  reporter.log(message);
}

import type { GroupAdvantageOptions } from './group-advantage.js';

/**
 * Options under which `groupAdvantages` computes what other trainers do. They differ in epsilon, in the kind of deviation, and
 * in what a group of one gets; docs/estimators.md says where ours differ from all of them on purpose.
 */
export const groupAdvantagePresets = {
  /** verl 0.9.1: grpo, grpo without deviation (Dr.GRPO), rloo; a group of one keeps its reward. */
  verl: {
    grpo: { estimator: 'grpo', epsilon: 1e-6, singleton: 'reward' },
    drGrpo: { estimator: 'dr_grpo', singleton: 'reward' },
    rloo: { estimator: 'rloo', singleton: 'reward' },
    rlooVectorized: { estimator: 'rloo' },
  },
  /** TRL 1.16.0: scale_rewards group, batch and none, and RLOO; unscored rows are left out. */
  trl: {
    grpo: { estimator: 'grpo', epsilon: 1e-4, missing: 'leave_out' },
    grpoBatch: { estimator: 'grpo', epsilon: 1e-4, spread: 'batch', missing: 'leave_out' },
    drGrpo: { estimator: 'dr_grpo', missing: 'leave_out' },
    rloo: { estimator: 'rloo', missing: 'leave_out' },
  },
  /** ART and rLLM: population deviation. */
  art: { grpo: { estimator: 'grpo', epsilon: 1e-6, deviation: 'population' } },
} as const satisfies Readonly<Record<string, Readonly<Record<string, GroupAdvantageOptions>>>>;

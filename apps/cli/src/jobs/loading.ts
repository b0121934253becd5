import type { LoadPolicyOptions } from '@parl-mt/rl';
import type { JobContext } from '@parl-mt/schema';

/** A job's interrupt and log, for what loading a policy may take. */
export function loading({ signal, reporter }: JobContext): LoadPolicyOptions {
  return { signal, onLog: (message) => reporter.log(message) };
}

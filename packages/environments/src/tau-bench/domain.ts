import { UsageError } from '@parl-mt/schema';
import { airline } from './airline/airline.js';
import { retail } from './retail/retail.js';
import type { TauTools } from './tool.js';

/** What is fixed about a domain; its records, policy and tasks are data. */
export interface TauDomain {
  readonly name: TauDomainName;
  /** Tables in the order of the reference; each is one file. */
  readonly tables: readonly string[];
  /** Task sets that the official data has, the default one first. */
  readonly splits: readonly string[];
  /** Tools that end the episode, also when the call failed. */
  readonly terminateTools: ReadonlySet<string>;
  readonly tools: TauTools;
}

export type TauDomainName = 'airline' | 'retail';

export const tauDomainNames: readonly TauDomainName[] = ['airline', 'retail'];

/** @throws {UsageError} for an unknown name, listing the known ones. */
export function tauDomain(name: string): TauDomain {
  switch (name) {
    case 'airline':
      return airline;
    case 'retail':
      return retail;
    default:
      throw new UsageError(
        `expected a tau-bench domain of ${tauDomainNames.join(', ')}, received ${JSON.stringify(name)}`,
      );
  }
}

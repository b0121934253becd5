import { addon } from './addon.js';
import { NativeValueError } from './errors.js';

export type IsaName = 'portable' | 'avx2' | 'avx512';

export interface NativeInfo {
  /** Instruction set in use. */
  readonly isa: IsaName;
  /** Instruction sets this CPU and build can run. */
  readonly isas: readonly IsaName[];
  /** Threads of the pool. */
  readonly threads: number;
}

/** What the addon runs on. */
export function nativeInfo(): NativeInfo {
  return addon['nativeInfo']!() as NativeInfo;
}

/**
 * Chooses the instruction set of every later call.
 * @throws {NativeValueError} when this CPU or build cannot run it.
 */
export function setIsa(isa: IsaName): void {
  if (addon['setIsa']!(isa) !== true) {
    throw new NativeValueError(`expected an instruction set of ${nativeInfo().isas.join(', ')}, received ${isa}`);
  }
}

/**
 * Sets the number of threads, 1 to 256. Results do not depend on it.
 * @throws {NativeValueError} outside that range.
 */
export function setThreads(count: number): void {
  if (!Number.isInteger(count) || count < 1 || count > 256) {
    throw new NativeValueError(`expected a thread count in 1..256, received ${count}`);
  }
  addon['setThreads']!(count);
}

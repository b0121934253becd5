import { cpus } from 'node:os';
import { addon } from './addon.js';
import { NativeValueError } from './errors.js';

export type IsaName = 'portable' | 'avx2' | 'avx512';

/** Something that kernels can run on. */
export type NativeDevice =
  | { readonly kind: 'cpu'; readonly name: string }
  | {
      readonly kind: 'cuda';
      readonly name: string;
      /** As in "9.0". */
      readonly computeCapability: string;
      readonly multiprocessors: number;
      readonly memoryBytes: number;
    };

export interface NativeInfo {
  /** Instruction set in use. */
  readonly isa: IsaName;
  /** Instruction sets this CPU and build can run. */
  readonly isas: readonly IsaName[];
  /** Threads of the pool. */
  readonly threads: number;
  /** The CPU first, then every CUDA device. */
  readonly devices: readonly NativeDevice[];
  readonly cuda: {
    /** The CUDA kernels are in the binary. */
    readonly built: boolean;
    /** There is a device to run them on. */
    readonly available: boolean;
    /** Why not: what the build lacked, or the text of cudaGetDeviceCount. Left out when available. */
    readonly reason?: string;
  };
}

type RawInfo = Omit<NativeInfo, 'devices'> & {
  readonly cudaDevices: readonly Omit<Extract<NativeDevice, { kind: 'cuda' }>, 'kind'>[];
};

/** What the addon runs on. The first call may take a second where a CUDA driver has to start. */
export function nativeInfo(): NativeInfo {
  const { cudaDevices, ...info } = addon['nativeInfo']!() as RawInfo;
  const cpu = { kind: 'cpu', name: cpus()[0]?.model ?? process.arch } as const;
  return { ...info, devices: [cpu, ...cudaDevices.map((device) => ({ kind: 'cuda', ...device }) as const)] };
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

import { createRequire } from 'node:module';
import { NativeValueError } from './errors.js';

/** The raw functions of the binary; each topic file of this package declares the ones it wraps. */
export type Addon = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;

/**
 * The loaded addon. Loading reads two environment variables: PARL_MT_ISA (portable, avx2, avx512) forces an
 * instruction set, PARL_MT_THREADS sets the thread count.
 */
export const addon: Addon = loadAddon();

function loadAddon(): Addon {
  const loaded = createRequire(import.meta.url)('@parl-mt/addon') as Addon;
  const isa = process.env['PARL_MT_ISA'];
  if (isa !== undefined && isa !== '' && loaded['setIsa']!(isa) !== true) {
    const { isas } = loaded['nativeInfo']!() as { isas: string[] };
    throw new NativeValueError(`expected PARL_MT_ISA to be one of ${isas.join(', ')} on this CPU, received ${isa}`);
  }
  const threads = process.env['PARL_MT_THREADS'];
  if (threads !== undefined && threads !== '') {
    if (!/^[1-9]\d{0,2}$/.test(threads) || Number(threads) > 256) {
      throw new NativeValueError(`expected PARL_MT_THREADS to be an integer in 1..256, received ${threads}`);
    }
    loaded['setThreads']!(Number(threads));
  }
  return loaded;
}

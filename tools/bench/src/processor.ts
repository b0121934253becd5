import { readdirSync, readFileSync } from 'node:fs';

/** The widest vector set that the machine offers, in the words of the peers' programs; 'unknown' outside Linux on x86. */
export function vectorSet(cpuinfo = read('/proc/cpuinfo')): string {
  const line = cpuinfo?.split('\n').find((candidate) => candidate.startsWith('flags'));
  if (line === undefined) return 'unknown';
  const flags = new Set(
    line
      .slice(line.indexOf(':') + 1)
      .trim()
      .split(/\s+/),
  );
  const has = (...names: readonly string[]): boolean => names.every((name) => flags.has(name));
  if (has('avx512f', 'avx512bw', 'avx512vl')) {
    return `avx512${has('avx512_bf16') ? '+bf16' : ''}${has('amx_bf16') ? '+amx' : ''}`;
  }
  return has('avx2', 'fma') ? 'avx2' : 'sse';
}

/** Processor seconds that all processes of the machine have used; 0 where that cannot be known. */
export function machineSeconds(): number {
  const fields = read('/proc/stat')?.split('\n')[0]?.split(/\s+/);
  return fields === undefined ? 0 : (Number(fields[1]) + Number(fields[2]) + Number(fields[3])) / 100;
}

/** Processor seconds of this process, all threads. */
export function processSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Milliseconds on a processor, by thread of this process; empty where that cannot be known. */
export function threadTimes(): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  let threads: string[];
  try {
    threads = readdirSync('/proc/self/task');
  } catch {
    return times;
  }
  for (const thread of threads) {
    const text = read(`/proc/self/task/${thread}/schedstat`); // absent when the thread ended meanwhile
    if (text !== undefined) times.set(thread, Number(text.split(' ')[0]) / 1e6);
  }
  return times;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

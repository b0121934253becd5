import { readFileSync, writeFileSync } from 'node:fs';

/** Bytes of this process in memory; 0 where that cannot be known (outside Linux). */
export function residentMemory(): number {
  return statusBytes('VmRSS');
}

/** The most bytes that this process had in memory since it began, or since the last reset; 0 where that cannot be known. */
export function peakMemory(): number {
  return statusBytes('VmHWM');
}

/** Lets `peakMemory` count from now. @returns false where the kernel does not offer it. */
export function resetPeakMemory(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
    return true;
  } catch {
    return false;
  }
}

function statusBytes(field: string): number {
  try {
    const line = readFileSync('/proc/self/status', 'utf8')
      .split('\n')
      .find((candidate) => candidate.startsWith(`${field}:`));
    return line === undefined ? 0 : Number(line.split(/\s+/)[1]) * 1024;
  } catch {
    return 0;
  }
}

import { readFileSync, writeFileSync } from 'node:fs';

/** Resident memory of this process, bytes. */
export interface ResidentMemory {
  readonly now: number;
  /** Highest since the last `resetPeakMemory`. */
  readonly peak: number;
}

/** Starts a new peak at what is resident now. Linux only. */
export function resetPeakMemory(): void {
  writeFileSync('/proc/self/clear_refs', '5');
}

/** Linux only: the kernel keeps the peak. */
export function residentMemory(): ResidentMemory {
  const status = readFileSync('/proc/self/status', 'utf8');
  const kilobytes = (field: string): number => Number(new RegExp(`^${field}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1]);
  return { now: kilobytes('VmRSS') * 1024, peak: kilobytes('VmHWM') * 1024 };
}

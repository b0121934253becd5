import type { RunEvent } from '@parl-mt/schema';
import type { EventSink } from './event-reporter.js';

/** One JSON object per line. NaN and infinities, which JSON lacks, become null. */
export function jsonSink(write: (line: string) => void): EventSink {
  return {
    event: (event: RunEvent) => write(`${JSON.stringify(event)}\n`),
    close: () => {},
  };
}

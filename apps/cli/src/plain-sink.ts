import type { RunEvent } from '@parl-mt/schema';
import type { EventSink } from './event-reporter.js';
import { formatMetrics, formatSummary } from './format-event.js';

/** Least time between two progress lines in milliseconds. */
const PROGRESS_LINE_INTERVAL_MS = 5000;

/**
 * Lines for a log file: stages, throttled progress and log lines to `err`, tables and the summary to `out`.
 * Metric records are for machines and not shown.
 */
export function plainSink(out: (text: string) => void, err: (text: string) => void, now: () => number): EventSink {
  let lastMs = Number.NEGATIVE_INFINITY;
  return {
    event(event: RunEvent) {
      switch (event.type) {
        case 'started':
          err(`${event.kind} -> ${event.outDir}\n`);
          break;
        case 'stage':
          err(`${event.name}${event.total === null ? '' : ` (${event.total})`}\n`);
          lastMs = now();
          break;
        case 'progress':
          if (now() - lastMs >= PROGRESS_LINE_INTERVAL_MS || event.done === event.total) {
            lastMs = now();
            const metrics = formatMetrics(event.metrics);
            err(
              `  ${event.done}${event.total === null ? '' : `/${event.total}`}${metrics === '' ? '' : `  ${metrics}`}\n`,
            );
          }
          break;
        case 'log':
          err(`${event.line}\n`);
          break;
        case 'table':
          out(`${event.text}\n`);
          break;
        case 'finished':
          out(finishedText(event));
          break;
        case 'metric':
        case 'failed':
        case 'cancelled':
          break;
      }
    },
    close: () => {},
  };
}

/** Summary and file list of a finished run, for people. */
export function finishedText(event: Extract<RunEvent, { type: 'finished' }>): string {
  const summary = formatSummary(event.summary);
  const files = event.files.map((file) => `  ${file}\n`).join('');
  return `finished\n${summary === '' ? '' : `${summary}\n`}${files === '' ? '' : `files\n${files}`}`;
}

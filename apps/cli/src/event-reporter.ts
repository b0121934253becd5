import type { Reporter, RunEvent } from '@parl-mt/schema';

/** Takes every event of a run: a display, a file. */
export interface EventSink {
  event(event: RunEvent): void;
  /** Called once, after the last event. */
  close(): void;
}

/** Least time between two progress events of one stage, in milliseconds; the last one of a stage always passes. */
const PROGRESS_INTERVAL_MS = 100;

/** A Reporter, and `flush` for the progress it may still hold back when the run ends. */
export interface EventReporter extends Reporter {
  flush(): void;
}

/**
 * A Reporter that turns calls into events.
 *
 * @param emit - receives each event; must not throw.
 * @param now - milliseconds since the epoch.
 */
export function eventReporter(emit: (event: RunEvent) => void, now: () => number): EventReporter {
  const time = () => new Date(now()).toISOString();
  let stage = '';
  let total: number | null = null;
  let lastMs = Number.NEGATIVE_INFINITY;
  let held: RunEvent | undefined;
  const flush = () => {
    if (held !== undefined) {
      emit(held);
      held = undefined;
    }
  };
  return {
    stage(name, stageTotal) {
      flush();
      stage = name;
      total = stageTotal ?? null;
      lastMs = Number.NEGATIVE_INFINITY;
      emit({ type: 'stage', time: time(), name, total });
    },
    progress(done, metrics = {}) {
      held = { type: 'progress', time: time(), stage, done, total, metrics: { ...metrics } };
      if (now() - lastMs >= PROGRESS_INTERVAL_MS || done === total) {
        lastMs = now();
        flush();
      }
    },
    metric(record) {
      emit({ type: 'metric', time: time(), record: { ...record } });
    },
    log(line) {
      emit({ type: 'log', time: time(), line });
    },
    table(text) {
      emit({ type: 'table', time: time(), text });
    },
    flush,
  };
}

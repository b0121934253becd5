import type { RunEvent } from '@parl-mt/schema';
import { MultiBar, type SingleBar } from 'cli-progress';
import type { EventSink } from './event-reporter.js';
import { formatMetrics } from './format-event.js';
import type { OutputStream } from './host.js';
import { finishedText } from './plain-sink.js';

const WITH_TOTAL = '{stage} [{bar}] {value}/{total} | {eta_formatted} left | {metrics}';
const WITHOUT_TOTAL = '{stage} {value} | {duration_formatted} | {metrics}';

/** One progress bar per stage on a terminal, log lines above them; tables and the summary go to `stdout`. */
export function terminalSink(stdout: OutputStream, terminal: OutputStream): EventSink {
  let stage: Extract<RunEvent, { type: 'stage' }> | undefined;
  let bars: MultiBar | undefined;
  let bar: SingleBar | undefined;
  const showBar = (done: number, metrics: string) => {
    if (bars !== undefined || stage === undefined) {
      bar?.update(done, { metrics });
      return;
    }
    bars = new MultiBar({
      stream: terminal,
      hideCursor: true,
      gracefulExit: false,
      barsize: 24,
      fps: 8,
      barCompleteChar: '#',
      barIncompleteChar: '-',
      format: stage.total === null ? WITHOUT_TOTAL : WITH_TOTAL,
    });
    bar = bars.create(stage.total ?? 0, done, { stage: stage.name, metrics });
  };
  const endBars = () => {
    if (bars !== undefined) {
      // MultiBar shows log lines on its next update only: without this one, the last of them would be lost.
      bars.update();
      bars.stop();
    }
    bars = undefined;
    bar = undefined;
  };
  return {
    event(event: RunEvent) {
      switch (event.type) {
        case 'started':
          terminal.write(`${event.kind} -> ${event.outDir}\n`);
          break;
        case 'stage':
          endBars();
          stage = event;
          showBar(0, '');
          break;
        case 'progress':
          showBar(event.done, formatMetrics(event.metrics));
          break;
        case 'log':
          if (bars === undefined) {
            terminal.write(`${event.line}\n`);
          } else {
            bars.log(`${event.line}\n`);
          }
          break;
        case 'table':
          endBars();
          stdout.write(`${event.text}\n`);
          break;
        case 'finished':
          endBars();
          stdout.write(finishedText(event));
          break;
        case 'failed':
        case 'cancelled':
          endBars();
          break;
        case 'metric':
          break;
      }
    },
    close: endBars,
  };
}

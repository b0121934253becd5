import { CancelledError } from '@parl-mt/schema';
import type { CliHost } from './host.js';

/** Turns signals into an abort, while it is not disposed. */
export interface Interrupt extends Disposable {
  readonly signal: AbortSignal;
  /** Resolves when the signal is aborted, also where that has happened before. */
  readonly interrupted: Promise<void>;
  /** Aborts for another reason than a signal, such as a closed output pipe. */
  abort(message: string): void;
  /** Exit code of a process ended by what arrived: 130 for SIGINT, 143 for SIGTERM. */
  readonly exitCode: number;
}

/** The first SIGINT or SIGTERM aborts, so that the run can save; the second ends the process at once. */
export function listenForInterrupt(host: CliHost): Interrupt {
  const controller = new AbortController();
  let exitCode = 130;
  const stop = (code: number, name: string) => {
    if (controller.signal.aborted) {
      host.exit(code);
      return;
    }
    exitCode = code;
    host.stderr.write(`\n${name}: saving and stopping; once more to stop at once\n`);
    controller.abort(new CancelledError(`cancelled by ${name}`));
  };
  const onInterrupt = () => stop(130, 'Ctrl-C');
  const onTerminate = () => stop(143, 'SIGTERM');
  const interrupted = new Promise<void>((resolve) =>
    controller.signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  host.signals.on('SIGINT', onInterrupt);
  host.signals.on('SIGTERM', onTerminate);
  return {
    signal: controller.signal,
    interrupted,
    abort: (message) => controller.abort(new CancelledError(message)),
    get exitCode() {
      return exitCode;
    },
    [Symbol.dispose]() {
      host.signals.off('SIGINT', onInterrupt);
      host.signals.off('SIGTERM', onTerminate);
    },
  };
}

import { closeSync, openSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RunConfigs, RunEvent, RunKind } from '@parl-mt/schema';
import { describeError } from './describe-error.js';
import { type EventSink, eventReporter } from './event-reporter.js';
import type { CliHost } from './host.js';
import { listenForInterrupt } from './interrupt.js';
import { jsonSink } from './json-sink.js';
import { plainSink } from './plain-sink.js';
import { openRunFolder, type RunRecord, writeRunRecord } from './run-folder.js';
import { terminalSink } from './terminal-sink.js';

/**
 * Runs one job in its folder: `run.json` says what ran and how it ended, `events.jsonl` what it reported.
 *
 * @param isJson - events on stdout, one JSON object per line, and nothing else there.
 * @returns the exit code: 0 finished, 1 failed, 2 the user must change something, 130 or 143 cancelled.
 * @throws {UsageError} when the folder belongs to another run; nothing has been written then.
 */
export async function runJob<K extends RunKind>(
  kind: K,
  config: RunConfigs[K],
  host: CliHost,
  isJson: boolean,
): Promise<number> {
  const outDir = resolve(host.cwd, config.outDir);
  const resolved = { ...config, outDir };
  const time = () => new Date(host.now()).toISOString();
  const job = await host.jobs[kind]();
  openRunFolder(outDir, kind, resolved);
  const record: RunRecord = { kind, config: resolved, status: 'running', startedAt: time() };
  writeRunRecord(outDir, record);

  using interrupt = listenForInterrupt(host);
  // The reader went away ("| head", a killed server): nobody is left to see the run, so it saves and stops.
  const onPipeError = () => interrupt.abort('output pipe closed');
  host.stdout.on('error', onPipeError);
  const sinks = [fileSink(join(outDir, 'events.jsonl')), displaySink(host, isJson)];
  const emit = (event: RunEvent) => {
    for (const sink of sinks) {
      sink.event(event);
    }
  };
  const end = (last: Partial<RunRecord> & Pick<RunRecord, 'status'>, event: RunEvent) => {
    writeRunRecord(outDir, { ...record, ...last, endedAt: time() });
    emit(event);
  };
  try {
    emit({ type: 'started', time: time(), kind, outDir, config: resolved });
    const reporter = eventReporter(emit, host.now);
    try {
      const result = await job(resolved, { outDir, signal: interrupt.signal, reporter }).finally(reporter.flush);
      const { summary, files } = result;
      end({ status: 'finished', summary }, { type: 'finished', time: time(), summary, files: [...files] });
      return 0;
    } catch (error) {
      const { exitCode, code, message, text } = describeError(error);
      const isCancelled = exitCode === 130;
      end(
        { status: isCancelled ? 'cancelled' : 'failed', error: { code, message } },
        isCancelled ? { type: 'cancelled', time: time(), message } : { type: 'failed', time: time(), code, message },
      );
      host.stderr.write(`${text}\n`);
      return isCancelled ? interrupt.exitCode : exitCode;
    }
  } finally {
    for (const sink of sinks) {
      sink.close();
    }
    host.stdout.removeListener('error', onPipeError);
  }
}

function displaySink(host: CliHost, isJson: boolean): EventSink {
  const out = (text: string) => void host.stdout.write(text);
  if (isJson) {
    return jsonSink(out);
  }
  return host.stderr.isTTY === true
    ? terminalSink(host.stdout, host.stderr)
    : plainSink(out, (text) => void host.stderr.write(text), host.now);
}

function fileSink(path: string): EventSink {
  const file = openSync(path, 'a');
  const sink = jsonSink((line) => void writeSync(file, line));
  return { event: sink.event, close: () => closeSync(file) };
}

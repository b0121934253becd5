import type { RunEvent } from '@parl-mt/schema';
import { describe, expect, test } from 'vitest';
import { eventReporter } from './event-reporter.js';
import { TextStream } from './host.testing.js';
import { plainSink } from './plain-sink.js';
import { terminalSink } from './terminal-sink.js';

describe('eventReporter', () => {
  const record = () => {
    const events: RunEvent[] = [];
    const clock = { ms: 0 };
    const reporter = eventReporter(
      (event) => events.push(event),
      () => clock.ms,
    );
    const done = () => events.flatMap((event) => (event.type === 'progress' ? [event.done] : []));
    return { events, clock, reporter, done };
  };

  test('progress is throttled to ten a second; the last of a stage always passes', () => {
    const { reporter, clock, done } = record();
    reporter.stage('work', 1000);
    for (let index = 1; index <= 100; index++) {
      reporter.progress(index);
      clock.ms += 10;
    }
    // At 0, 100, ... 900 ms: every tenth from the first on.
    expect(done()).toEqual([1, 11, 21, 31, 41, 51, 61, 71, 81, 91]);
    reporter.stage('next');
    expect(done().at(-1)).toBe(100);
  });

  test('completion passes at once, and flush releases what is held back', () => {
    const { reporter, done } = record();
    reporter.stage('work', 3);
    reporter.progress(1);
    reporter.progress(3);
    expect(done()).toEqual([1, 3]);
    reporter.stage('open end');
    reporter.progress(1);
    reporter.progress(2);
    reporter.flush();
    reporter.flush();
    expect(done()).toEqual([1, 3, 1, 2]);
  });

  test('metric records are never dropped, and later changes of the object do not reach them', () => {
    const { reporter, events } = record();
    const figures = { update: 1 };
    reporter.metric(figures);
    figures.update = 2;
    reporter.metric(figures);
    expect(events).toMatchObject([{ record: { update: 1 } }, { record: { update: 2 } }]);
  });
});

test('plain lines: progress at most every five seconds, and the end of a stage', () => {
  let err = '';
  const clock = { ms: 0 };
  const sink = plainSink(
    () => {},
    (text) => {
      err += text;
    },
    () => clock.ms,
  );
  const time = '2026-01-01T00:00:00.000Z';
  sink.event({ type: 'stage', time, name: 'train', total: 100 });
  for (let done = 1; done <= 100; done++) {
    clock.ms += 100;
    sink.event({ type: 'progress', time, stage: 'train', done, total: 100, metrics: { loss: 1 / done } });
  }
  expect(err).toBe('train (100)\n  50/100  loss 0.02\n  100/100  loss 0.01\n');
});

describe('terminalSink', () => {
  const time = '2026-01-01T00:00:00.000Z';
  const show = (events: readonly RunEvent[]) => {
    const stdout = new TextStream();
    const terminal = Object.assign(new TextStream(true), {
      cursorTo: () => true,
      moveCursor: () => true,
      clearLine: () => true,
      clearScreenDown: () => true,
    });
    const sink = terminalSink(stdout, terminal);
    for (const event of events) {
      sink.event(event);
    }
    sink.close();
    return { out: stdout.text, err: terminal.text };
  };

  test('draws the last state of a bar and every log line', () => {
    const { err } = show([
      { type: 'stage', time, name: 'sft', total: 4 },
      { type: 'progress', time, stage: 'sft', done: 2, total: 4, metrics: { loss: 0.123456 } },
      { type: 'log', time, line: 'checkpoint written' },
    ]);
    expect(err).toContain('sft [############------------] 2/4');
    expect(err).toContain('loss 0.1235');
    expect(err).toContain('checkpoint written\n');
  });

  test('a table goes to stdout, and progress after it gets a bar again', () => {
    const { out, err } = show([
      { type: 'stage', time, name: 'rollout', total: null },
      { type: 'table', time, text: 'a  b' },
      { type: 'progress', time, stage: 'rollout', done: 7, total: null, metrics: {} },
    ]);
    expect(out).toBe('a  b\n');
    expect(err).toContain('rollout 7 |');
  });
});

import { type SynthesizedTask, synthesizeTasks } from '@parl-mt/environments';
import { type Awareness, pagConfigSchema } from '@parl-mt/schema';
import { describe, expect, test } from 'vitest';
import { describeDecision } from './annotate.js';
import { type TargetStep, targetSteps } from './episode-messages.js';
import { type VerifiedDecision, verifyTask } from './verify/verify-task.js';

const config = pagConfigSchema.parse({ synthesis: { tasks: 30, seed: 11, referenceRate: 0.8 } });
const labels = { provenance: { generator: 'test', promptHash: 'h', seed: 11 }, split: 'train' } as const;
const sources = synthesizeTasks(config.synthesis);

interface Place {
  readonly source: SynthesizedTask;
  readonly targets: readonly TargetStep[];
  readonly index: number;
  readonly honest: Awareness;
}

const places: Place[] = sources.flatMap((source) => {
  const targets = targetSteps(source);
  return targets.map(({ turn, step }, index) => ({
    source,
    targets,
    index,
    honest: describeDecision({ source, turn, step }),
  }));
});

function verifyAt({ source, targets, index }: Place, changed: Awareness): VerifiedDecision | undefined {
  const candidates = targets.map(({ turn, step }, at) => [
    at === index ? changed : describeDecision({ source, turn, step }),
  ]);
  return verifyTask(source, candidates, config, labels)[index];
}

/** Everything said or shown before a decision, as one plain text; awareness left out. */
function past({ source, index, targets }: Place): string {
  const { turn = 0, step = 0 } = targets[index] ?? {};
  return source.trace
    .slice(0, turn + 1)
    .flatMap(({ userMessage, calls }, at) => [
      userMessage,
      ...calls.slice(0, at < turn ? undefined : step).flatMap((c) => [c.call, c.result]),
    ])
    .join('\n');
}

describe('on generated tasks', () => {
  test('every honest record passes', () => {
    const refused = sources.flatMap((source) =>
      verifyTask(
        source,
        targetSteps(source).map(({ turn, step }) => [describeDecision({ source, turn, step })]),
        config,
        labels,
      ).flatMap(({ rejection }) => rejection ?? []),
    );
    expect(refused).toEqual([]);
  });

  test('whatever the user only points at stands in summary and plan, so the call can be rebuilt without history', () => {
    let pointers = 0;
    for (const { source, targets, index, honest } of places) {
      const target = targets[index];
      const call = target === undefined ? undefined : source.trace[target.turn]?.calls[target.step];
      for (const { provenance } of call?.arguments ?? []) {
        if (provenance.kind === 'stated') continue;
        pointers += 1;
        expect(honest.plan).toContain(provenance.literal);
        const told = [honest.summary, source.trace[target?.turn ?? 0]?.userMessage].join('\n');
        expect(provenance.literal === '..' || told.includes(provenance.literal)).toBe(true);
      }
    }
    expect(pointers).toBeGreaterThan(25);
  });

  test('an answer of a call put into the plan of that call is always caught', () => {
    let injected = 0;
    for (const place of places) {
      const target = place.targets[place.index];
      const call = target === undefined ? undefined : place.source.trace[target.turn]?.calls[target.step];
      for (const answer of call?.answers ?? []) {
        // A value that happens to stand in the past, or in the call itself, is no secret; a line that `tail` does not show stays one.
        if (!call?.result.includes(answer)) continue;
        if (`${past(place)}\n${call?.call}`.includes(answer)) continue;
        injected += 1;
        for (const sign of [':', '=', ' ']) {
          const changed = { ...place.honest, plan: `${place.honest.plan}${sign}${answer}` };
          expect(verifyAt(place, changed)?.rejection).toMatchObject({ stage: 'no_hindsight' });
        }
      }
    }
    expect(injected).toBeGreaterThan(25);
  });

  test('a summary taken from the next decision is caught whenever it tells something new', () => {
    let injected = 0;
    for (const place of places) {
      const next = place.targets[place.index + 1];
      if (next === undefined || next.step === 0) continue;
      const later = describeDecision({ source: place.source, ...next }).summary;
      const answer = place.source.trace[next.turn]?.calls[next.step - 1]?.answers[0];
      if (answer === undefined || !later.endsWith(`=${answer}`) || past(place).includes(answer)) continue;
      injected += 1;
      expect(verifyAt(place, { ...place.honest, summary: later })?.rejection).toMatchObject({ stage: 'grounded' });
    }
    expect(injected).toBeGreaterThan(15);
  });

  test('one changed digit or letter in a literal of the summary is caught', () => {
    let injected = 0;
    for (const place of places) {
      const { summary } = place.honest;
      const values = summary
        .split(';')
        .flatMap((item) => item.split(/[\s:=]/).slice(1))
        .filter((word) => /^[\w.]{3,}$/.test(word));
      const victim = values.at(-1);
      if (victim === undefined) continue;
      const forged = victim.replace(/[\w]$/, (last) =>
        /\d/.test(last) ? String((Number(last) + 1) % 10) : last === 'q' ? 'x' : 'q',
      );
      if (past(place).includes(forged)) continue;
      injected += 1;
      const at = summary.lastIndexOf(victim);
      const changed = { ...place.honest, summary: summary.slice(0, at) + forged + summary.slice(at + victim.length) };
      expect(verifyAt(place, changed)?.rejection).toMatchObject({ stage: 'grounded' });
    }
    expect(injected).toBeGreaterThan(80);
  });
});

// What training holds in memory: over many updates, against the prediction, by length, batch, vocabulary and threads, and the fused
// head against one that holds logits. Every measurement runs in a process of its own. Linux only: the kernel keeps the peaks.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ownArchitecture } from '@parl-mt/policy';
import { decoderConfigSchema } from '@parl-mt/schema';
import { predictTrainingMemory } from '../training-memory.js';
import { type MemoryProbe, type MemoryReading, runMemoryProbe, type UpdatesProbe } from './memory-probes.js';

const USAGE = `usage: npm run bench:memory -- [--only PART[,PART]] [--updates N]

  --only PART    parts of: updates, step, length, batch, vocabulary, threads, head (default: all)
  --updates N    updates of the first part (default 1000)`;

const PARTS = ['updates', 'step', 'length', 'batch', 'vocabulary', 'threads', 'head'] as const;
type Part = (typeof PARTS)[number];

const TINY = { vocabSize: 2048, hiddenSize: 128, numLayers: 3, numHeads: 4, numKvHeads: 4, intermediateSize: 384 };
const SMALL = { vocabSize: 8192, hiddenSize: 256, numLayers: 6, numHeads: 8, numKvHeads: 4, intermediateSize: 768 };

function main(args: string[]): number {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', default: PARTS.join(',') },
      updates: { type: 'string', default: '1000' },
      help: { type: 'boolean', default: false },
    },
  });
  const chosen = values.only.split(',');
  const updates = Number(values.updates);
  if (
    values.help ||
    chosen.some((part) => !PARTS.includes(part as Part)) ||
    !(Number.isInteger(updates) && updates > 0)
  ) {
    console.error(USAGE);
    return values.help ? 0 : 2;
  }
  const parts: Readonly<Record<Part, () => void>> = {
    updates: () => overUpdates(updates),
    step: steps,
    length: () => growth('sequence length', [256, 512, 1024, 2048, 4096], (length) => ({ lengths: [length] })),
    batch: () => growth('sequences of 256', [1, 2, 4, 8, 16], (count) => ({ lengths: Array<number>(count).fill(256) })),
    vocabulary: () =>
      growth('vocabulary', [2048, 8192, 32768, 131072], (vocabSize) => ({
        decoder: { ...TINY, vocabSize },
        lengths: [1024],
      })),
    threads: () => growth('threads', [1, 2, 4, 8], (threads) => ({ threads, lengths: [1024] })),
    head,
  };
  for (const part of PARTS) if (chosen.includes(part)) parts[part]();
  return 0;
}

function overUpdates(updates: number): void {
  const readAt = [1, 10, 100, 1000, 10_000].filter((update) => update < updates);
  const row = table('Over updates, tiny decoder, three sequences', [
    'lengths',
    'update',
    'arena',
    'tensors',
    'resident',
  ]);
  for (const isVaried of [false, true]) {
    for (const { update, arena, tensors, resident } of measure({
      kind: 'updates',
      decoder: TINY,
      lengths: [96, 64, 32],
      isVaried,
      readAt: [...readAt, updates],
    })) {
      const sizes = [arena, tensors, resident].map(megabytes);
      row([isVaried ? 'varied' : 'fixed', String(update), ...sizes]);
    }
  }
}

const PREDICTION_HEAD = ['predicted', 'measured', 'ratio', 'resident peak'];

function steps(): void {
  const row = table('A training step: weights, moments and arena, predicted and measured', [
    'decoder',
    'sequences',
    ...PREDICTION_HEAD,
  ]);
  const cases = [
    ['tiny', TINY, [512]],
    ['tiny', TINY, Array<number>(8).fill(512)],
    ['small', SMALL, [512, 512]],
    ['small', SMALL, Array<number>(8).fill(512)],
  ] as const;
  for (const [name, decoder, lengths] of cases) {
    const probe: UpdatesProbe = { kind: 'updates', decoder, lengths, readAt: [2] };
    row([name, `${lengths.length} x ${lengths[0]}`, ...againstPrediction(probe, measure(probe)[0]!)]);
  }
}

function againstPrediction({ decoder, lengths }: UpdatesProbe, { arena, peakGrowth }: MemoryReading): string[] {
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const predicted = predictTrainingMemory(ownArchitecture(decoderConfigSchema.parse(decoder)), {
    tokens,
    targets: tokens / 2,
  });
  const measured = predicted.weights + predicted.moments + arena;
  const ratio = (measured / predicted.peak).toFixed(2);
  return [megabytes(predicted.peak), megabytes(measured), ratio, megabytes(peakGrowth)];
}

function growth(name: string, points: readonly number[], change: (point: number) => Partial<UpdatesProbe>): void {
  const row = table(`Growth with ${name}, tiny decoder`, [name, 'arena', ...PREDICTION_HEAD]);
  for (const point of points) {
    const probe: UpdatesProbe = { kind: 'updates', decoder: TINY, lengths: [1024], readAt: [2], ...change(point) };
    const reading = measure(probe)[0]!;
    row([String(point), megabytes(reading.arena), ...againstPrediction(probe, reading)]);
  }
}

function head(): void {
  const row = table('The head, log-probs and both gradients: peak beside inputs and results', [
    'rows x width x words',
    'logits',
    'plain',
    'fused',
    'fused / logits',
  ]);
  for (const { n, d, v } of [
    { n: 4096, d: 128, v: 2048 },
    { n: 512, d: 896, v: 151936 },
  ]) {
    const logits = n * v * 4;
    const peak = (isPlain: boolean): number => measure({ kind: 'head', n, d, v, isPlain })[0]!.peakGrowth;
    const [plain, fused] = [peak(true), peak(false)];
    const share = `${((100 * fused) / logits).toFixed(1)} %`;
    row([`${n} x ${d} x ${v}`, ...[logits, plain, fused].map(megabytes), share]);
  }
}

function measure(probe: MemoryProbe): MemoryReading[] {
  const child = spawnSync(
    process.execPath,
    [...process.execArgv, fileURLToPath(import.meta.url), JSON.stringify(probe)],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  if (child.status !== 0)
    throw new Error(`expected the measurement to end, exit code ${child.status}: ${JSON.stringify(probe)}`);
  return JSON.parse(child.stdout) as MemoryReading[];
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** Prints title and heading, and returns what prints a row as soon as it is measured. */
function table(title: string, heading: readonly string[]): (cells: readonly string[]) => void {
  const widths = heading.map((name) => Math.max(12, name.length));
  const row = (cells: readonly string[]): void => {
    console.log(cells.map((cell, column) => cell.padStart(widths[column]!)).join('  '));
  };
  console.log(`\n${title}`);
  row(heading);
  return row;
}

const [first] = process.argv.slice(2);
if (first?.startsWith('{')) {
  process.stdout.write(JSON.stringify(await runMemoryProbe(JSON.parse(first) as MemoryProbe)));
} else {
  process.exitCode = main(process.argv.slice(2));
}

import { existsSync } from 'node:fs';
import { ownArchitecture } from '@parl-mt/policy';
import { decoderConfigSchema, loraConfigSchema } from '@parl-mt/schema';
import { parlBackend, selectBackend } from '@parl-mt/tfjs-backend';
import { beforeEach, describe, expect, test } from 'vitest';
import { runMemoryProbe } from './bench/memory-probes.js';
import { predictTrainingMemory } from './training-memory.js';

const hasPeaks = existsSync('/proc/self/clear_refs');
if (!hasPeaks) console.log('memory of a training step: skipped, this system keeps no peaks in /proc');

beforeEach(async () => {
  await selectBackend('parl');
  parlBackend().pool.trim();
});

describe.skipIf(!hasPeaks)('memory of a training step', () => {
  test.each([
    { layers: 1, kv: 4, vocabSize: 500, lengths: [512] },
    { layers: 3, kv: 4, vocabSize: 2048, lengths: [400, 112] },
    { layers: 4, kv: 2, vocabSize: 300, lengths: [256, 256] },
  ])('is predicted: $layers layers, $kv key heads, $vocabSize words', async ({ layers, kv, vocabSize, lengths }) => {
    const decoder = {
      vocabSize,
      hiddenSize: 64,
      numLayers: layers,
      numHeads: 4,
      numKvHeads: kv,
      intermediateSize: 192,
    };
    const [reading] = await runMemoryProbe({ kind: 'updates', decoder, lengths, readAt: [2] });
    const predicted = predictTrainingMemory(ownArchitecture(decoderConfigSchema.parse(decoder)), {
      tokens: 512,
      targets: 256,
    });
    const measured = predicted.weights + predicted.moments + reading!.arena;
    // The arena rounds up by at most an eighth; buffers below 4 KiB are not its own.
    expect(measured / predicted.peak).toBeGreaterThan(0.85);
    expect(measured / predicted.peak).toBeLessThan(1.15);
  });

  test.each([
    { name: 'an adapter: no gradient and no moments of the weights', lora: loraConfigSchema.parse({ rank: 8 }) },
    { name: 'gradient checkpointing', gradientCheckpointing: true },
    { name: 'both', lora: loraConfigSchema.parse({ rank: 8 }), gradientCheckpointing: true },
  ])('is predicted with $name', async ({ name: _, ...options }) => {
    const decoder = {
      vocabSize: 1000,
      hiddenSize: 64,
      numLayers: 8,
      numHeads: 4,
      numKvHeads: 2,
      intermediateSize: 192,
    };
    const [reading] = await runMemoryProbe({ kind: 'updates', decoder, lengths: [400, 112], readAt: [2], ...options });
    const shape = { tokens: 512, targets: 256, ...options };
    const predicted = predictTrainingMemory(ownArchitecture(decoderConfigSchema.parse(decoder)), shape);
    const measured = predicted.weights + predicted.adapter + predicted.moments + reading!.arena;
    expect(measured / predicted.peak).toBeGreaterThan(0.85);
    expect(measured / predicted.peak).toBeLessThan(1.15);
  });

  test('does not grow from update to update', async () => {
    const decoder = { vocabSize: 300, hiddenSize: 32, numLayers: 2, numHeads: 4, numKvHeads: 2, intermediateSize: 96 };
    const readings = await runMemoryProbe({ kind: 'updates', decoder, lengths: [96, 64, 32], readAt: [2, 10, 40] });
    expect(readings[0]!.arena).toBeGreaterThan(0);
    for (const { arena, tensors } of readings) {
      expect(arena).toBe(readings[0]!.arena);
      expect(tensors).toBe(readings[0]!.tensors);
    }
  });
});

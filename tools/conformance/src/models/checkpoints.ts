import { loadDecoder, packSequences } from '@parl-mt/policy';
import { selectBackend } from '@parl-mt/tfjs-backend';
import { absolute, type Ledger } from './ledger.js';
import type { ModelFixtures } from './model-fixtures.js';
import type { ModelSection } from './section.js';

/** Folders that hold a checkpoint and what transformers computes with it. */
export const checkpoints: ModelSection = {
  name: 'checkpoints',
  async run(fixtures, ledger) {
    await selectBackend('parl');
    for (const folder of fixtures.folders('')) {
      const file = `${folder}/expected.safetensors`;
      if (!fixtures.has(file) || !fixtures.has(`${folder}/config.json`)) continue;
      await ledger.attempt(file, 'load', () => judgeCheckpoint(fixtures, ledger, folder));
    }
  },
};

async function judgeCheckpoint(fixtures: ModelFixtures, ledger: Ledger, folder: string): Promise<void> {
  const file = `${folder}/expected.safetensors`;
  const expected = fixtures.tensors(file);
  const decoder = await loadDecoder(fixtures.path(folder));
  const ids = Int32Array.from(expected.get('ids')!.values);
  const offsets = expected.get('cu_seqlens')!.values;
  const sequences = Array.from({ length: offsets.length - 1 }, (_, s) => {
    const tokens = ids.subarray(offsets[s], offsets[s + 1]);
    return { tokens, lossMask: new Uint8Array(tokens.length).fill(1) };
  });
  const batch = packSequences(sequences, ids.length)[0]!;
  const { logprobs, entropies } = decoder.logprobs(batch);
  const at = (name: string) => Array.from(batch.targetRows, (row) => expected.get(name)!.values[row + 1]!);
  ledger.compare(file, 'log-probs', logprobs.dataSync(), at('logprob'), absolute(1e-4));
  ledger.compare(file, 'entropies', entropies.dataSync(), at('entropy'), absolute(1e-4));
  decoder.dispose();
}

import { type Decoder, type LoraAdapter, loadAdapter, loadModel, mergeAdapter } from '@parl-mt/policy';
import { readVariable, selectBackend, tf } from '@parl-mt/tfjs-backend';
import {
  crossEntropy,
  type ExpectedAdamw,
  judgeAdamw,
  judgeGradients,
  limits,
  logitsOf,
  packedFixture,
  packedSequence,
  type Tensors,
  valuesOf,
} from './decoder-numbers.js';
import { type Ledger, relative } from './ledger.js';
import type { ModelFixtures } from './model-fixtures.js';
import type { ModelSection } from './section.js';

interface ExpectedAdapter {
  /** Folder of the checkpoint. */
  readonly base: string;
  readonly logits_of_sequence: number;
  readonly loss_ce: number;
  readonly adamw: ExpectedAdamw;
}

/** Adapters as PEFT saves them, on some of the checkpoints. */
export const lora: ModelSection = {
  name: 'lora',
  async run(fixtures, ledger) {
    await selectBackend('parl');
    for (const name of fixtures.folders('lora')) {
      const folder = `lora/${name}`;
      await ledger.attempt(`${folder}/expected.safetensors`, 'adapter', () => judgeAdapter(fixtures, ledger, folder));
    }
  },
};

async function judgeAdapter(fixtures: ModelFixtures, ledger: Ledger, folder: string): Promise<void> {
  const file = `${folder}/expected.safetensors`;
  const expected = fixtures.tensors(file);
  const about = fixtures.json<ExpectedAdapter>(`${folder}/expected.json`);
  const { decoder, files } = await loadModel(fixtures.path(about.base));
  const adapter = await loadAdapter(fixtures.path(folder), files.architecture);
  ledger.use(...fixtures.files(folder));

  const s = about.logits_of_sequence;
  const sequence = packedSequence(expected, s);
  ledger.compare(
    file,
    'logits without adapter',
    logitsOf(decoder, sequence),
    valuesOf(expected, `base_logits.${s}`),
    limits.states,
  );
  decoder.attach(adapter);
  ledger.compare(file, 'logits', logitsOf(decoder, sequence), valuesOf(expected, `logits.${s}`), limits.states);

  const batch = packedFixture(expected);
  const { logprobs, entropies } = decoder.logprobs(batch);
  const at = (name: string) => Array.from(batch.targetRows, (row) => valuesOf(expected, name)[row + 1]!);
  ledger.compare(file, 'log-probs', logprobs.dataSync(), at('logprob'), limits.logprobs);
  ledger.compare(file, 'entropies', entropies.dataSync(), at('entropy'), limits.logprobs);
  tf.dispose([logprobs, entropies]);

  const masked = packedFixture(expected, 'loss_mask');
  const { loss, gradients } = decoder.gradients(() => crossEntropy(decoder, masked));
  ledger.compare(file, 'loss ce', [loss], [about.loss_ce], relative(2e-6));
  judgeGradients(ledger, file, 'gradients ce', gradients, expected, 'grad.ce.');

  judgeMerged(ledger, file, decoder, adapter, expected, s);
  judgeAdamw(ledger, file, decoder, masked, about.adamw, expected, adapter.variables);
  adapter.dispose();
  decoder.dispose();
}

/** Merged weights, and the logits they give, in a copy of the decoder. */
function judgeMerged(
  ledger: Ledger,
  file: string,
  decoder: Decoder,
  adapter: LoraAdapter,
  expected: Tensors,
  s: number,
): void {
  const merged = decoder.copy();
  mergeAdapter(merged, adapter);
  for (const name of expected.keys()) {
    if (!name.startsWith('merged.')) continue;
    const ours = readVariable(merged.trainable.get(name.slice('merged.'.length))!);
    ledger.compare(file, 'merged weights', ours, valuesOf(expected, name), limits.states, name);
  }
  const logits = logitsOf(merged, packedSequence(expected, s));
  ledger.compare(file, 'logits, merged', logits, valuesOf(expected, `logits.${s}`), limits.states);
  merged.dispose();
}

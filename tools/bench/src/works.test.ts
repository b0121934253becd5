import { describe, expect, test } from 'vitest';
import { measure } from './measure.js';
import { allWorks, selectWorks } from './works.js';

describe('works', () => {
  test('have the names of the peers', () => {
    const names = allWorks().map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of [
      'logprob_fwd/4096x2048',
      'logprob_fwdbwd/512x151936',
      'entropy_fwdbwd/2048x32768',
      'logprob_entropy_fwd/4096x2048',
      'hidden_logprob_fwdbwd/512x896x151936',
      'grpo/1024x1024',
      'rloo/1024x1024',
      'gae/256x1024',
      'policy_loss_fwdbwd/256x1024',
      'policy_loss_fwdbwd/1024x1024',
      'lcs/1000x200',
      'ngram3_repetition/1000x1000',
      'minhash128_3gram/1000x1000',
      'minhash_docs/1000x1000',
      'gpt_train/tiny',
      'gpt_train/small',
      'gpt_train/qwen0.5b-layer',
      'gpt_logprob/tiny',
      'gpt_sample/tiny-b64',
      'trl_grpo/tiny-8x8-128+128',
      'trl_logprob/tiny-64x256',
      'trl_sft/tiny-packed512',
    ]) {
      expect(names).toContain(name);
    }
  });

  test('of a checkpoint are there where its file is given', () => {
    const names = allWorks({ smollm2: 'file.gguf' }).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('smol_'))).toEqual([
      'smol_load/f32',
      'smol_logprob/4x512',
      'smol_train/4x512',
      'smol_train_ckpt/4x512',
      'smol_lora/4x512',
      'smol_lora_ckpt/4x512',
      'smol_generate/b1-128+128',
      'smol_generate/b8-128+128',
      'smol_generate/b32-128+128',
    ]);
    expect(names.length - allWorks().length).toBe(9);
  });

  test('are chosen by any part of the name', () => {
    const chosen = selectWorks(allWorks(), ['grpo/1024', 'lcs']).map(({ name }) => name);
    expect(chosen).toEqual(['grpo/1024x1024', 'lcs/1000x200']);
    expect(selectWorks(allWorks(), []).length).toBe(allWorks().length);
    expect(selectWorks(allWorks(), ['no such work'])).toEqual([]);
  });
});

describe('measure', () => {
  test('runs once to warm up and at least three times, and reports the check', async () => {
    let runs = 0;
    const record = await measure(
      {
        name: 'nothing/1',
        item: 'run',
        items: 1,
        bytes: 0,
        flops: 0,
        prepare: () => ({ run: () => ++runs, check: () => 7 }),
      },
      { peer: 'ours', threads: 1, budgetSeconds: 1e-9 },
    );
    expect(runs).toBe(4);
    expect(record).toMatchObject({ work: 'nothing/1', peer: 'ours', threads: 1, check: 7, items: 1, note: '' });
    expect([record.ms.length, record.cpu_ms.length, record.top_ms.length]).toEqual([3, 3, 3]);
    expect(Math.min(...record.ms)).toBeGreaterThanOrEqual(0);
  });
});

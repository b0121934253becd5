import { describe, expect, test } from 'vitest';
import { architectureFromConfigJson, configJsonOf } from './config-json.js';
import { ropeAngles } from './rope-scaling.js';

const llama = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  vocab_size: 100,
  hidden_size: 72,
  num_hidden_layers: 2,
  num_attention_heads: 6,
  num_key_value_heads: 3,
  intermediate_size: 168,
  rms_norm_eps: 1e-5,
  hidden_act: 'silu',
  tie_word_embeddings: false,
  max_position_embeddings: 512,
  rope_theta: 10000,
};
const read = (fields: object) => architectureFromConfigJson({ ...llama, ...fields }, 'config.json');

describe('config.json', () => {
  test('head_dim is taken as given, else it is hidden_size / num_attention_heads', () => {
    expect(read({}).headDim).toBe(12);
    expect(read({ head_dim: null }).headDim).toBe(12);
    expect(read({ head_dim: 16 }).headDim).toBe(16);
  });

  test('the forms of transformers 4 and 5 are the same architecture', () => {
    const scaling = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 64 };
    const four = read({ rope_theta: 5e5, rope_scaling: { type: 'llama3', ...scaling }, torch_dtype: 'float32' });
    const five = read({
      rope_theta: undefined,
      rope_parameters: { rope_theta: 5e5, rope_type: 'llama3', ...scaling },
      dtype: 'float32',
    });
    expect(five).toEqual(four);
    expect(four.rope).toEqual({
      theta: 5e5,
      scaling: { kind: 'llama3', factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaxPositions: 64 },
    });
  });

  test.each([
    {},
    { rope_scaling: { rope_type: 'linear', factor: 4 } },
    { rope_scaling: { type: 'yarn', factor: 4, original_max_position_embeddings: 64 } },
    { model_type: 'qwen3', head_dim: 24, tie_word_embeddings: true },
    { model_type: 'qwen2' },
  ])('what is written is read again: %o', (fields) => {
    const architecture = read(fields);
    expect(architectureFromConfigJson(configJsonOf(architecture), 'again')).toEqual(architecture);
  });

  test.each([
    [{ model_type: 'mamba' }, 'expected model_type qwen2 (Qwen2, Qwen2.5), qwen3'],
    [{ model_type: 'constructor' }, 'received constructor (architectures ["LlamaForCausalLM"])'],
    [{ model_type: 'qwen2', use_sliding_window: true, sliding_window: 4096 }, 'sliding-window attention is not built'],
    [{ layer_types: ['full_attention', 'sliding_attention'] }, 'received layer_types with sliding_attention'],
    [{ attention_bias: true }, 'expected attention_bias false in config.json, received true'],
    [{ mlp_bias: true }, 'biases of the feed-forward are not built'],
    [{ hidden_act: 'gelu' }, 'expected hidden_act silu'],
    [{ partial_rotary_factor: 0.5 }, 'expected partial_rotary_factor 1'],
    [{ quantization_config: { bits: 4 } }, 'received a quantization_config'],
    [{ rope_scaling: { rope_type: 'longrope', factor: 2 } }, 'a rope_type of default, linear, llama3, yarn'],
    [{ rope_scaling: { rope_type: 'linear' } }, 'expected factor of rope_scaling of config.json to be a number'],
    [{ rope_scaling: 3 }, 'expected a JSON object at rope_scaling'],
    [{ vocab_size: undefined }, 'expected vocab_size of config.json to be an integer in 1..16777216, received none'],
    [{ num_hidden_layers: 1e9 }, 'expected num_hidden_layers'],
    [{ num_key_value_heads: 4 }, 'expected numKvHeads of config.json to divide numHeads, received 4 and 6'],
    [{ head_dim: 15 }, 'to be even and whole, received 15'],
    [{ tie_word_embeddings: 'yes' }, 'expected tie_word_embeddings of config.json to be true or false, received yes'],
  ])('refuses %o', (fields, message) => {
    expect(() => read(fields)).toThrow(message);
  });

  test('what is no object is refused', () => {
    for (const json of [null, [], 'text', 3]) {
      expect(() => architectureFromConfigJson(json, 'x.json')).toThrow('expected a JSON object at x.json');
    }
  });
});

describe('rotary scaling', () => {
  const angles = (scaling: Parameters<typeof ropeAngles>[0]['scaling']) => ropeAngles({ theta: 10000, scaling }, 8);

  test('without scaling the kernels make the frequencies of theta themselves', () => {
    expect(angles({ kind: 'default' })).toEqual({ theta: 10000 });
  });

  test('linear divides every frequency: 1, 0.1, 0.01, 0.001', () => {
    expect(angles({ kind: 'linear', factor: 4 }).frequencies).toEqual(Float32Array.of(0.25, 0.025, 0.0025, 0.00025));
  });

  test('llama3 keeps fast pairs, divides slow ones, and mixes those between', () => {
    // Turns within 1000 positions: 159, 15.9, 1.59, 0.159; kept above 4, divided below 1, and (1.59 - 1) / 3 of the way between.
    const { frequencies } = angles({
      kind: 'llama3',
      factor: 8,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalMaxPositions: 1000,
    });
    const kept = (10 / (2 * Math.PI) - 1) / 3;
    const expected = [1, 0.1, ((1 - kept) * 0.01) / 8 + kept * 0.01, 0.001 / 8];
    for (const [i, value] of expected.entries()) expect(frequencies![i]).toBeCloseTo(value, 8);
  });

  test('yarn keeps fast pairs, divides slow ones, and scales cosines and sines', () => {
    // Dimension of 32 turns: 8 ln(1000 / 64 pi) / (2 ln 10000) = 0.70, of one turn: 2.2; so the ramp goes from 0 to 3.
    const { frequencies, scale } = angles({
      kind: 'yarn',
      factor: 4,
      originalMaxPositions: 1000,
      betaFast: 32,
      betaSlow: 1,
      attentionFactor: 1.2,
      truncate: true,
    });
    const expected = [1, 0.1 * (2 / 3 + 1 / 12), 0.01 * (1 / 3 + 2 / 12), 0.001 / 4];
    for (const [i, value] of expected.entries()) expect(frequencies![i]).toBeCloseTo(value, 8);
    expect(scale).toBe(1.2);
  });
});

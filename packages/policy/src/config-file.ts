import { type DecoderConfig, decoderConfigSchema, parseConfig, UsageError } from '@parl-mt/schema';

/** A decoder's configuration as Hugging Face's `config.json`, in the form that transformers 4 and 5 both read. */
export function toHuggingFaceConfig(config: DecoderConfig): Readonly<Record<string, unknown>> {
  return {
    architectures: ['Qwen2ForCausalLM'],
    model_type: 'qwen2',
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.numLayers,
    num_attention_heads: config.numHeads,
    num_key_value_heads: config.numKvHeads,
    intermediate_size: config.intermediateSize,
    rope_theta: config.ropeTheta,
    rms_norm_eps: config.rmsNormEps,
    hidden_act: 'silu',
    tie_word_embeddings: true,
    use_sliding_window: false,
    max_position_embeddings: 32768,
    torch_dtype: 'float32',
  };
}

/**
 * Reads a `config.json` of a Qwen2 decoder with a tied head, as transformers 4 or 5 writes it.
 * @throws {UsageError | ConfigError} when the architecture differs or a field is missing.
 */
export function fromHuggingFaceConfig(json: unknown, where: string): DecoderConfig {
  if (typeof json !== 'object' || json === null) throw new UsageError(`expected a JSON object at ${where}`);
  const fields = json as Record<string, unknown>;
  const rope = (fields.rope_parameters ?? {}) as Record<string, unknown>;
  const scaling = (fields.rope_scaling ?? rope) as Record<string, unknown>;
  const ropeType = scaling.rope_type ?? scaling.type ?? 'default';
  const hiddenSize = Number(fields.hidden_size);
  const numHeads = Number(fields.num_attention_heads);
  const expected = {
    model_type: 'qwen2',
    hidden_act: 'silu',
    tie_word_embeddings: true,
  };
  for (const [name, value] of Object.entries(expected)) {
    if (fields[name] !== value) {
      throw new UsageError(`expected ${name} ${String(value)} at ${where}, received ${String(fields[name])}`);
    }
  }
  if (ropeType !== 'default')
    throw new UsageError(`expected no rope scaling at ${where}, received ${String(ropeType)}`);
  if (fields.use_sliding_window === true) throw new UsageError(`expected no sliding window at ${where}`);
  if (fields.head_dim !== undefined && fields.head_dim !== null && fields.head_dim !== hiddenSize / numHeads) {
    throw new UsageError(`expected head_dim ${hiddenSize / numHeads} at ${where}, received ${String(fields.head_dim)}`);
  }
  return parseConfig(
    decoderConfigSchema,
    {
      vocabSize: fields.vocab_size,
      hiddenSize: fields.hidden_size,
      numLayers: fields.num_hidden_layers,
      numHeads: fields.num_attention_heads,
      numKvHeads: fields.num_key_value_heads,
      intermediateSize: fields.intermediate_size,
      ropeTheta: fields.rope_theta ?? rope.rope_theta,
      rmsNormEps: fields.rms_norm_eps,
      initialization: 'normal', // the weights come from the file
    },
    where,
  );
}

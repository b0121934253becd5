import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { ChatTemplate } from '@parl-mt/chat';
import {
  type ConversationCodec,
  type Decoder,
  type DecoderArchitecture,
  type ExportOptions,
  expectNoModel,
  exportModel,
  fetchHubModel,
  formatOfTemplate,
  LoraAdapter,
  loadAdapter,
  loadModel,
  loraConfigFromPeft,
  type ModelFiles,
  mergeAdapter,
  readJsonFile,
  readModelFiles,
  readModelTokenizer,
  SegmentCodec,
  saveAdapter,
  TemplateCodec,
  Tokenizer,
  type TokenizerFolder,
  type TokenizerJson,
  type WrittenTokenizer,
  writeAtomically,
  writeTokenizer,
} from '@parl-mt/policy';
import {
  type ContextMode,
  type LoraConfig,
  type PretrainedConfig,
  parseHubName,
  pretrainedConfigSchema,
  type ToolCallFormatName,
  UsageError,
} from '@parl-mt/schema';

/** Where a model is found again. */
export interface BaseModel {
  /** Absolute path or name of the hub. */
  readonly name: string;
  /** Commit of a model of the hub. */
  readonly revision?: string | undefined;
}

/** What a policy is made of, and what is written again when it is saved. */
type Origin =
  | { readonly kind: 'own'; readonly tokenizerJson: TokenizerJson }
  | {
      readonly kind: 'pretrained';
      readonly files: ModelFiles;
      readonly tokenizer: TokenizerFolder;
      readonly toolCallFormat: ToolCallFormatName;
      readonly template: ChatTemplate;
      readonly instructions: string | undefined;
    };

/** What there is to know of a policy without its weights. */
export class PolicyDescription {
  readonly architecture: DecoderArchitecture;
  readonly tokenizer: Tokenizer;
  /** What adapters of it name as their base; undefined for weights that are nowhere yet. */
  readonly base: BaseModel | undefined;
  /** Of the adapter that lies beside the weights, where there is one. */
  readonly lora: LoraConfig | undefined;
  readonly origin: Origin;

  constructor(
    architecture: DecoderArchitecture,
    tokenizer: Tokenizer,
    origin: Origin,
    { base, lora }: { readonly base?: BaseModel | undefined; readonly lora?: LoraConfig | undefined } = {},
  ) {
    if (tokenizer.vocabSize > architecture.vocabSize) {
      throw new UsageError(
        `expected a tokenizer of at most ${architecture.vocabSize} tokens, as the weights have, received ${tokenizer.vocabSize}`,
      );
    }
    this.architecture = architecture;
    this.tokenizer = tokenizer;
    this.origin = origin;
    this.base = base;
    this.lora = lora;
  }

  /** A policy with our own special tokens, whose weights are nowhere yet. */
  static own(architecture: DecoderArchitecture, tokenizerJson: TokenizerJson): PolicyDescription {
    return new PolicyDescription(architecture, new Tokenizer(tokenizerJson), { kind: 'own', tokenizerJson });
  }

  /** How it reads and writes conversations in a context mode. */
  codec(mode: ContextMode): ConversationCodec {
    const { origin } = this;
    if (origin.kind === 'own') return new SegmentCodec(this.tokenizer);
    return new TemplateCodec({
      tokenizer: this.tokenizer,
      template: origin.template,
      specialTokens: origin.tokenizer.specialTokens,
      endTokens: origin.files.generation.endTokens,
      format: origin.toolCallFormat,
      awareness: mode !== 'history',
      instructions: origin.instructions,
    });
  }
}

/** A decoder with all that it takes to hold a conversation with it, and to save it as others load it. */
export class Policy implements Disposable {
  readonly decoder: Decoder;
  readonly #description: PolicyDescription;

  constructor(decoder: Decoder, description: PolicyDescription) {
    this.decoder = decoder;
    this.#description = description;
  }

  /** A policy with our own special tokens, from weights that are nowhere yet. */
  static own(decoder: Decoder, tokenizerJson: TokenizerJson): Policy {
    return new Policy(decoder, PolicyDescription.own(decoder.architecture, tokenizerJson));
  }

  get tokenizer(): Tokenizer {
    return this.#description.tokenizer;
  }

  /** How it reads and writes conversations in a context mode. */
  codec(mode: ContextMode): ConversationCodec {
    return this.#description.codec(mode);
  }

  /**
   * Gives it a fresh adapter, which is what training changes from now on; the weights stay as they are. An adapter that is there already
   * is trained further, and the configuration is not looked at.
   *
   * @throws {UsageError} when a pattern of the configuration names no module.
   */
  adapt(config: LoraConfig, seed: number): void {
    const { decoder } = this;
    if (decoder.adapter === undefined) decoder.attach(LoraAdapter.create(decoder.architecture, config, seed));
  }

  /**
   * Puts the adapter, where there is one, into the weights.
   * @throws {UsageError} when these are constants in bfloat16.
   */
  mergeAdapter(): void {
    const { decoder } = this;
    const former = decoder.adapter;
    if (former === undefined) return;
    decoder.attach(undefined);
    mergeAdapter(decoder, former);
    former.dispose();
  }

  /**
   * Writes what training changed, whole or not at all: an adapter in PEFT's form where one is attached, else the whole model as
   * transformers loads it, tokenizer and template included. A folder of that name is replaced.
   */
  async save(folder: string): Promise<void> {
    const temporary = `${folder}.${process.pid}.tmp`;
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    try {
      await this.#write(temporary);
      await rm(folder, { recursive: true, force: true });
      await rename(temporary, folder);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }

  async #write(folder: string): Promise<void> {
    const { decoder } = this;
    const { base } = this.#description;
    const { adapter } = decoder;
    if (adapter !== undefined && base !== undefined) return saveAdapter(folder, adapter, base.name, base.revision);
    if (adapter !== undefined)
      throw new UsageError('expected an adapter of a model that has a path or a name of the hub');
    await this.#writeModel(folder, {});
  }

  /**
   * Writes the whole model as transformers loads it, an adapter put into the weights.
   *
   * @returns names of the files.
   * @throws {UsageError} when the folder holds a model already.
   */
  async export(folder: string, options: Pick<ExportOptions, 'dtype' | 'maxShardBytes'>): Promise<string[]> {
    this.mergeAdapter();
    return this.#writeModel(folder, options);
  }

  async #writeModel(folder: string, options: Omit<ExportOptions, 'source'>): Promise<string[]> {
    const { origin } = this.#description;
    if (origin.kind === 'pretrained') return exportModel(folder, this.decoder, { ...options, source: origin.files });
    expectNoModel(folder);
    const written = await writeTokenizer(folder, ownTokenizer(origin.tokenizerJson));
    const { tokenizer } = this;
    const generation = { eos_token_id: tokenizer.specialId('<|end|>'), pad_token_id: tokenizer.specialId('<|pad|>') };
    await writeAtomically(path.join(folder, 'generation_config.json'), [`${JSON.stringify(generation, null, 2)}\n`]);
    return [...written, 'generation_config.json', ...(await exportModel(folder, this.decoder, options))];
  }

  /** Frees weights and adapter. */
  [Symbol.dispose](): void {
    this.decoder.adapter?.dispose();
    this.decoder.dispose();
  }
}

/** What others need to speak with a policy of ours: messages as segments write them. */
function ownTokenizer(json: TokenizerJson): WrittenTokenizer {
  return {
    json,
    chatTemplate:
      "{% for message in messages %}{{ '<|' + message.role + '|>' + message.content + '<|end|>' }}{% endfor %}" +
      "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}",
    specialTokens: { eos_token: '<|end|>', pad_token: '<|pad|>' },
    maxLength: undefined,
  };
}

export interface LoadPolicyOptions {
  readonly signal?: AbortSignal | undefined;
  /** Said once for what takes long, such as a download. */
  readonly onLog?: ((message: string) => void) | undefined;
}

/**
 * Loads a policy: a folder that training wrote (or a run's folder with one), a Hugging Face folder, a PEFT adapter with the model that it
 * names as its base, a GGUF file, or a model of the hub.
 *
 * @throws {UsageError} naming the file, when one is missing, malformed, or the parts do not fit each other; and for a model whose
 *   tokenizer has neither our special tokens nor a chat template.
 */
export async function loadPolicy(
  source: string,
  pretrained: PretrainedConfig = pretrainedConfigSchema.parse({}),
  options: LoadPolicyOptions = {},
): Promise<Policy> {
  const { model, adapter, description } = await find(source, pretrained, options);
  const { decoder } = await loadModel(model, pretrained.weights);
  if (adapter !== undefined) decoder.attach(await loadAdapter(adapter, decoder.architecture));
  return new Policy(decoder, description);
}

/**
 * What `loadPolicy` would load, without its weights; a model of the hub is fetched all the same.
 * @throws {UsageError} as `loadPolicy`.
 */
export async function describePolicy(
  source: string,
  pretrained: PretrainedConfig = pretrainedConfigSchema.parse({}),
  options: LoadPolicyOptions = {},
): Promise<PolicyDescription> {
  return (await find(source, pretrained, options)).description;
}

interface FoundPolicy {
  readonly model: string;
  /** Folder of the adapter. */
  readonly adapter: string | undefined;
  readonly description: PolicyDescription;
}

async function find(source: string, pretrained: PretrainedConfig, options: LoadPolicyOptions): Promise<FoundPolicy> {
  const { found, base } = await locate(source, pretrained, options);
  const adapterConfig = path.join(found, ADAPTER_CONFIG);
  if (!existsSync(adapterConfig)) {
    return { model: found, adapter: undefined, description: await describe(found, pretrained, base) };
  }
  const adapterJson = await readJsonFile(adapterConfig);
  const lora = loraConfigFromPeft(adapterJson, adapterConfig);
  const { name, revision = pretrained.revision } = baseOf(adapterJson, adapterConfig);
  const model = await locate(name, { ...pretrained, revision }, options);
  if (existsSync(path.join(model.found, ADAPTER_CONFIG))) {
    throw new UsageError(
      `expected a whole model at ${name}, which ${adapterConfig} names as its base; there is an adapter`,
    );
  }
  return { model: model.found, adapter: found, description: await describe(model.found, pretrained, model.base, lora) };
}

const ADAPTER_CONFIG = 'adapter_config.json';

/** Where the files are, and by which name an adapter finds them again. */
async function locate(
  source: string,
  { revision, offline }: PretrainedConfig,
  { signal, onLog }: LoadPolicyOptions,
): Promise<{ readonly found: string; readonly base: BaseModel }> {
  if (!existsSync(source) && parseHubName(source) !== undefined) {
    // As the environment says, unless the configuration is stricter.
    const { path: found, commit } = await fetchHubModel(source, {
      revision,
      signal,
      onLog,
      ...(offline ? { offline } : {}),
    });
    return { found, base: { name: source, revision: commit } };
  }
  const inRun = path.join(source, 'policy');
  const isModel = ['config.json', ADAPTER_CONFIG].some((file) => existsSync(path.join(source, file)));
  const found = !isModel && existsSync(inRun) ? inRun : source;
  return { found, base: { name: path.resolve(found) } };
}

function baseOf(adapterJson: unknown, where: string): BaseModel {
  const { base_model_name_or_path: name, revision } = adapterJson as Record<string, unknown>;
  if (typeof name !== 'string' || name === '') {
    throw new UsageError(`expected base_model_name_or_path in ${where}: the model that the adapter belongs to`);
  }
  return { name, revision: typeof revision === 'string' ? revision : undefined };
}

async function describe(
  model: string,
  pretrained: PretrainedConfig,
  base: BaseModel,
  lora?: LoraConfig,
): Promise<PolicyDescription> {
  const tokenizer = await readModelTokenizer(model);
  const isOwn = SegmentCodec.fits(tokenizer.tokenizer);
  const template =
    pretrained.chatTemplate === undefined ? tokenizer.chatTemplate : await readTemplate(pretrained.chatTemplate);
  if (template === undefined && !isOwn) {
    throw new UsageError(
      `expected a chat template at ${model}, found none: give one with pretrained.chatTemplate (--pretrained.chat-template FILE)`,
    );
  }
  const files = await readModelFiles(model);
  const origin: Origin =
    isOwn || template === undefined
      ? { kind: 'own', tokenizerJson: tokenizer.json as TokenizerJson }
      : {
          kind: 'pretrained',
          files,
          tokenizer,
          toolCallFormat: pretrained.toolCallFormat ?? formatOfTemplate(template),
          template: new ChatTemplate(template),
          instructions: pretrained.instructions,
        };
  return new PolicyDescription(files.architecture, tokenizer.tokenizer, origin, { base, lora });
}

async function readTemplate(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`expected a chat template at ${file}: ${(cause as Error).message}`, { cause });
  }
}

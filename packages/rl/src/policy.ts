import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { ChatTemplate } from '@parl-mt/chat';
import {
  type ConversationCodec,
  type Decoder,
  type ExportOptions,
  exportModel,
  fetchHubModel,
  formatOfTemplate,
  LoraAdapter,
  loadAdapter,
  loadModel,
  type ModelFiles,
  mergeAdapter,
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
  isHubId,
  type LoraConfig,
  type PretrainedConfig,
  pretrainedConfigSchema,
  type ToolCallFormatName,
  UsageError,
} from '@parl-mt/schema';

/** What a policy was made of, and what is written again when it is saved. */
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

/** Where a model is found again. */
export interface BaseModel {
  /** Absolute path or hub id. */
  readonly name: string;
  /** Commit of a model of the hub. */
  readonly revision?: string | undefined;
}

/** A decoder with all that it takes to hold a conversation with it, and to save it as others load it. */
export class Policy implements Disposable {
  readonly decoder: Decoder;
  readonly tokenizer: Tokenizer;
  /** What adapters of it name as their base; undefined for weights that are nowhere yet. */
  readonly base: BaseModel | undefined;
  readonly #origin: Origin;

  constructor(decoder: Decoder, tokenizer: Tokenizer, base: BaseModel | undefined, origin: Origin) {
    if (tokenizer.vocabSize > decoder.architecture.vocabSize) {
      throw new UsageError(
        `expected a tokenizer of at most ${decoder.architecture.vocabSize} tokens, as the weights have, received ${tokenizer.vocabSize}`,
      );
    }
    this.decoder = decoder;
    this.tokenizer = tokenizer;
    this.base = base;
    this.#origin = origin;
  }

  /** A policy with our own special tokens, from weights that are nowhere yet. */
  static own(decoder: Decoder, tokenizerJson: TokenizerJson, base?: BaseModel): Policy {
    return new Policy(decoder, new Tokenizer(tokenizerJson), base, { kind: 'own', tokenizerJson });
  }

  /** How it reads and writes conversations in a context mode. */
  codec(mode: ContextMode): ConversationCodec {
    const origin = this.#origin;
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

  /** Puts the adapter, where there is one, into the weights. */
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
    const { decoder, base } = this;
    const { adapter } = decoder;
    if (adapter !== undefined && base !== undefined) return saveAdapter(folder, adapter, base.name, base.revision);
    if (adapter !== undefined) throw new UsageError('expected an adapter of a model that has a path or a hub id');
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
    const origin = this.#origin;
    if (origin.kind === 'pretrained') return exportModel(folder, this.decoder, { ...options, source: origin.files });
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
  const { found, base: named } = await locate(source, pretrained, options);
  const adapterConfig = path.join(found, ADAPTER_CONFIG);
  if (!existsSync(adapterConfig)) return loadBase(found, named, pretrained);
  const { name, revision = pretrained.revision } = await baseOf(adapterConfig);
  const base = await loadPolicy(name, { ...pretrained, revision }, options);
  if (base.decoder.adapter !== undefined) {
    throw new UsageError(
      `expected a whole model at ${name}, which ${adapterConfig} names as its base; there is an adapter`,
    );
  }
  base.decoder.attach(await loadAdapter(found, base.decoder.architecture));
  return base;
}

const ADAPTER_CONFIG = 'adapter_config.json';

/** Where the files are, and by which name an adapter finds them again. */
async function locate(
  source: string,
  { revision, offline }: PretrainedConfig,
  { signal, onLog }: LoadPolicyOptions,
): Promise<{ readonly found: string; readonly base: BaseModel }> {
  if (!existsSync(source) && isHubId(source)) {
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

async function baseOf(adapterConfig: string): Promise<BaseModel> {
  let config: Record<string, unknown>;
  try {
    config = JSON.parse(await readFile(adapterConfig, 'utf8')) as Record<string, unknown>;
  } catch (cause) {
    throw new UsageError(`expected JSON at ${adapterConfig}: ${(cause as Error).message}`, { cause });
  }
  const { base_model_name_or_path: name, revision } = config;
  if (typeof name !== 'string' || name === '') {
    throw new UsageError(`expected base_model_name_or_path in ${adapterConfig}: the model that the adapter belongs to`);
  }
  return { name, revision: typeof revision === 'string' ? revision : undefined };
}

async function loadBase(found: string, base: BaseModel, pretrained: PretrainedConfig): Promise<Policy> {
  const tokenizer = await readModelTokenizer(found);
  const isOwn = SegmentCodec.fits(tokenizer.tokenizer);
  const templateText =
    pretrained.chatTemplate === undefined ? tokenizer.chatTemplate : await readTemplate(pretrained.chatTemplate);
  if (templateText === undefined && !isOwn) {
    throw new UsageError(
      `expected a chat template at ${found}, found none: give one with pretrained.chatTemplate (--pretrained.chat-template FILE)`,
    );
  }
  const { decoder, files } = await loadModel(found);
  if (isOwn || templateText === undefined) return Policy.own(decoder, tokenizer.json as TokenizerJson, base);
  return new Policy(decoder, tokenizer.tokenizer, base, {
    kind: 'pretrained',
    files,
    tokenizer,
    toolCallFormat: pretrained.toolCallFormat ?? formatOfTemplate(templateText),
    template: new ChatTemplate(templateText),
    instructions: pretrained.instructions,
  });
}

async function readTemplate(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`expected a chat template at ${file}: ${(cause as Error).message}`, { cause });
  }
}

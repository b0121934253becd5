import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import {
  type Decoder,
  loadAdapter,
  loadDecoder,
  loadOptimizer,
  saveAdapter,
  saveDecoder,
  saveOptimizer,
  writeAtomically,
} from '@parl-mt/policy';
import { UsageError } from '@parl-mt/schema';
import { readVariable, type tf, writeVariable } from '@parl-mt/tfjs-backend';
import type { WeightUpdater } from './weight-updater.js';

/** Where a trainer stands: JSON-shaped, `kind` names the trainer. */
export interface TrainerState {
  readonly kind: string;
  updates: number;
}

/**
 * Checkpoints of one trainer: `update-000040/` holds weights (or the adapter that is trained in their place), optimizer moments and the trainer's position. Every random
 * draw derives from seed and position, so a resumed run ends in the same weights as one that was not interrupted.
 */
export class TrainerCheckpoints {
  readonly #folder: string | undefined;
  readonly #decoder: Decoder;
  readonly #updater: WeightUpdater;

  /** @param folder - receives the checkpoints; undefined: none are written or read. */
  constructor(folder: string | undefined, decoder: Decoder, updater: WeightUpdater) {
    this.#folder = folder;
    this.#decoder = decoder;
    this.#updater = updater;
  }

  /**
   * Takes over the newest checkpoint, if there is one.
   *
   * @returns its state, or `initial`.
   * @throws {UsageError} when it is another trainer's, or its files cannot be read.
   */
  async resume<State extends TrainerState>(initial: State): Promise<State> {
    const newest = this.#folder === undefined ? undefined : await latestCheckpoint(this.#folder);
    if (newest === undefined) return initial;
    const state = await readState(newest, initial);
    await this.#restoreWeights(newest);
    await loadOptimizer(path.join(newest, OPTIMIZER_FILE), this.#updater.optimizer);
    return state;
  }

  async #restoreWeights(checkpoint: string): Promise<void> {
    const { adapter, architecture } = this.#decoder;
    if (adapter === undefined) {
      const saved = await loadDecoder(checkpoint);
      overwrite(this.#decoder.trainable, saved.trainable, checkpoint);
      saved.dispose();
    } else {
      const saved = await loadAdapter(checkpoint, architecture);
      overwrite(adapter.variables, saved.variables, checkpoint);
      saved.dispose();
    }
  }

  /** Writes a checkpoint whole or not at all, and removes older ones. */
  async save(state: TrainerState): Promise<void> {
    if (this.#folder === undefined) return;
    const name = `update-${String(state.updates).padStart(6, '0')}`;
    const temporary = path.join(this.#folder, `${name}.tmp`);
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    const { adapter } = this.#decoder;
    if (adapter === undefined) await saveDecoder(temporary, this.#decoder);
    else await saveAdapter(temporary, adapter, 'the model that training started from');
    await saveOptimizer(path.join(temporary, OPTIMIZER_FILE), this.#updater.optimizer);
    await writeAtomically(path.join(temporary, STATE_FILE), [`${JSON.stringify(state, null, 2)}\n`]);
    await rm(path.join(this.#folder, name), { recursive: true, force: true });
    await rename(temporary, path.join(this.#folder, name));
    for (const older of await checkpointNames(this.#folder)) {
      if (older < name) await rm(path.join(this.#folder, older), { recursive: true, force: true });
    }
  }
}

/** @throws {UsageError} when a variable has no saved one of its shape. */
function overwrite(
  variables: ReadonlyMap<string, tf.Variable>,
  saved: ReadonlyMap<string, tf.Variable>,
  checkpoint: string,
): void {
  for (const [name, variable] of variables) {
    const found = saved.get(name);
    if (found?.shape.join() !== variable.shape.join()) {
      throw new UsageError(
        `expected ${name} of shape [${variable.shape.join(', ')}] in the checkpoint at ${checkpoint}, received ` +
          `${found === undefined ? 'none' : `[${found.shape.join(', ')}]`}: it belongs to another model or adapter`,
      );
    }
  }
  for (const [name, variable] of variables) writeVariable(variable, readVariable(saved.get(name)!));
}

/** The newest complete checkpoint below `folder`, or undefined. */
export async function latestCheckpoint(folder: string): Promise<string | undefined> {
  const newest = (await checkpointNames(folder)).at(-1);
  return newest === undefined ? undefined : path.join(folder, newest);
}

const STATE_FILE = 'trainer.json';
const OPTIMIZER_FILE = 'optimizer.safetensors';

async function checkpointNames(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  return (await readdir(folder)).filter((name) => /^update-\d{6,}$/.test(name)).sort();
}

async function readState<State extends TrainerState>(checkpoint: string, initial: State): Promise<State> {
  const file = path.join(checkpoint, STATE_FILE);
  let state: unknown;
  try {
    state = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new UsageError(`expected a checkpoint with a readable ${file}: ${(cause as Error).message}`, { cause });
  }
  const received = state as Partial<State> | null;
  if (received?.kind !== initial.kind) {
    throw new UsageError(
      `expected a checkpoint of trainer ${initial.kind} at ${checkpoint}, received ${received?.kind ?? 'none'}`,
    );
  }
  for (const [key, value] of Object.entries(initial)) {
    if (typeof received[key as keyof State] !== typeof value) {
      throw new UsageError(
        `expected ${key} in ${file} to be a ${typeof value}, received ${String(received[key as keyof State])}`,
      );
    }
  }
  return state as State;
}

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { readTensors, type StoredTensor } from '../safetensors.js';

/** The folder `fixtures/models` of the data folder; its README defines every file. */
export class ModelFixtures {
  readonly folder: string;

  constructor(data: string) {
    this.folder = path.join(data, 'fixtures/models');
  }

  /** Full path of a file, given with slashes below `fixtures/models`. */
  path(file: string): string {
    return path.join(this.folder, file);
  }

  has(file: string): boolean {
    return existsSync(this.path(file));
  }

  /** Names in a folder, sorted; none where it is absent. */
  list(folder: string): readonly string[] {
    return this.has(folder) ? readdirSync(this.path(folder)).sort() : [];
  }

  /** Names of the folders in a folder, sorted. */
  folders(folder: string): readonly string[] {
    return this.list(folder).filter((name) => statSync(this.path(path.join(folder, name))).isDirectory());
  }

  /** Every file, below the folder, with slashes. */
  files(folder = ''): readonly string[] {
    return this.list(folder).flatMap((name) => {
      const file = folder === '' ? name : `${folder}/${name}`;
      return statSync(this.path(file)).isDirectory() ? this.files(file) : [file];
    });
  }

  text(file: string): string {
    return readFileSync(this.path(file), 'utf8');
  }

  json<T>(file: string): T {
    return JSON.parse(this.text(file)) as T;
  }

  /** The lines of a JSONL file. */
  lines<T>(file: string): readonly T[] {
    const text = this.text(file).trimEnd();
    return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as T);
  }

  /** The tensors of a safetensors file of expected values. */
  tensors(file: string): ReadonlyMap<string, StoredTensor> {
    return readTensors(readFileSync(this.path(file)));
  }
}

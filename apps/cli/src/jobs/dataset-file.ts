import { statSync } from 'node:fs';
import path from 'node:path';

/** The records of a split in a folder that "pag build" wrote; a file is taken as it is. */
export function datasetFile(dataset: string, split: 'train' | 'validation'): string {
  return statSync(dataset).isDirectory() ? path.join(dataset, 'dataset', `${split}.jsonl`) : dataset;
}

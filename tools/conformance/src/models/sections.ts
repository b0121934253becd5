import { checkpoints } from './checkpoints.js';
import { gguf } from './gguf.js';
import { lora } from './lora.js';
import { sampling } from './sampling.js';
import type { ModelSection } from './section.js';
import { smollm2 } from './smollm2.js';
import { templates } from './templates.js';
import { tokenizers } from './tokenizers.js';

/** Every section, in the order of the table. */
export const modelSections: readonly ModelSection[] = [
  checkpoints,
  lora,
  gguf,
  smollm2,
  tokenizers,
  templates,
  sampling,
];

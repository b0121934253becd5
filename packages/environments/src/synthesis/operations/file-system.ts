import { changeOperations } from './file-system-changes.js';
import { placeOperations } from './file-system-places.js';
import { queryOperations } from './file-system-queries.js';
import type { Operation } from './operation.js';

/** Operations on GorillaFileSystem: all 18 methods. */
export const fileSystemOperations: readonly Operation[] = [
  ...placeOperations,
  ...queryOperations,
  ...changeOperations,
].map(({ name, methods, uses = [], weight, run }) => ({
  name,
  className: 'GorillaFileSystem',
  methods,
  uses,
  weight: (draft) => (draft.scenario.files === undefined ? 0 : weight(draft, draft.scenario.files)),
  run: (draft) => (draft.scenario.files === undefined ? undefined : run(draft, draft.scenario.files)),
}));

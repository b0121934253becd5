import { UsageError } from '@parl-mt/schema';
import { pyJson } from '../bfcl/python/render.js';
import { PyDict, PyTuple, type PyValue, pyEllipsis } from '../bfcl/python/value.js';
import { moduleLiterals } from './python-module.js';
import type { SourceTree } from './source-tree.js';

/** Path in the data folder to content. */
export type DataFiles = ReadonlyMap<string, Buffer>;

/** Where the package's root may lie: unpacked wheel, Gorilla repository, its leaderboard folder. */
const PACKAGE_ROOTS = ['', 'berkeley-function-call-leaderboard/'];
const LONG_CONTEXT_MODULE = 'eval_checker/multi_turn_eval/func_source_code/long_context.py';
const TASK_FILE = /^BFCL_v\d+_multi_turn_\w+\.json$/;

/**
 * The multi-turn files of the official data: tasks, answers, function documents, and the texts of the long-context
 * categories, which the package holds as Python literals.
 *
 * @param tree - an unpacked or packed wheel of bfcl-eval, a checkout of the Gorilla repository, the folder
 *   `bfcl_eval/data`, or a folder that was laid out before.
 * @throws {UsageError} where none of these is there.
 */
export function bfclFiles(tree: SourceTree): DataFiles {
  const packageFolder = PACKAGE_ROOTS.map((root) => `${root}bfcl_eval/`).find(
    (root) => taskFiles(tree, `${root}data`).length > 0,
  );
  const dataFolder =
    packageFolder === undefined
      ? ['bfcl/data', 'data', '.'].find((folder) => taskFiles(tree, folder).length > 0)
      : `${packageFolder}data`;
  const tasks = dataFolder === undefined ? [] : taskFiles(tree, dataFolder);
  if (dataFolder === undefined || tasks.length === 0) {
    throw new UsageError(
      `expected BFCL data in ${tree.name}: bfcl_eval/data of the bfcl-eval package or of the Gorilla repository, or a folder with BFCL_v4_multi_turn_*.json`,
    );
  }
  const files = new Map<string, Buffer>();
  const copy = (path: string) => files.set(`data/${path}`, tree.read(join(dataFolder, path)));
  for (const file of tasks) {
    copy(file);
    copy(`possible_answer/${file}`);
  }
  for (const file of tree.list(join(dataFolder, 'multi_turn_func_doc'))) copy(`multi_turn_func_doc/${file}`);
  const longContext = longContextText(tree, packageFolder, dataFolder);
  if (longContext !== undefined) files.set('long_context_data.json', longContext);
  return files;
}

function taskFiles(tree: SourceTree, folder: string): string[] {
  return tree.list(folder).filter((name) => TASK_FILE.test(name));
}

/** `a/b`, where `.` is the root. */
function join(folder: string, path: string): string {
  return folder === '.' ? path : `${folder}/${path}`;
}

function longContextText(tree: SourceTree, packageFolder: string | undefined, dataFolder: string): Buffer | undefined {
  if (packageFolder !== undefined && tree.has(packageFolder + LONG_CONTEXT_MODULE)) {
    const literals = moduleLiterals(tree.read(packageFolder + LONG_CONTEXT_MODULE).toString('utf8'));
    const constants = new PyDict(Array.from(literals, ([name, value]) => [name, withoutEllipsis(value)] as const));
    return Buffer.from(`${pyJson(constants)}\n`, 'utf8');
  }
  const beside = [join(dataFolder, 'long_context_data.json'), 'long_context_data.json', 'bfcl/long_context_data.json'];
  const path = beside.find((candidate) => tree.has(candidate));
  return path === undefined ? undefined : tree.read(path);
}

/** JSON has no Ellipsis: it is written as `{"__ellipsis__": true}`, which the loader reads back. */
function withoutEllipsis(value: PyValue): PyValue {
  if (value === pyEllipsis) return PyDict.of({ __ellipsis__: true });
  if (Array.isArray(value)) return value.map(withoutEllipsis);
  if (value instanceof PyTuple) return value.items.map(withoutEllipsis);
  if (!(value instanceof PyDict)) return value;
  return new PyDict(Array.from(value.entries(), ([key, item]) => [key, withoutEllipsis(item)] as const));
}

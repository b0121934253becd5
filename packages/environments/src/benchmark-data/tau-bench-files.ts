import { gunzipSync } from 'node:zlib';
import { ConfigError, UsageError } from '@parl-mt/schema';
import { pyJson } from '../bfcl/python/render.js';
import { PyDict, type PyValue } from '../bfcl/python/value.js';
import { type TauDomain, tauDomain, tauDomainNames } from '../tau-bench/domain.js';
import type { DataFiles } from './bfcl-files.js';
import { listedNames, moduleLiterals, returnedLiteral } from './python-module.js';
import type { SourceTree } from './source-tree.js';

const RECORD_CLASSES = new Set(['Task', 'Action']);

/**
 * The data of both domains: databases as they are; tasks, function schemas and rules, which the repository holds as Python
 * literals, as JSON.
 *
 * @param tree - a checkout or archive of the tau-bench repository, or a folder that was laid out before.
 * @throws {UsageError} where neither is there; {ConfigError} for modules that do not have the official shape.
 */
export function tauBenchFiles(tree: SourceTree): DataFiles {
  const isRepository = tree.has('tau_bench/envs/retail/tools/__init__.py');
  const root = ['', 'tau-bench/'].find((prefix) => tree.has(`${prefix}retail/tools.json`));
  if (!isRepository && root === undefined) {
    throw new UsageError(
      `expected tau-bench data in ${tree.name}: the repository with tau_bench/envs, or a folder with retail/tools.json`,
    );
  }
  const files = new Map<string, Buffer>();
  for (const name of tauDomainNames) {
    const domain = tauDomain(name);
    const found = isRepository ? convert(tree, domain) : copy(tree, `${root}${name}`, domain);
    for (const [path, content] of found) files.set(`${name}/${path}`, content);
  }
  return files;
}

function copy(tree: SourceTree, folder: string, domain: TauDomain): DataFiles {
  const files = new Map<string, Buffer>();
  const read = (path: string) =>
    tree.has(`${folder}/${path}.gz`) ? gunzipSync(tree.read(`${folder}/${path}.gz`)) : tree.read(`${folder}/${path}`);
  for (const path of ['wiki.md', 'rules.json', 'tools.json', ...domain.tables.map((table) => `${table}.json`)]) {
    files.set(path, read(path));
  }
  for (const split of domain.splits) {
    const path = `tasks_${split}.json`;
    if (tree.has(`${folder}/${path}`) || tree.has(`${folder}/${path}.gz`)) files.set(path, read(path));
  }
  return files;
}

function convert(tree: SourceTree, domain: TauDomain): DataFiles {
  const folder = `tau_bench/envs/${domain.name}`;
  const module = (path: string) => tree.read(`${folder}/${path}`).toString('utf8');
  const files = new Map<string, Buffer>();
  for (const table of domain.tables) files.set(`${table}.json`, tree.read(`${folder}/data/${table}.json`));
  files.set('wiki.md', tree.read(`${folder}/wiki.md`));
  files.set('rules.json', jsonFile(literalNamed(module('rules.py'), /^rules$/i, `${folder}/rules.py`)));
  files.set('tools.json', jsonFile(convertTools(module, folder)));
  for (const split of domain.splits) {
    const path = `tasks_${split}.py`;
    if (!tree.has(`${folder}/${path}`)) continue;
    const where = `${folder}/${path}`;
    files.set(`tasks_${split}.json`, jsonFile(convertTasks(literalNamed(module(path), /^TASKS/, where), where)));
  }
  return files;
}

/** The list that a module assigns to a name. */
function literalNamed(source: string, name: RegExp, where: string): PyValue[] {
  for (const [found, value] of moduleLiterals(source, RECORD_CLASSES)) {
    if (name.test(found) && Array.isArray(value)) return value;
  }
  throw new ConfigError(`${where}: expected a list of literals assigned to a name like ${name.source}`);
}

/** `{user_id, instruction, actions: [{name, kwargs}], outputs}` of each task; further fields are left out. */
function convertTasks(tasks: readonly PyValue[], where: string): PyValue {
  return tasks.map((task, index) => {
    const field = (key: string): PyValue => {
      const value = task instanceof PyDict ? task.get(key) : undefined;
      if (value === undefined) throw new ConfigError(`${where}: expected task ${index} to have ${key}`);
      return value;
    };
    return new PyDict(['user_id', 'instruction', 'actions', 'outputs'].map((key) => [key, field(key)] as const));
  });
}

/** What each tool's `get_info` returns, in the order of `ALL_TOOLS`. */
function convertTools(module: (path: string) => string, folder: string): PyValue {
  const list = module('tools/__init__.py');
  const modules = new Map(
    Array.from(list.matchAll(/^from \.(\w+) import (\w+)[ \t]*$/gm), ([, file, name]) => [name, file] as const),
  );
  return listedNames(list, 'ALL_TOOLS', `${folder}/tools/__init__.py`).map((name) => {
    const file = modules.get(name);
    if (file === undefined) throw new ConfigError(`${folder}/tools/__init__.py: expected an import of ${name}`);
    return returnedLiteral(module(`tools/${file}.py`), 'get_info', `${folder}/tools/${file}.py`);
  });
}

function jsonFile(value: PyValue): Buffer {
  return Buffer.from(`${pyJson(value)}\n`, 'utf8');
}

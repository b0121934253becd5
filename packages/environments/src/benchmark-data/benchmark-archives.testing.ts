import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readJson } from '../bfcl/python/json-reader.js';
import { pyRepr } from '../bfcl/python/render.js';
import type { PyDict, PyValue } from '../bfcl/python/value.js';
import { tauDomainNames } from '../tau-bench/domain.js';
import { loadTauWorld } from '../tau-bench/load-world.js';
import { zipOf } from './zip.testing.js';

/** A wheel with one task of one category, and constants of the long-context module. */
export function wheel(answer = 'ls()'): Buffer {
  const task = {
    id: 'multi_turn_base_0',
    question: [[{ role: 'user', content: 'List the files.' }]],
    initial_config: { GorillaFileSystem: {} },
    involved_classes: ['GorillaFileSystem'],
  };
  const document = { name: 'ls', description: 'Lists.', parameters: { type: 'dict', properties: {}, required: [] } };
  return zipOf(
    new Map([
      ['bfcl_eval/data/BFCL_v4_multi_turn_base.json', `${JSON.stringify(task)}\n`],
      ['bfcl_eval/data/BFCL_v4_simple_python.json', '{}\n'],
      [
        'bfcl_eval/data/possible_answer/BFCL_v4_multi_turn_base.json',
        `${JSON.stringify({ id: task.id, ground_truth: [[answer]] })}\n`,
      ],
      ['bfcl_eval/data/multi_turn_func_doc/gorilla_file_system.json', `${JSON.stringify(document)}\n`],
      ['bfcl_eval-9.9-py3.dist-info/METADATA', 'Name: bfcl-eval'],
    ]),
  );
}

/** The tiny world as the official repository writes such data: Python modules under one top folder. */
export function repositoryOf(worldPath: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const domain of tauDomainNames) {
    const folder = `tau-bench-abc/tau_bench/envs/${domain}`;
    const text = (file: string) => readFileSync(join(worldPath, domain, file), 'utf8');
    const value = (file: string): PyValue => readJson(text(file));
    const world = loadTauWorld(worldPath, domain);
    for (const table of world.domain.tables) files.set(`${folder}/data/${table}.json`, text(`${table}.json`));
    files.set(`${folder}/wiki.md`, text('wiki.md'));
    files.set(`${folder}/rules.py`, `# Copyright\n\nRULES = ${pyRepr(value('rules.json'))}\n`);
    const tasks = (value('tasks_test.json') as PyDict[]).map(
      (task) => `    Task(
        annotator="0",
        user_id=${pyRepr(task.get('user_id') as PyValue)},
        instruction=${pyRepr(task.get('instruction') as PyValue)},
        actions=[
${(task.get('actions') as PyDict[])
  .map(
    (action) =>
      `            Action(name=${pyRepr(action.get('name') as PyValue)}, kwargs=${pyRepr(action.get('kwargs') as PyValue)}),`,
  )
  .join('\n')}
        ],
        outputs=${pyRepr(task.get('outputs') as PyValue)},
    ),`,
    );
    files.set(
      `${folder}/tasks_test.py`,
      `from tau_bench.types import Task, Action\n\nTASKS_TEST = [\n${tasks.join('\n')}\n]\n`,
    );
    const tools = value('tools.json') as PyDict[];
    const names = tools.map((tool) => (tool.get('function') as PyDict).get('name') as string);
    const className = (name: string) => name.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
    files.set(
      `${folder}/tools/__init__.py`,
      `${names.map((name) => `from .${name} import ${className(name)}`).join('\n')}\n\n\nALL_TOOLS = [\n${names.map((name) => `    ${className(name)},`).join('\n')}\n]\n`,
    );
    for (const [position, tool] of tools.entries()) {
      files.set(
        `${folder}/tools/${names[position]}.py`,
        `class X(Tool):\n    @staticmethod\n    def invoke(data) -> str:\n        return {}\n\n    @staticmethod\n    def get_info() -> Dict[str, Any]:\n        return ${pyRepr(tool)}\n`,
      );
    }
  }
  return files;
}

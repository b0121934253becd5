import type { Task } from '@parl-mt/schema';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { TaskCatalog, TaskSplit } from '../task-catalog.js';
import { BodyError, parseBody } from './messages.js';
import { RequestError } from './request-error.js';

const splitSchema = z.strictObject({ split: z.string() });
const taskSchema = z.strictObject({ split: z.string(), index: z.int() });
const rangeSchema = z.strictObject({ split: z.string(), start: z.int().nullish(), stop: z.int().nullish() });

type NamedRequest = FastifyRequest<{ Params: { name: string } }>;

/**
 * OpenEnv's task listing. A task is shown as what reset takes and how it begins, not with its ground truth.
 *
 * @param bodyOf - the parsed body of a request.
 */
export function addTaskRoutes(
  app: FastifyInstance,
  catalog: TaskCatalog,
  bodyOf: (request: FastifyRequest) => unknown,
): void {
  const checkName = ({ params: { name } }: NamedRequest) => {
    if (name.toLowerCase() !== catalog.name) {
      throw new RequestError(404, `unknown environment ${JSON.stringify(name.slice(0, 200))}`);
    }
  };
  const splitOf = (name: string): TaskSplit => {
    const split = catalog.splits.find((candidate) => candidate.name === name);
    if (split !== undefined) return split;
    const expected = catalog.splits.map((candidate) => candidate.name).join(', ');
    throw new BodyError([{ type: 'enum', loc: ['body', 'split'], msg: `expected a split of ${expected}` }]);
  };
  app.get('/list_environments', async () => [catalog.name]);
  app.get('/:name/splits', async (request: NamedRequest) => {
    checkName(request);
    return catalog.splits.map(({ name, type }) => ({ name, type }));
  });
  app.post('/:name/tasks', async (request: NamedRequest) => {
    checkName(request);
    const { tasks } = splitOf(parseBody(splitSchema, bodyOf(request), ['body']).split);
    return { tasks: tasks.map(shown), env_name: catalog.name };
  });
  app.post('/:name/num_tasks', async (request: NamedRequest) => {
    checkName(request);
    return { num_tasks: splitOf(parseBody(splitSchema, bodyOf(request), ['body']).split).tasks.length };
  });
  app.post('/:name/task', async (request: NamedRequest) => {
    checkName(request);
    const { split, index } = parseBody(taskSchema, bodyOf(request), ['body']);
    // As a Python list: -1 is the last one.
    const task = splitOf(split).tasks.at(index);
    if (task === undefined) throw new RequestError(400, 'Invalid task index');
    return { task: shown(task) };
  });
  app.post('/:name/task_range', async (request: NamedRequest) => {
    checkName(request);
    const { split, start, stop } = parseBody(rangeSchema, bodyOf(request), ['body']);
    return {
      tasks: splitOf(split)
        .tasks.slice(start ?? 0, stop ?? undefined)
        .map(shown),
    };
  });
}

function shown({ id, environment, category, turns }: Task): object {
  // What tau-bench's tasks open with is for its user alone.
  if (environment === 'tau-bench') return { task_id: id, category, turns: null, messages: [] };
  return { task_id: id, category, turns: turns.length, messages: turns[0]?.messages ?? [] };
}

import { realpathSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import { inputPaths, parseHubName, type RunRequest, runConfigJsonSchema } from '@parl-mt/schema';
import { ApiError } from './api-error.js';

/**
 * Resolves the input paths of a request: relative ones start from the data folder, so `runs/ID` is the output of an
 * earlier run. Each must exist below one of the roots, symbolic links followed first; a model may be a name of the hub.
 *
 * @param roots - existing folders; the first is the data folder.
 * @returns the configuration with absolute paths.
 * @throws {ApiError} 400 with one problem per path.
 */
export function resolveInputPaths(request: RunRequest, roots: readonly string[]): Record<string, unknown> {
  const config = structuredClone(request.config) as Record<string, unknown>;
  const realRoots = roots.map((root) => realpathSync(root));
  const problems = inputPaths(runConfigJsonSchema(request.kind), config).flatMap(({ path, value, kind }) => {
    const found = realPathOf(resolve(realRoots[0]!, value));
    // A model of the hub: the run finds it in the cache, or downloads it.
    if (found === undefined && kind === 'model' && parseHubName(value) !== undefined) return [];
    if (found === undefined || !realRoots.some((root) => found === root || found.startsWith(root + sep))) {
      const message = `expected an existing path below the data folder or an input root, received ${value}`;
      return [{ path: ['config', ...path].join('.'), message }];
    }
    let section = config;
    for (const key of path.slice(0, -1)) {
      section = section[key] as Record<string, unknown>;
    }
    section[path.at(-1)!] = found;
    return [];
  });
  if (problems.length > 0) {
    throw new ApiError(
      400,
      'INPUT_PATH',
      problems.map(({ path, message }) => `${path}: ${message}`).join('; '),
      problems,
    );
  }
  return config;
}

function realPathOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    // Missing, unreadable or malformed (a NUL byte): one answer, so that it tells nothing about the file system.
    return undefined;
  }
}

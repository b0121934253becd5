import type { SharedDefaults } from '../api-class.js';
import { InstanceSet } from '../instance-set.js';
import { readJson } from '../python/json-reader.js';
import { PyDict } from '../python/value.js';
import { apiClass } from '../registry.js';

/** Instances for tests: the classes by name, a scenario as JSON text. Runs call texts and gives result texts. */
export function instancesOf(classNames: readonly string[], scenario = '{}', shared: SharedDefaults = new Map()) {
  const config = readJson(scenario);
  const instances = new InstanceSet({
    classes: classNames.map((name) => {
      const api = apiClass(name);
      if (api === undefined) throw new Error(`no class ${name}`);
      return api;
    }),
    config: config instanceof PyDict ? config : new PyDict(),
    namePrefix: 'test',
    context: { longContext: undefined },
    shared,
  });
  return { instances, run: (callText: string) => instances.execute(callText).text };
}

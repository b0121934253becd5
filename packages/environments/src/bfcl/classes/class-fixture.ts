import { InstanceSet } from '../instance-set.js';
import type { LongContextData } from '../long-context.js';
import { ProcessObjects } from '../process-objects.js';
import { readJson } from '../python/json-reader.js';
import { PyDict, pyEllipsis } from '../python/value.js';
import { apiClass } from '../registry.js';

export interface FixtureOptions {
  readonly process?: ProcessObjects;
  readonly longContext?: LongContextData;
}

/** Instances for tests: the classes by name, a scenario as JSON text. Runs call texts and gives result texts. */
export function instancesOf(
  classNames: readonly string[],
  scenario = '{}',
  { process = new ProcessObjects(), longContext }: FixtureOptions = {},
) {
  const config = readJson(scenario);
  const instances = new InstanceSet({
    classes: classNames.map((name) => {
      const api = apiClass(name);
      if (api === undefined) throw new Error(`no class ${name}`);
      return api;
    }),
    config: config instanceof PyDict ? config : new PyDict(),
    namePrefix: 'test',
    context: { longContext, process, today: () => ({ year: 2025, month: 6, day: 15 }) },
  });
  return { instances, run: (callText: string) => instances.execute(callText).text };
}

/** A long context with one short item of each kind. */
export const LONG_CONTEXT: LongContextData = {
  fileExtension: ' and more',
  untouchedFiles: new Set(),
  populatedFiles: ['extra.txt'],
  watchList: ['LONG', pyEllipsis],
  transactionHistory: [PyDict.of({ type: 'deposit', amount: 1.5, timestamp: '2020-01-01 00:00:00.5' })],
  movingAverage5: [5.5],
  movingAverage20: [20.5],
  technologyStocks: ['TECH'],
  automobileStocks: ['AUTO'],
  orderDetails: PyDict.of({ overview: 'All about {symbol}, {symbol}.' }),
  creditCards: PyDict.of({ card_1: PyDict.of({ card_number: '1', balance: 500 }) }),
  bookings: PyDict.of({ booking_1: PyDict.of({ card_id: 'card_1', travel_cost: 100 }) }),
  weather: PyDict.of({ tomorrow: PyDict.of({ humidity: 75 }) }),
  carStatus: 'a car',
  parkingBrakeInstruction: 'pull',
  intermediaryCities: ['Midway'],
};

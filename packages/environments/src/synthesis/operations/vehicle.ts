import type { Entity } from '../entities.js';
import { joinWords } from '../phrasing.js';
import { DOORS, type VehicleModel } from '../service-scenarios.js';
import type { Spoken, TurnDraft } from '../turn-draft.js';
import { newAddress } from '../vocabulary.js';
import { chooseText, familiarity } from './content.js';
import type { Operation } from './operation.js';
import {
  callerOf,
  chooseNumber,
  impliedFlag,
  impliedText,
  latestResult,
  numberIn,
  type ServiceOperation,
  serviceOperations,
  statedNumber,
} from './service-operation.js';
import { vehiclePhrasings as phrasings } from './vehicle-phrasings.js';
import { changing, fieldOf, spokenArgument, spokenNumber, statedText, unchanged, word } from './wording.js';

const call = callerOf('VehicleControlAPI');

const TANK = 50;
/** City, zip code; and pairs of them with a known distance. */
const CITIES = [
  ['Rivermist', '83214'],
  ['Stonebrook', '74532'],
  ['San Francisco', '94016'],
  ['Silverpine', '62947'],
  ['Oakendale', '47329'],
  ['Willowbend', '52013'],
  ['Maplecrest', '56108'],
] as const;
const PAIRS = [
  ['83214', '74532'],
  ['94016', '83214'],
  ['94016', '62947'],
  ['74532', '94016'],
  ['47329', '52013'],
  ['62947', '47329'],
  ['56108', '62947'],
] as const;
const PARTS = ['fuel', 'battery', 'doors', 'climate', 'headlights', 'parking brake', 'brake pedal', 'engine'] as const;
const OPTIONS: Readonly<Record<string, string>> = { 'parking brake': 'parkingBrake', 'brake pedal': 'brakePedal' };

const operations: readonly ServiceOperation<VehicleModel>[] = [
  {
    name: 'lock-doors',
    methods: ['lockDoors'],
    weight: (_draft, model) => (model.unlocked.size > 0 ? 2.2 : 0),
    run(draft, model) {
      const open = DOORS.filter((door) => model.unlocked.has(door));
      const all = draft.random.chance(0.6);
      const doors = all ? [...DOORS] : draft.random.sample(open, draft.random.integer(1, open.length));
      const words = all ? draft.random.pick(['all doors', 'all four doors']) : doorWords(doors);
      const action = draft.random.pick(['lock', 'lock up']);
      call(draft, 'lockDoors', doorArguments(draft, false, 'lock', doors, words), changing);
      for (const door of doors) model.unlocked.delete(door);
      return { text: word(draft, phrasings.doors, { action, doors: words }), message: 'The doors are locked.' };
    },
  },
  {
    name: 'unlock-doors',
    methods: ['lockDoors'],
    weight: (_draft, model) => (model.unlocked.size < DOORS.length && !model.isRunning ? 0.7 : 0),
    run(draft, model) {
      const locked = DOORS.filter((door) => !model.unlocked.has(door));
      const doors = draft.random.sample(locked, draft.random.integer(1, locked.length));
      const words = doorWords(doors);
      call(draft, 'lockDoors', doorArguments(draft, true, 'unlock', doors, words), changing);
      for (const door of doors) model.unlocked.add(door);
      return {
        text: word(draft, phrasings.doors, { action: 'unlock', doors: words }),
        message: 'The doors are unlocked.',
      };
    },
  },
  {
    name: 'press-brake',
    methods: ['pressBrakePedal'],
    weight: (_draft, model) => (model.isRunning ? 0.6 : 1.6),
    run(draft, model) {
      const isFull = draft.random.chance(0.75);
      const position = isFull ? 1 : draft.random.integer(2, 9) / 10;
      if (position === model.brake) return undefined;
      const amount = isFull ? 'all the way' : `${position}`;
      const argument = isFull
        ? { name: 'pedalPosition', value: { number: '1.0' }, provenance: draft.stated(amount) }
        : statedNumber(draft, 'pedalPosition', `${position}`);
      call(draft, 'pressBrakePedal', [argument], changing);
      model.brake = position;
      const text = isFull ? word(draft, phrasings.brakeFully, {}) : word(draft, phrasings.brakeTo, { amount });
      return { text, message: 'The brake pedal is pressed.' };
    },
  },
  {
    name: 'release-brake',
    methods: ['releaseBrakePedal'],
    weight: (_draft, model) => (model.brake > 0 ? 0.8 : 0),
    run(draft, model) {
      call(draft, 'releaseBrakePedal', [], changing);
      model.brake = 0;
      return { text: word(draft, phrasings.releaseBrake), message: 'The brake pedal is released.' };
    },
  },
  {
    name: 'start-engine',
    methods: ['startEngine'],
    weight: (_draft, model) => (model.unlocked.size === 0 && model.brake === 1 && !model.isRunning ? 6 : 0),
    run(draft, model) {
      call(draft, 'startEngine', [impliedText(draft, 'ignitionMode', 'START', 'start')], changing);
      model.isRunning = true;
      return { text: word(draft, phrasings.start), message: 'The engine is running.' };
    },
  },
  {
    name: 'fill-tank',
    methods: ['fillFuelTank'],
    uses: ['value'],
    weight: (_draft, model) => (model.fuel < TANK - 5 ? 1.5 : 0),
    run(draft, model) {
      const fits = (value: number) => value > 0 && model.fuel + value <= TANK;
      const amount = chooseNumber(draft, fits, () => `${draft.random.integer(1, Math.floor(TANK - model.fuel))}`, 0.7);
      if (!fits(Number(amount.literal))) return undefined;
      call(draft, 'fillFuelTank', [spokenNumber('fuelAmount', amount)], changing);
      model.fuel += Number(amount.literal);
      return { text: word(draft, phrasings.fill, { amount: amount.phrase }), message: 'The tank is filled.' };
    },
  },
  {
    name: 'climate',
    methods: ['adjustClimateControl'],
    weight: () => 1.1,
    run(draft, model) {
      const { random } = draft;
      const degrees = `${random.integer(16, 29)}`;
      const args = [statedNumber(draft, 'temperature', degrees)];
      const extras: string[] = [];
      if (random.chance(0.5)) {
        const speed = `${random.integer(1, 10) * 10}`;
        args.push(statedNumber(draft, 'fanSpeed', speed));
        extras.push(random.pick([` with the fan at ${speed}`, ` and the fan speed to ${speed}`]));
      }
      if (random.chance(0.4)) {
        const mode = random.pick(['cool', 'heat', 'defrost']);
        args.push(impliedText(draft, 'mode', mode, mode));
        extras.push(random.pick([` in ${mode} mode`, `, mode ${mode}`]));
      }
      const key = JSON.stringify(args.map(({ value }) => value));
      if (key === model.climate) return undefined;
      call(draft, 'adjustClimateControl', args, changing);
      model.climate = key;
      const text = word(draft, phrasings.climate, { degrees, extras: extras.join('') });
      return { text, message: 'The climate control is set.' };
    },
  },
  {
    name: 'outside-temperature',
    methods: ['get_outside_temperature_from_google'],
    weight: () => 0.3,
    run(draft) {
      const answers = (_: unknown, content: string) => [numberIn(content, 'outsideTemperature')];
      // Each reading draws the next number of the car's generator.
      call(draft, 'get_outside_temperature_from_google', [], { changes: true, answers });
      return { text: word(draft, phrasings.outside), message: 'I looked up the temperature outside.' };
    },
  },
  {
    name: 'current-speed',
    methods: ['get_current_speed'],
    weight: (_draft, model) => (model.isRunning ? 0.4 : 0.1),
    run(draft) {
      const answers = (_: unknown, content: string) => [numberIn(content, 'currentSpeed')];
      call(draft, 'get_current_speed', [], { changes: true, answers });
      return { text: word(draft, phrasings.speed), message: 'I checked the speed.' };
    },
  },
  {
    name: 'headlights',
    methods: ['setHeadlights'],
    weight: () => 0.9,
    run(draft, model) {
      const mode = model.headlights === 'on' ? 'off' : 'on';
      call(draft, 'setHeadlights', [impliedText(draft, 'mode', mode, mode)], changing);
      model.headlights = mode;
      return { text: word(draft, phrasings.headlights, { mode }), message: `The headlights are ${mode}.` };
    },
  },
  {
    name: 'car-status',
    methods: ['displayCarStatus'],
    weight: () => 1,
    run(draft) {
      const part = draft.random.pick(PARTS);
      const option = OPTIONS[part] ?? part;
      call(draft, 'displayCarStatus', [impliedText(draft, 'option', option, part)], unchanged);
      return { text: word(draft, phrasings.part, { part }), message: 'Here is the state.' };
    },
  },
  {
    name: 'parking-brake',
    methods: ['activateParkingBrake'],
    weight: () => 0.9,
    run(draft, model) {
      const mode = model.isParked ? 'release' : 'engage';
      call(draft, 'activateParkingBrake', [impliedText(draft, 'mode', mode, mode)], changing);
      model.isParked = !model.isParked;
      return { text: word(draft, phrasings.parking, { mode }), message: `The parking brake is ${mode}d.` };
    },
  },
  {
    name: 'cruise',
    methods: ['setCruiseControl'],
    weight: (_draft, model) => (model.isRunning ? 2 : 0),
    run(draft, model) {
      const speed = `${draft.random.integer(6, 15) * 5}`;
      const distance = `${draft.random.integer(2, 12) * 10 + 1}`;
      if (model.cruise === `${speed} ${distance}`) return undefined;
      const args = [
        statedNumber(draft, 'speed', speed),
        impliedFlag(draft, 'activate', true, 'cruise control'),
        statedNumber(draft, 'distanceToNextVehicle', distance),
      ];
      call(draft, 'setCruiseControl', args, changing);
      model.cruise = `${speed} ${distance}`;
      return { text: word(draft, phrasings.cruise, { speed, distance }), message: 'The cruise control is on.' };
    },
  },
  {
    name: 'drive-feasible',
    methods: ['estimate_drive_feasibility_by_mileage'],
    uses: ['value'],
    weight: () => 0.9,
    run(draft) {
      const miles = chooseNumber(
        draft,
        (value) => value > 0,
        () => `${draft.random.integer(3, 90) * 10}`,
        0.85,
      );
      call(draft, 'estimate_drive_feasibility_by_mileage', [spokenNumber('distance', miles)], unchanged);
      return { text: word(draft, phrasings.feasible, { miles: miles.phrase }), message: 'I checked the range.' };
    },
  },
  conversion('liters-to-gallons', 'liter_to_gallon', 'liter', 'gallon', 'gallons'),
  conversion('gallons-to-liters', 'gallon_to_liter', 'gallon', 'liter', 'liters'),
  {
    name: 'zip-code',
    methods: ['get_zipcode_based_on_city'],
    weight: () => 1.2,
    run(draft) {
      const fresh = CITIES.filter(([, code]) => zip(draft, code).known === undefined);
      if (fresh.length === 0) return undefined;
      const [city, code] = draft.random.pick(fresh);
      const args = [statedText(draft, 'city', city)];
      call(draft, 'get_zipcode_based_on_city', args, { changes: false, answers: () => [code] });
      const entity = zip(draft, code);
      draft.learn(entity, 'fetched');
      return {
        text: word(draft, phrasings.zip, { city: `'${city}'` }),
        focus: entity,
        message: `The zip code is ${code}.`,
      };
    },
  },
  {
    name: 'distance',
    methods: ['estimate_distance'],
    uses: ['zip'],
    weight: () => 1.2,
    run(draft) {
      const [a, b] = draft.random.pickWeighted(PAIRS, (pair) =>
        pair.reduce((sum, code) => sum + known(draft, code), 0),
      )!;
      const [first, second] = draft.random.shuffle([a, b]).map((code) => draft.refer(zip(draft, code))) as [
        Spoken,
        Spoken,
      ];
      const args = [spokenArgument('cityA', first), spokenArgument('cityB', second)];
      const answers = (_: unknown, content: string) => [numberIn(content, 'distance')];
      call(draft, 'estimate_distance', args, { changes: false, answers });
      const distance = draft.scenario.registry.add('value', numberIn(latestResult(draft), 'distance'));
      draft.learn(distance, 'distance');
      const text = word(draft, phrasings.distance, { a: first.phrase, b: second.phrase });
      return { text, focus: distance, message: `It is ${distance.literal} miles.` };
    },
  },
  {
    name: 'navigation',
    methods: ['set_navigation'],
    weight: () => 1.1,
    run(draft, model) {
      const address = newAddress(draft.random);
      if (model.destination === address) return undefined;
      call(draft, 'set_navigation', [statedText(draft, 'destination', address)], changing);
      model.destination = address;
      return { text: word(draft, phrasings.navigate, { address: `'${address}'` }), message: 'The navigation is on.' };
    },
  },
  {
    name: 'tire-pressure',
    methods: ['check_tire_pressure'],
    weight: () => 0.6,
    run(draft) {
      call(draft, 'check_tire_pressure', [], unchanged);
      return { text: word(draft, phrasings.tires), message: 'I checked the tires.' };
    },
  },
  {
    name: 'tire-shop',
    methods: ['find_nearest_tire_shop'],
    weight: () => 0.4,
    run(draft) {
      const options = { changes: false, answers: (result: unknown) => [fieldOf(result, 'shopLocation')] };
      const place = fieldOf(call(draft, 'find_nearest_tire_shop', [], options), 'shopLocation');
      return { text: word(draft, phrasings.shop), message: `It is at ${place}.` };
    },
  },
  {
    name: 'log',
    methods: ['display_log'],
    uses: ['text', 'value'],
    weight: () => 0.5,
    run(draft) {
      const { literal, phrase, provenance } = chooseText(draft);
      call(draft, 'display_log', [{ name: 'messages', value: [literal], provenance }], unchanged);
      return { text: word(draft, phrasings.log, { text: phrase }), message: 'It is in the log.' };
    },
  },
];

/** Operations on VehicleControlAPI: 21 of 22 methods; weather.com never answers. */
export const vehicleOperations: readonly Operation[] = serviceOperations(
  'VehicleControlAPI',
  ({ vehicle }) => vehicle,
  operations,
);

function doorWords(doors: readonly string[]): string {
  return doors.length === 1 ? `the '${doors[0]}' door` : `the doors ${joinWords(doors.map((door) => `'${door}'`))}`;
}

function doorArguments(draft: TurnDraft, unlock: boolean, verb: string, doors: readonly string[], words: string) {
  return [
    impliedFlag(draft, 'unlock', unlock, verb),
    { name: 'door', value: [...doors], provenance: draft.stated(words) },
  ];
}

function conversion(
  name: string,
  method: 'liter_to_gallon' | 'gallon_to_liter',
  parameter: string,
  field: string,
  role: string,
): ServiceOperation<VehicleModel> {
  return {
    name,
    methods: [method],
    uses: ['value'],
    weight: () => 0.8,
    run(draft) {
      const amount = chooseNumber(
        draft,
        (value) => value > 0 && value < 200,
        () => `${draft.random.integer(2, 12) * 5}`,
        0.5,
      );
      const answers = (_: unknown, content: string) => [numberIn(content, field)];
      call(draft, method, [spokenNumber(parameter, amount)], { changes: false, answers });
      const entity = draft.scenario.registry.add('value', numberIn(latestResult(draft), field));
      draft.learn(entity, role);
      const text = word(draft, phrasings[method], { amount: amount.phrase });
      return { text, focus: entity, message: `That is ${entity.literal} ${role}.` };
    },
  };
}

function zip(draft: TurnDraft, code: string): Entity {
  const { registry } = draft.scenario;
  return registry.all().find(({ kind, literal }) => kind === 'zip' && literal === code) ?? registry.add('zip', code);
}

function known(draft: TurnDraft, code: string): number {
  const entity = draft.scenario.registry.known('zip').find(({ literal }) => literal === code);
  return entity === undefined ? 1 : familiarity(draft, entity);
}

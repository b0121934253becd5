import { type ApiClass, errorResult, type InstanceContext, loadAttribute, parameter } from '../api-class.js';
import { pyEquals, pyOrder } from '../python/compare.js';
import { toFloat } from '../python/numbers.js';
import { dictFor } from '../python/object-access.js';
import { applyBinary, applyInPlace } from '../python/operators.js';
import { type PyRandom, pyRandom } from '../python/random.js';
import { itemAt, setItem } from '../python/subscript.js';
import { joinTexts } from '../python/text.js';
import { isTruthy, iterate, PyDict, type PyValue } from '../python/value.js';
import { DISTANCES, ZIP_CODES } from './vehicle-tables.js';

type VehicleState = {
  fuelLevel: PyValue;
  batteryVoltage: PyValue;
  engine_state: PyValue;
  remainingUnlockedDoors: PyValue;
  doorStatus: PyValue;
  acTemperature: PyValue;
  fanSpeed: PyValue;
  acMode: PyValue;
  humidityLevel: PyValue;
  headLightStatus: PyValue;
  parkingBrakeStatus: PyValue;
  _parkingBrakeForce: PyValue;
  _slopeAngle: PyValue;
  brakePedalStatus: PyValue;
  _brakePedalForce: PyValue;
  distanceToNextVehicle: PyValue;
  cruiseStatus: PyValue;
  destination: PyValue;
  frontLeftTirePressure: PyValue;
  frontRightTirePressure: PyValue;
  rearLeftTirePressure: PyValue;
  rearRightTirePressure: PyValue;
  long_context: boolean;
  _random: PyRandom;
};

const DEFAULT_SEED = 141053n;
const TANK_GALLONS = 50n;
const MILES_PER_GALLON = 20;
const FULL_BRAKE_NEWTONS = 1000n;

/** A car: engine, doors, climate, brakes, cruise control, navigation. */
export const vehicleControlApi: ApiClass<VehicleState> = {
  name: 'VehicleControlAPI',

  load(config, { longContext }) {
    const doorStatus = loadAttribute(config, 'doorStatus', doorsUnlocked());
    const doors = dictFor(doorStatus, 'keys').values();
    return {
      fuelLevel: loadAttribute(config, 'fuelLevel', 0),
      batteryVoltage: loadAttribute(config, 'batteryVoltage', 12.6),
      engine_state: loadAttribute(config, 'engineState', 'stopped'),
      remainingUnlockedDoors: 4n - BigInt(doors.filter((status) => status === 'locked').length),
      doorStatus,
      acTemperature: loadAttribute(config, 'acTemperature', 25),
      fanSpeed: loadAttribute(config, 'fanSpeed', 50n),
      acMode: loadAttribute(config, 'acMode', 'auto'),
      humidityLevel: loadAttribute(config, 'humidityLevel', 50),
      headLightStatus: loadAttribute(config, 'headLightStatus', 'off'),
      parkingBrakeStatus: loadAttribute(config, 'parkingBrakeStatus', 'released'),
      _parkingBrakeForce: loadAttribute(config, 'parkingBrakeForce', 0),
      _slopeAngle: loadAttribute(config, 'slopeAngle', 0),
      brakePedalStatus: loadAttribute(config, 'brakePedalStatus', 'released'),
      _brakePedalForce: loadAttribute(config, 'brakePedalForce', 0),
      distanceToNextVehicle: loadAttribute(config, 'distanceToNextVehicle', 50),
      cruiseStatus: loadAttribute(config, 'cruiseStatus', 'inactive'),
      destination: loadAttribute(config, 'destination', 'None'),
      frontLeftTirePressure: loadAttribute(config, 'frontLeftTirePressure', 32),
      frontRightTirePressure: loadAttribute(config, 'frontRightTirePressure', 32),
      rearLeftTirePressure: loadAttribute(config, 'rearLeftTirePressure', 30),
      rearRightTirePressure: loadAttribute(config, 'rearRightTirePressure', 30),
      long_context: longContext !== undefined,
      _random: pyRandom(loadAttribute(config, 'random_seed', DEFAULT_SEED), DEFAULT_SEED),
    };
  },

  methods: {
    startEngine: {
      description: 'Start the engine. All doors must be locked, and the brake pedal pressed to the floor.',
      parameters: [parameter('ignitionMode', { type: 'string', enum: ['START', 'STOP'] }, 'START or STOP.')],
      run(state, mode = null) {
        // The reference stops the engine at once, then goes on to an error all the same.
        if (mode === 'STOP') state.engine_state = 'stopped';
        if (pyOrder('>', state.remainingUnlockedDoors, 0n)) {
          const unlocked = Array.from(dictFor(state.doorStatus, 'items').entries())
            .filter(([, status]) => status === 'unlocked')
            .map(([door]) => door);
          return errorResult(
            `All doors must be locked before starting the engine. Here are the unlocked doors: ${joinTexts(', ', unlocked)}`,
          );
        }
        if (!pyEquals(state.brakePedalStatus, 'pressed')) {
          return errorResult('Brake pedal needs to be pressed when starting the engine.');
        }
        if (!pyEquals(state._brakePedalForce, FULL_BRAKE_NEWTONS)) {
          return errorResult('Must press the brake fully before starting the engine.');
        }
        if (pyOrder('<', state.fuelLevel, 0)) return errorResult('Fuel tank is empty.');
        if (mode !== 'START') return errorResult('Invalid ignition mode.');
        state.engine_state = 'running';
        const { fuelLevel, batteryVoltage } = state;
        return PyDict.of({ engineState: 'running', fuelLevel, batteryVoltage });
      },
    },

    fillFuelTank: {
      description: 'Fill fuel into the tank, which holds 50 gallons.',
      parameters: [parameter('fuelAmount', 'number', 'Gallons to add to what is in the tank.')],
      run(state, amount = null) {
        if (pyOrder('<', amount, 0n)) return errorResult('Fuel amount cannot be negative.');
        const level = applyBinary('+', state.fuelLevel, amount);
        if (pyOrder('>', level, TANK_GALLONS)) return errorResult('Cannot fill gas above the tank capacity.');
        if (pyOrder('<', level, 0)) return errorResult('Fuel tank is empty. Min fuel level is 0 gallons.');
        state.fuelLevel = applyInPlace('+', state.fuelLevel, amount);
        return PyDict.of({ fuelLevel: state.fuelLevel });
      },
    },

    lockDoors: {
      description: 'Lock or unlock doors.',
      parameters: [
        parameter('unlock', 'boolean', 'True to unlock, false to lock.'),
        parameter(
          'door',
          { type: 'array', items: { type: 'string', enum: ['driver', 'passenger', 'rear_left', 'rear_right'] } },
          'The doors.',
        ),
      ],
      run(state, unlock = null, doors = null) {
        const [status, change] = isTruthy(unlock) ? (['unlocked', '+'] as const) : (['locked', '-'] as const);
        for (const door of iterate(doors)) {
          if (pyEquals(itemAt(state.doorStatus, door), status)) continue;
          setItem(state.doorStatus, door, status);
          state.remainingUnlockedDoors = applyInPlace(change, state.remainingUnlockedDoors, 1n);
        }
        return PyDict.of({ lockStatus: status, remainingUnlockedDoors: state.remainingUnlockedDoors });
      },
    },

    adjustClimateControl: {
      description: 'Set temperature, fan and mode of the climate control.',
      parameters: [
        parameter('temperature', 'number', 'Temperature to reach.'),
        parameter('unit', { type: 'string', enum: ['celsius', 'fahrenheit'] }, 'Unit of the temperature.', 'celsius'),
        parameter('fanSpeed', 'integer', 'Speed of the fan, 0 to 100.', 50n),
        parameter('mode', { type: 'string', enum: ['auto', 'cool', 'heat', 'defrost'] }, 'Mode to run in.', 'auto'),
      ],
      run(state, temperature = null, unit = null, fanSpeed = null, mode = null) {
        if (!isInRange(0n, fanSpeed, 100n)) return errorResult('Fan speed must be between 0 and 100.');
        state.acTemperature = temperature;
        if (unit === 'fahrenheit') {
          const above = applyBinary('-', temperature, 32n);
          state.acTemperature = applyBinary('/', applyBinary('*', above, 5n), 9n);
        }
        state.fanSpeed = fanSpeed;
        state.acMode = mode;
        return PyDict.of({
          currentACTemperature: temperature,
          climateMode: mode,
          humidityLevel: state.humidityLevel,
        });
      },
    },

    get_outside_temperature_from_google: {
      description: 'Look up the temperature outside at Google.',
      parameters: [],
      run(state) {
        const outsideTemperature = state._random.uniform(-10, 40);
        if (this.longContext === undefined) return PyDict.of({ outsideTemperature });
        const weather = this.process.get('LONG_WEATHER_EXTENSION', this.longContext.weather);
        weather.set('outsideTemperature', outsideTemperature);
        return weather;
      },
    },

    get_outside_temperature_from_weather_com: {
      description: 'Look up the temperature outside at weather.com.',
      parameters: [],
      run() {
        return PyDict.of({ error: 404n });
      },
    },

    setHeadlights: {
      description: 'Switch the headlights.',
      parameters: [parameter('mode', { type: 'string', enum: ['on', 'off', 'auto'] }, 'On, off or auto.')],
      run(state, mode = null) {
        if (mode !== 'on' && mode !== 'off' && mode !== 'auto') return errorResult('Invalid headlight mode.');
        const status = mode === 'on' ? 'on' : 'off';
        state.headLightStatus = status;
        return PyDict.of({ headlightStatus: status });
      },
    },

    displayCarStatus: {
      description: 'Show one part of the state of the car.',
      parameters: [
        parameter(
          'option',
          {
            type: 'string',
            enum: ['fuel', 'battery', 'doors', 'climate', 'headlights', 'parkingBrake', 'brakePedal', 'engine'],
          },
          'The part to show.',
        ),
      ],
      run(state, option = null) {
        const status = this.longContext === undefined ? {} : { metadata: this.longContext.carStatus };
        return PyDict.of({ ...status, ...statusOf(state, option) });
      },
    },

    activateParkingBrake: {
      description: 'Engage or release the parking brake.',
      parameters: [parameter('mode', { type: 'string', enum: ['engage', 'release'] }, 'Engage or release.')],
      run(state, mode = null) {
        if (mode !== 'engage' && mode !== 'release') return errorResult('Invalid mode');
        const [status, force] = mode === 'engage' ? (['engaged', 500] as const) : (['released', 0] as const);
        state.parkingBrakeStatus = status;
        state._parkingBrakeForce = force;
        state._slopeAngle = 10;
        return PyDict.of({
          ...brakeInstruction(this),
          parkingBrakeStatus: status,
          _parkingBrakeForce: force,
          _slopeAngle: 10,
        });
      },
    },

    pressBrakePedal: {
      description: 'Press the brake pedal; it stays so until it is released.',
      parameters: [parameter('pedalPosition', 'number', 'How far, from 0 (not at all) to 1 (to the floor).')],
      run(state, position = null) {
        if (!isInRange(0n, position, 1n)) return errorResult('Pedal position must be between 0 and 1.');
        if (pyEquals(position, 0n)) return releaseBrake(state);
        const force = applyBinary('*', position, FULL_BRAKE_NEWTONS);
        state.brakePedalStatus = 'pressed';
        state._brakePedalForce = force;
        return PyDict.of({ brakePedalStatus: 'pressed', brakePedalForce: toFloat(force) });
      },
    },

    releaseBrakePedal: {
      description: 'Release the brake pedal.',
      parameters: [],
      run: (state) => releaseBrake(state),
    },

    setCruiseControl: {
      description: 'Switch the cruise control on or off; the engine must run.',
      parameters: [
        parameter('speed', 'number', 'Speed in miles per hour, 0 to 120 in steps of 5.'),
        parameter('activate', 'boolean', 'True to switch it on.'),
        parameter('distanceToNextVehicle', 'number', 'Distance to keep to the car in front, in meters.'),
      ],
      run(state, speedArgument = null, activate = null, distanceArgument = null) {
        const distanceToNextVehicle = toFloat(distanceArgument);
        const currentSpeed = toFloat(speedArgument);
        if (pyEquals(state.engine_state, 'stopped')) {
          return errorResult('Start the engine before activating the cruise control.');
        }
        state.distanceToNextVehicle = distanceToNextVehicle;
        const isActive = isTruthy(activate);
        if (isActive && !(currentSpeed >= 0 && currentSpeed <= 120 && currentSpeed % 5 === 0)) {
          return errorResult('Invalid speed');
        }
        const cruiseStatus = isActive ? 'active' : 'inactive';
        state.cruiseStatus = cruiseStatus;
        return PyDict.of({ cruiseStatus, currentSpeed, distanceToNextVehicle });
      },
    },

    get_current_speed: {
      description: 'Show the speed of the car.',
      parameters: [],
      run(state) {
        return PyDict.of({ currentSpeed: state._random.uniform(0, 120) });
      },
    },

    display_log: {
      description: 'Show messages as a log.',
      parameters: [parameter('messages', { type: 'array', items: { type: 'string' } }, 'The messages.')],
      run(_state, messages = null) {
        return PyDict.of({ log: messages });
      },
    },

    estimate_drive_feasibility_by_mileage: {
      description: 'Tell whether the fuel in the tank is enough for a distance.',
      parameters: [parameter('distance', 'number', 'Distance in miles.')],
      run(state, distance = null) {
        const range = applyBinary('*', state.fuelLevel, MILES_PER_GALLON);
        return PyDict.of({ canDrive: !pyOrder('<', range, distance) });
      },
    },

    liter_to_gallon: {
      description: 'Convert liters to gallons.',
      parameters: [parameter('liter', 'number', 'Liters to convert.')],
      run(_state, liter = null) {
        return PyDict.of({ gallon: applyBinary('*', liter, 0.264172) });
      },
    },

    gallon_to_liter: {
      description: 'Convert gallons to liters.',
      parameters: [parameter('gallon', 'number', 'Gallons to convert.')],
      run(_state, gallon = null) {
        return PyDict.of({ liter: applyBinary('*', gallon, 3.78541) });
      },
    },

    estimate_distance: {
      description: 'Look up the distance between two cities.',
      parameters: [
        parameter('cityA', 'string', 'Zip code of one city.'),
        parameter('cityB', 'string', 'Zip code of the other city.'),
      ],
      run(_state, a = null, b = null) {
        const entry = DISTANCES.find(([left, right]) => (a === left && b === right) || (a === right && b === left));
        const distance =
          entry === undefined ? errorResult('distance not found in database.') : PyDict.of({ distance: entry[2] });
        if (this.longContext !== undefined) {
          const { intermediaryCities } = this.longContext;
          distance.set('intermediaryCities', this.process.get('INTERMEDIARY_CITIES', intermediaryCities));
        }
        return distance;
      },
    },

    get_zipcode_based_on_city: {
      description: 'Look up the zip code of a city.',
      parameters: [parameter('city', 'string', 'Name of the city.')],
      run(_state, city = null) {
        return PyDict.of({ zipcode: (typeof city === 'string' ? ZIP_CODES.get(city) : undefined) ?? '00000' });
      },
    },

    set_navigation: {
      description: 'Start the navigation to a place.',
      parameters: [parameter('destination', 'string', 'The place, as street, city and state.')],
      run(state, destination = null) {
        state.destination = destination;
        return PyDict.of({ status: applyBinary('+', 'Navigating to ', destination) });
      },
    },

    check_tire_pressure: {
      description: 'Show the pressures of the tires, and whether their mean is healthy.',
      parameters: [],
      run(state) {
        const { frontLeftTirePressure, frontRightTirePressure, rearLeftTirePressure, rearRightTirePressure } = state;
        const pressures = {
          frontLeftTirePressure,
          frontRightTirePressure,
          rearLeftTirePressure,
          rearRightTirePressure,
        };
        const total = Object.values(pressures).reduce((sum, pressure) => applyBinary('+', sum, pressure));
        return PyDict.of({
          ...pressures,
          healthy_tire_pressure: isInRange(30n, applyBinary('/', total, 4n), 35n),
          car_info: this.longContext === undefined ? new PyDict() : this.longContext.carStatus,
        });
      },
    },

    find_nearest_tire_shop: {
      description: 'Look up the tire shop nearest to the car.',
      parameters: [],
      run() {
        return PyDict.of({ shopLocation: '456 Oakwood Avenue, Rivermist, 83214' });
      },
    },
  },
};

function doorsUnlocked(): PyDict {
  return PyDict.of({ driver: 'unlocked', passenger: 'unlocked', rear_left: 'unlocked', rear_right: 'unlocked' });
}

/** Python `low <= value <= high`. */
function isInRange(low: bigint, value: PyValue, high: bigint): boolean {
  return pyOrder('<=', low, value) && pyOrder('<=', value, high);
}

function statusOf(state: VehicleState, option: PyValue): { [key: string]: PyValue } {
  switch (option) {
    case 'fuel':
      return { fuelLevel: state.fuelLevel };
    case 'battery':
      return { batteryVoltage: state.batteryVoltage };
    case 'doors':
      return { doorStatus: state.doorStatus };
    case 'climate':
      return {
        currentACTemperature: state.acTemperature,
        fanSpeed: state.fanSpeed,
        climateMode: state.acMode,
        humidityLevel: state.humidityLevel,
      };
    case 'headlights':
      return { headlightStatus: state.headLightStatus };
    case 'parkingBrake':
      return {
        parkingBrakeStatus: state.parkingBrakeStatus,
        parkingBrakeForce: state._parkingBrakeForce,
        slopeAngle: state._slopeAngle,
      };
    case 'brakePedal':
      return { brakePedalStatus: state.brakePedalStatus, brakePedalForce: state._brakePedalForce };
    case 'engine':
      return { engineState: state.engine_state };
    default:
      return { error: 'Invalid option' };
  }
}

function brakeInstruction({ longContext }: InstanceContext): { [key: string]: PyValue } {
  return longContext === undefined ? {} : { parkingBrakeInstruction: longContext.parkingBrakeInstruction };
}

function releaseBrake(state: VehicleState): PyDict {
  state.brakePedalStatus = 'released';
  state._brakePedalForce = 0;
  return PyDict.of({ brakePedalStatus: 'released', brakePedalForce: 0 });
}

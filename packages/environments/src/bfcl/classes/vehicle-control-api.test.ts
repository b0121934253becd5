import { expect, test } from 'vitest';
import { instancesOf, LONG_CONTEXT } from './class-fixture.js';

// Expected texts are those of the benchmark's reference implementation, run on CPython 3.11.

const ALL_DOORS = "['driver', 'passenger', 'rear_left', 'rear_right']";

test('the engine starts with locked doors and the brake to the floor', () => {
  const { run } = instancesOf(['VehicleControlAPI'], '{"VehicleControlAPI": {"fuelLevel": 5}}');
  expect(run("lockDoors(False, ['driver', 'passenger'])")).toBe(
    '{"lockStatus": "locked", "remainingUnlockedDoors": 2}',
  );
  expect(run("startEngine('START')")).toBe(
    '{"error": "All doors must be locked before starting the engine. Here are the unlocked doors: rear_left, rear_right"}',
  );
  run(`lockDoors(False, ${ALL_DOORS})`);
  expect(run("startEngine('START')")).toBe('{"error": "Brake pedal needs to be pressed when starting the engine."}');
  expect(run('pressBrakePedal(0.5)')).toBe('{"brakePedalStatus": "pressed", "brakePedalForce": 500.0}');
  expect(run("startEngine('START')")).toBe('{"error": "Must press the brake fully before starting the engine."}');
  expect(run('pressBrakePedal(1)')).toBe('{"brakePedalStatus": "pressed", "brakePedalForce": 1000.0}');
  // The position's own number type stays inside.
  expect(run("displayCarStatus('brakePedal')")).toBe('{"brakePedalStatus": "pressed", "brakePedalForce": 1000}');
  expect(run("startEngine('START')")).toBe('{"engineState": "running", "fuelLevel": 5, "batteryVoltage": 12.6}');
  expect(run("startEngine('STOP')")).toBe('{"error": "Invalid ignition mode."}');
  expect(run("displayCarStatus('engine')")).toBe('{"engineState": "stopped"}');
});

test('doors change one after the other until an unknown one', () => {
  const { run } = instancesOf(['VehicleControlAPI']);
  expect(run("lockDoors(False, ['driver', 'trunk', 'passenger'])")).toBe("Error during execution: 'trunk'");
  expect(run("displayCarStatus('doors')")).toBe(
    '{"doorStatus": {"driver": "locked", "passenger": "unlocked", "rear_left": "unlocked", "rear_right": "unlocked"}}',
  );
});

test('fuel keeps the spelling of its numbers and the limit of the tank', () => {
  const { run } = instancesOf(['VehicleControlAPI'], '{"VehicleControlAPI": {"fuelLevel": 10}}');
  expect(run('fillFuelTank(5)')).toBe('{"fuelLevel": 15}');
  expect(run('fillFuelTank(35.5)')).toBe('{"error": "Cannot fill gas above the tank capacity."}');
  expect(run('fillFuelTank(-1)')).toBe('{"error": "Fuel amount cannot be negative."}');
  expect(run("fillFuelTank('1')")).toBe(
    "Error during execution: '<' not supported between instances of 'str' and 'int'",
  );
  expect(run('estimate_drive_feasibility_by_mileage(300)')).toBe('{"canDrive": true}');
});

test('the climate is stored in Celsius and answered as given', () => {
  const { run } = instancesOf(['VehicleControlAPI']);
  expect(run("adjustClimateControl(72, 'fahrenheit', 30, 'cool')")).toBe(
    '{"currentACTemperature": 72, "climateMode": "cool", "humidityLevel": 50.0}',
  );
  expect(run("displayCarStatus('climate')")).toBe(
    '{"currentACTemperature": 22.22222222222222, "fanSpeed": 30, "climateMode": "cool", "humidityLevel": 50.0}',
  );
  expect(run('adjustClimateControl(20, fanSpeed=101)')).toBe('{"error": "Fan speed must be between 0 and 100."}');
});

test('cruise control stores the distance before it looks at the speed', () => {
  const running = '{"VehicleControlAPI": {"engineState": "running"}}';
  const { run, instances } = instancesOf(['VehicleControlAPI'], running);
  expect(run('setCruiseControl(62, True, 77)')).toBe('{"error": "Invalid speed"}');
  expect(instances.state('VehicleControlAPI')?.distanceToNextVehicle).toBe(77);
  expect(run('setCruiseControl(65, True, 50)')).toBe(
    '{"cruiseStatus": "active", "currentSpeed": 65.0, "distanceToNextVehicle": 50.0}',
  );
  expect(run("setCruiseControl('fast', False, 1)")).toBe(
    "Error during execution: could not convert string to float: 'fast'",
  );
});

test('random readings follow the seed of the scenario', () => {
  const { run } = instancesOf(['VehicleControlAPI']);
  expect(run('get_outside_temperature_from_google()')).toBe('{"outsideTemperature": 36.63485703790535}');
  expect(run('get_current_speed()')).toBe('{"currentSpeed": 99.11925428879405}');
});

test('distances go both ways, cities have zip codes', () => {
  const { run } = instancesOf(['VehicleControlAPI']);
  expect(run("estimate_distance('94016', '83214')")).toBe('{"distance": 980.0}');
  expect(run("estimate_distance(cityA='83214', cityB='94016')")).toBe('{"distance": 980.0}');
  expect(run("estimate_distance('1', '2')")).toBe('{"error": "distance not found in database."}');
  expect(run("get_zipcode_based_on_city('Nowhere')")).toBe('{"zipcode": "00000"}');
  expect(run('set_navigation(5)')).toBe('Error during execution: can only concatenate str (not "int") to str');
  expect(run('liter_to_gallon(1e20)')).toBe('{"gallon": 2.64172e+19}');
});

test('long context adds texts to results', () => {
  const { run } = instancesOf(['VehicleControlAPI'], '{}', { longContext: LONG_CONTEXT });
  expect(run("displayCarStatus('roof')")).toBe('{"metadata": "a car", "error": "Invalid option"}');
  expect(run("activateParkingBrake('engage')")).toBe(
    '{"parkingBrakeInstruction": "pull", "parkingBrakeStatus": "engaged", "_parkingBrakeForce": 500.0, "_slopeAngle": 10.0}',
  );
  expect(run("estimate_distance('1', '2')")).toBe(
    '{"error": "distance not found in database.", "intermediaryCities": ["Midway"]}',
  );
  expect(run('get_outside_temperature_from_google()')).toBe(
    '{"tomorrow": {"humidity": 75.0}, "outsideTemperature": 36.63485703790535}',
  );
  expect(run('check_tire_pressure()')).toContain('"healthy_tire_pressure": true, "car_info": "a car"');
});

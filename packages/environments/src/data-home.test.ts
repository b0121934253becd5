import { expect, test } from 'vitest';
import { benchmarkFolder, dataHome } from './data-home.js';

const linux = { environment: {}, platform: 'linux', home: '/home/ada' } as const;

test('the XDG directory wins over the default, and our own variable over both', () => {
  expect(dataHome(linux)).toBe('/home/ada/.local/share/parl-mt');
  expect(dataHome({ ...linux, environment: { XDG_DATA_HOME: '/data' } })).toBe('/data/parl-mt');
  expect(dataHome({ ...linux, environment: { XDG_DATA_HOME: '' } })).toBe('/home/ada/.local/share/parl-mt');
  expect(dataHome({ ...linux, environment: { XDG_DATA_HOME: '/data', PARL_MT_DATA_HOME: '/own' } })).toBe('/own');
});

test('macOS and Windows have places of their own', () => {
  expect(dataHome({ ...linux, platform: 'darwin' })).toBe('/home/ada/Library/Application Support/parl-mt');
  expect(dataHome({ ...linux, platform: 'win32', environment: { LOCALAPPDATA: '/local' } })).toBe('/local/parl-mt');
  expect(benchmarkFolder('tau-bench', linux)).toBe('/home/ada/.local/share/parl-mt/tau-bench');
});

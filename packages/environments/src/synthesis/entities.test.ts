import { expect, test } from 'vitest';
import { type Entity, EntityRegistry } from './entities.js';

function created(registry: EntityRegistry, name: string, turn: number): Entity {
  const file = registry.add('file', name);
  registry.mention(file, turn);
  registry.assign(file, 'created', turn);
  return file;
}

test('the only created file can be called so, just after and later', () => {
  const registry = new EntityRegistry();
  const file = created(registry, 'a.txt', 0);
  expect(registry.descriptions(file, 1)).toEqual(
    expect.arrayContaining(['the file you created', 'the new file', 'the file you just created', 'that file']),
  );
  const later = registry.descriptions(file, 3);
  expect(later).toContain('the file you created earlier');
  expect(later).not.toContain('the file you just created');
  expect(later).not.toContain('that file');
});

test('of two created files, one is the first and one the last, and none is "the file you created"', () => {
  const registry = new EntityRegistry();
  const first = created(registry, 'a.txt', 0);
  const last = created(registry, 'b.txt', 1);
  expect(registry.descriptions(first, 4)).toEqual(['the first file you created']);
  expect(registry.descriptions(last, 4)).toEqual(['the last file you created']);
});

test('the first stays the first when the same is done to it again; the last is the one it was done to last', () => {
  const registry = new EntityRegistry();
  const first = registry.add('file', 'a.txt');
  const second = registry.add('file', 'b.txt');
  for (const [turn, file] of [first, second, first].entries()) {
    registry.mention(file, turn);
    registry.assign(file, 'read', turn);
  }
  expect(registry.descriptions(first, 5)).toEqual(['the first file you read', 'the last file you read']);
  expect(registry.descriptions(second, 5)).toEqual([]);
});

test('two files created in one turn cannot be "just created"', () => {
  const registry = new EntityRegistry();
  const files = [created(registry, 'a.txt', 2), created(registry, 'b.txt', 2)];
  expect(files.flatMap((file) => registry.descriptions(file, 3))).toEqual([
    'the first file you created',
    'the last file you created',
  ]);
});

test('things that came up together are not "that one"', () => {
  const registry = new EntityRegistry();
  const ticket = registry.add('ticket', '7');
  registry.mention(ticket, 0);
  expect(registry.descriptions(ticket, 1)).toContain('that ticket');
  registry.surface([ticket, registry.add('ticket', '8')], 1);
  expect(registry.descriptions(ticket, 2)).toEqual([]);
});

test('a thing of another kind does not stand in the way', () => {
  const registry = new EntityRegistry();
  const file = created(registry, 'a.txt', 0);
  registry.mention(registry.add('folder', 'docs'), 0);
  expect(registry.descriptions(file, 1)).toContain('that file');
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { JUDGED_WORKS, runSideBySide, sideBySideCommand } from './side-by-side.js';
import { allWorks, selectWorks } from './works.js';

const kit = mkdtempSync(join(tmpdir(), 'kit-'));
// Stands in for the kit's program: succeeds when it received the arguments that the test expects.
writeFileSync(
  join(kit, 'compare.py'),
  'import sys\nsys.exit(0 if "--by" in sys.argv and "torch=python p.py" in sys.argv else 3)\n',
);
afterAll(() => rmSync(kit, { recursive: true }));

const options = {
  kit,
  peers: ['torch=python p.py'],
  works: ['gae', 'lcs'],
  rounds: 2,
  threads: 2,
  budgetSeconds: 1.5,
  out: 'side.jsonl',
  rest: ['--by', 'cpu'],
};

describe('side by side', () => {
  test('passes peers and ours to the kit', () => {
    const command = sideBySideCommand(options);
    expect(command.slice(0, 10)).toEqual([
      ...[
        'python3',
        join(kit, 'compare.py'),
        '--rounds',
        '2',
        '--threads',
        '2',
        '--budget',
        '1.5',
        '--works',
        'gae,lcs',
      ],
    ]);
    expect(command.slice(10, 14)).toEqual(['--out', 'side.jsonl', '--cmd', 'torch=python p.py']);
    expect(command[15]).toMatch(/^ours='.*node.*' '.*main\.js'$/);
    expect(command.slice(-2)).toEqual(['--by', 'cpu']);
  });

  test('refuses a kit that is not there and a peer without a name', () => {
    expect(() => sideBySideCommand({ ...options, kit: join(kit, 'no') })).toThrow(
      'expected --kit to be the folder of compare.py',
    );
    expect(() => sideBySideCommand({ ...options, peers: ['python p.py'] })).toThrow(
      'expected --peers to be NAME=COMMAND',
    );
  });

  test('returns the status of the kit', async () => {
    expect(await runSideBySide(options)).toBe(0);
    expect(await runSideBySide({ ...options, rest: [] })).toBe(3);
  });

  test('every judged work but the limits of the machine is one of ours', () => {
    for (const part of JUDGED_WORKS.slice(1)) expect(selectWorks(allWorks(), [part]).length).toBeGreaterThan(0);
  });
});

// Formatting and ordinary lint rules are Biome's (biome.json). ESLint runs one rule: module boundaries by Nx tags.
import nx from '@nx/eslint-plugin';
import parser from '@typescript-eslint/parser';

/** Who may import whom: the "may import" column of docs/architecture.md, written once. */
const mayImport = {
  schema: [],
  'host-guard': ['schema'],
  addon: [],
  native: ['addon'],
  'tfjs-backend': ['native'],
  environments: ['schema'],
  chat: ['schema'],
  policy: ['schema', 'chat', 'tfjs-backend', 'native'],
  pag: ['schema', 'chat', 'environments', 'native'],
  rl: ['schema', 'native', 'tfjs-backend', 'environments', 'chat', 'policy', 'pag'],
  evaluation: ['schema', 'native', 'tfjs-backend', 'environments', 'chat', 'policy', 'pag', 'rl'],
  cli: [
    'schema',
    'native',
    'tfjs-backend',
    'environments',
    'chat',
    'policy',
    'pag',
    'rl',
    'evaluation',
    'server',
    'environment-server',
  ],
  server: ['schema', 'host-guard'],
  'environment-server': ['schema', 'host-guard', 'environments', 'chat'],
  interop: ['schema', 'environments', 'environment-server'],
  conformance: ['schema', 'chat', 'native', 'tfjs-backend', 'policy', 'rl', 'evaluation'],
  bench: ['schema', 'native', 'tfjs-backend', 'environments', 'chat', 'policy', 'pag', 'rl'],
};

export default [
  { ignores: ['**/dist/**', '**/build*/**', '**/vendor/**', '**/node_modules/**'] },
  {
    files: ['**/*.ts', '**/*.mjs', '**/*.cjs'],
    languageOptions: { parser },
    plugins: { '@nx': nx },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          enforceBuildableLibDependency: false,
          allow: [],
          depConstraints: [
            ...Object.entries(mayImport).map(([scope, allowed]) => ({
              sourceTag: `scope:${scope}`,
              onlyDependOnLibsWithTags: allowed.map((name) => `scope:${name}`),
            })),
            { sourceTag: 'runtime:any', onlyDependOnLibsWithTags: ['runtime:any'] },
            { sourceTag: 'runtime:node', onlyDependOnLibsWithTags: ['runtime:any', 'runtime:node'] },
          ],
        },
      ],
    },
  },
];

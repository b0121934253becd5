import { defineConfig } from 'vitest/config';

/** One configuration for every project: tests run on sources, so that a type-only change needs no build. */
export default defineConfig({
  ssr: { resolve: { conditions: ['@parl-mt/source', 'node', 'import', 'default'] } },
  resolve: { conditions: ['@parl-mt/source', 'node', 'import', 'default'] },
  test: { include: ['src/**/*.test.ts'], testTimeout: 30_000, passWithNoTests: false },
});

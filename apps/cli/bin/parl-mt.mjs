#!/usr/bin/env node
// The installed command: runs the built sources and says how to build them where they are missing.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../dist/main.js', import.meta.url);
if (existsSync(fileURLToPath(main))) {
  await import(main.href);
} else {
  console.error('parl-mt is not built: run "npm run build" at the root of the repository');
  process.exitCode = 2;
}

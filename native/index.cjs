// Loads the binary that `build.mjs` made. A missing or broken binary is an error that says how to build it.
const path = require('node:path');

const file = path.join(__dirname, 'dist', 'parl_mt.node');
try {
  module.exports = require(file);
} catch (cause) {
  const error = new Error(
    `the native addon could not be loaded (${cause.message.split('\n')[0]}); build it with: npx nx build @parl-mt/addon`,
    { cause },
  );
  error.code = 'NATIVE_ADDON_MISSING';
  throw error;
}

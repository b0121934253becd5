// check-kernel-symbols.mjs BUILD_DIR: no object of the per-ISA kernel libraries may define a weak symbol outside its own
// namespace. The linker keeps one copy of a weak symbol, perhaps the one compiled for AVX-512, and every other file that
// uses the same inline function or template (std::sort, a vector's destructor) would then crash on CPUs without it.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** "address type name" lines of nm, demangled, of which W, V and u are the weak and unique kinds. */
function leakedSymbols(listing, isa) {
  return listing.split('\n').flatMap((line) => {
    const [, kind, name] = /^\S*\s+(\w)\s+(.*)$/.exec(line) ?? [];
    if (!/^[WVu]$/.test(kind ?? '')) return [];
    // A reference to the exception personality routine is data, the same in every file.
    if (name.startsWith('DW.ref.')) return [];
    return name.includes(`parl::${isa}::`) && !name.startsWith('std::') ? [] : [name];
  });
}

const build = path.resolve(process.argv[2] ?? 'native/build-test');
const core = path.join(build, 'native', 'core', 'CMakeFiles');
const libraries = readdirSync(core).filter((name) => /^parl_kernels_\w+\.dir$/.test(name));
const sources = path.join(path.dirname(fileURLToPath(import.meta.url)), 'core');
let objects = 0;
let leaked = 0;
for (const library of libraries) {
  const isa = /^parl_kernels_(\w+)\.dir$/.exec(library)[1];
  const folder = path.join(core, library);
  // A build folder keeps the objects of sources that are gone.
  const files = readdirSync(folder, { recursive: true }).filter(
    (name) => name.endsWith('.o') && existsSync(path.join(sources, name.slice(0, -'.o'.length))),
  );
  for (const file of files) {
    const nm = spawnSync('nm', ['-C', '--defined-only', path.join(folder, file)], { encoding: 'utf8' });
    if (nm.status !== 0) throw new Error(`nm failed on ${file}: ${nm.error?.message ?? nm.stderr}`);
    objects++;
    for (const name of leakedSymbols(nm.stdout, isa)) {
      console.error(`${isa} ${file} defines the weak symbol ${name}: use no inline library code in kernels`);
      leaked++;
    }
  }
}
if (objects === 0) throw new Error(`expected kernel objects below ${core}, received none`);
console.log(`kernel symbols: ${objects} objects of ${libraries.length} instruction sets, ${leaked} leaked`);
process.exit(leaked === 0 ? 0 : 1);

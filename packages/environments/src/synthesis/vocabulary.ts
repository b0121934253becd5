import type { Random } from './random.js';

/**
 * The words that synthetic tasks are made of. Pools are moderate on purpose: a small policy trained from scratch must meet
 * every word often, and learn to copy values and not to remember them.
 */

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const fileStems = words(`
  notes report budget draft invoice agenda plan summary log data recipe letter survey outline index backup todo results
  review schedule contract essay journal ledger menu minutes orders paper poem profile prices quiz receipt roster script
  sketch slides speech stock story table target team tests thesis trip update vision wiki errors events goals guide
  ideas list manual metrics quotes records sales scores`);
const extensions = words('txt md csv log json');
/** Every stem once before any comes again with another extension. */
const fileNames = extensions.flatMap((_, shift) =>
  fileStems.map((stem, i) => `${stem}.${extensions[(i + shift) % extensions.length]}`),
);
const folderNames = words(`
  docs archive projects photos music drafts reports old temp shared work homework school travel finance research
  designs assets builds exports imports inbox outbox library media models papers private public samples scripts staging
  storage templates testing trash updates vault website workshop`);
const rootNames = words('workspace desk drive main base station');
const hiddenNames = words('.config .cache .env .history');
const userNames = words(`
  amara bruno carla diego elena farid greta hugo ines jonas kira lars mila nadia oscar petra quinn rosa samir tara umar
  vera wanda xenia yusuf zara anton bella cyrus dora emil fiona gavin hanna ivan jade kofi lena marco nora omar paula
  rafael sofia theo ursula viktor willa yara zeno arlo bianca cedric daria enzo flora gustav helga igor`);
const contentWords = words(`
  blue green silver golden quiet bright early late warm cold simple modern local global annual weekly daily final first
  second new open public hidden strong gentle rapid slow fresh clean river mountain garden window market harbor bridge
  forest island valley meadow ocean desert village castle museum library station airport office kitchen studio school
  theater stadium lantern candle mirror carpet blanket basket bottle hammer ladder engine rocket signal cable server
  router printer camera monitor keyboard battery sensor filter pump valve coffee tea bread apple lemon pepper honey
  butter pasta salad soup dinner lunch breakfast picnic concert festival meeting workshop lecture seminar launch release
  upgrade review audit survey delivery shipment order payment refund contract deadline milestone sprint backlog feature
  design layout theme banner poster ticket report record summary chapter story poem song melody rhythm pattern color
  shadow light winter spring summer autumn morning evening monday friday`);
const tagWords = words(`
  news tech food music travel art sports health science games books movies nature fitness coding design weather politics
  history fashion`);
const titleSubjects = words(
  'login payment printer network email search upload report backup server camera screen account',
);
const titleProblems = words('error failure delay crash timeout outage problem mismatch freeze');
const resolutions = words(
  'restarted replaced patched updated reinstalled cleaned reset repaired recovered reconfigured',
);
const resolutionObjects = words('server router cable driver cache database account battery printer settings');
const streetNames = words('Harbor Garden River Castle Bridge Market Forest Meadow Station Museum Valley Lantern');
const streetKinds = words('Road Street Lane Avenue Square');
const statuses = ['In Progress', 'On Hold', 'Reopened', 'Escalated'] as const;

/**
 * A file name not in `taken`, such as "notes.txt".
 *
 * @param most - how many different ones all tasks may use together.
 */
export function newFileName(random: Random, taken: ReadonlySet<string>, most: number): string {
  if (most < fileNames.length) return fresh(() => random.pick(fileNames.slice(0, most)), taken);
  return fresh(() => `${random.pick(fileStems)}.${random.pick(extensions)}`, taken);
}

/** A hidden file name (leading dot), such as ".cache". */
export function newHiddenName(random: Random): string {
  return random.pick(hiddenNames);
}

/** A folder name not in `taken`; all tasks together use half as many as file names, at most. */
export function newFolderName(random: Random, taken: ReadonlySet<string>, most: number): string {
  return fresh(() => random.pick(folderNames.slice(0, Math.ceil(most / 2))), taken);
}

export function newRootName(random: Random): string {
  return random.pick(rootNames);
}

/** A user name not in `taken`. */
export function newUserName(random: Random, taken: ReadonlySet<string> = new Set()): string {
  return fresh(() => random.pick(userNames), taken);
}

/** A person's name with a capital, not in `taken`. */
export function newPersonName(random: Random, taken: ReadonlySet<string>): string {
  return fresh(() => {
    const name = random.pick(userNames);
    return name.charAt(0).toUpperCase() + name.slice(1);
  }, taken);
}

/** An address without commas, such as "Harbor Road 17". */
export function newAddress(random: Random): string {
  return `${random.pick(streetNames)} ${random.pick(streetKinds)} ${random.integer(2, 98)}`;
}

/** A password: a word and two digits, such as "river42". */
export function newPassword(random: Random): string {
  return `${random.pick(contentWords)}${random.integer(10, 99)}`;
}

/** `low` to `high` different words joined by spaces. */
export function newText(random: Random, low = 2, high = 4): string {
  return random.sample(contentWords, random.integer(low, high)).join(' ');
}

/** A hash tag with its "#". */
export function newTag(random: Random): string {
  return `#${random.pick(tagWords)}`;
}

/** A ticket title, such as "printer delay". */
export function newTitle(random: Random): string {
  return `${random.pick(titleSubjects)} ${random.pick(titleProblems)}`;
}

/** How a ticket was resolved, such as "replaced the cable". */
export function newResolution(random: Random): string {
  return `${random.pick(resolutions)} the ${random.pick(resolutionObjects)}`;
}

/** A ticket status other than the built-in "Open", "Closed" and "Resolved". */
export function newStatus(random: Random): string {
  return random.pick(statuses);
}

function fresh(draw: () => string, taken: ReadonlySet<string>): string {
  for (;;) {
    const name = draw();
    if (!taken.has(name)) return name;
  }
}

import { PyDict } from '../python/value.js';

/** City to zip code. */
export const ZIP_CODES = PyDict.of({
  Autumnville: '51479',
  'Crescent Hollow': '69238',
  Maplecrest: '56108',
  Oakendale: '47329',
  Rivermist: '83214',
  'San Francisco': '94016',
  Shadowridge: '71354',
  Silverpine: '62947',
  Stonebrook: '74532',
  'Sunset Valley': '83462',
  Willowbend: '52013',
});

/** Two zip codes and the miles between them, both directions. */
export const DISTANCES: readonly (readonly [string, string, number])[] = [
  ['08540', '94016', 1950],
  ['08540', '94704', 2550],
  ['47329', '52013', 290],
  ['47329', '62947', 1053],
  ['51479', '69238', 630],
  ['56108', '62947', 320],
  ['62947', '94016', 780],
  ['71354', '83462', 450],
  ['74532', '83214', 750],
  ['74532', '94016', 880],
  ['83214', '94016', 980],
  ['94016', '94704', 600],
];

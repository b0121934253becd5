import type { PyDict, PyValue } from './python/value.js';

/**
 * What the long-context categories add to scenarios and results. The lists and dicts are pristine: a process works on its
 * own copies (see `ProcessObjects`).
 */
export interface LongContextData {
  /** Appended to every loaded file, except those in `untouchedFiles`. */
  readonly fileExtension: string;
  readonly untouchedFiles: ReadonlySet<string>;
  /** Names of empty files added to each directory without subdirectories. */
  readonly populatedFiles: readonly string[];
  /** Appended to the symbols of a watch list. */
  readonly watchList: readonly PyValue[];
  readonly transactionHistory: readonly PyValue[];
  /** In place of a stock's averages over 5 and 20 days. */
  readonly movingAverage5: readonly PyValue[];
  readonly movingAverage20: readonly PyValue[];
  readonly technologyStocks: readonly PyValue[];
  readonly automobileStocks: readonly PyValue[];
  /** Texts with `{symbol}` in them. */
  readonly orderDetails: PyDict;
  /** Card id, and booking id, to record; added to what a scenario has. */
  readonly creditCards: PyDict;
  readonly bookings: PyDict;
  readonly weather: PyDict;
  readonly carStatus: string;
  readonly parkingBrakeInstruction: string;
  readonly intermediaryCities: readonly PyValue[];
}

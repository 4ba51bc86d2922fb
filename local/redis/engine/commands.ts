import type { CommandTable } from "./command.ts";
import { counterCommands } from "./counters.ts";
import { expiryCommands } from "./expiry.ts";
import { hashCommands } from "./hashes.ts";
import { keyCommands } from "./keys.ts";
import { listCommands } from "./lists.ts";
import { serverCommands } from "./server.ts";
import { setCommands } from "./sets.ts";
import { sortedSetAlgebraCommands } from "./sorted_set_algebra.ts";
import { sortedSetRangeCommands } from "./sorted_set_ranges.ts";
import { sortedSetCommands } from "./sorted_sets.ts";
import { stringCommands } from "./strings.ts";

/** Every command of the engine but the scripts. */
export const dataCommands: CommandTable = {
  ...stringCommands,
  ...counterCommands,
  ...expiryCommands,
  ...keyCommands,
  ...hashCommands,
  ...setCommands,
  ...sortedSetCommands,
  ...sortedSetRangeCommands,
  ...sortedSetAlgebraCommands,
  ...listCommands,
  ...serverCommands,
};

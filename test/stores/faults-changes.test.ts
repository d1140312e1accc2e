/** Stores that go wrong while a client removes, renames and makes directories: see faults.ts. */
import { backends } from "./backends.js";
import { faults, NEW, SMALL } from "./faults.js";

faults(
  [
    { commands: ["DELE small"], good: 250, bad: [450, 550], before: { small: SMALL }, after: { small: undefined } },
    {
      commands: ["RNFR small", "RNTO moved"],
      good: 250,
      bad: [450, 550, 553],
      before: { small: SMALL, moved: undefined },
      after: { small: undefined, moved: SMALL },
    },
    { commands: ["MKD made"], good: 257, bad: [550] },
    { commands: ["RMD made"], good: 250, bad: [550] },
    // The directory would go with its last file.
    {
      commands: ["DELE d/in"],
      anew: true,
      good: 250,
      bad: [450, 550],
      before: { "d/in": SMALL },
      after: { "d/in": undefined },
    },
    {
      commands: ["MFMT 20200101000000 small"],
      options: { keepTimes: true },
      good: 213,
      bad: [450, 451, 550],
      before: { small: SMALL },
    },
    {
      commands: ["RNFR small", "RNTO other"],
      good: 250,
      bad: [450, 550, 553],
      before: { small: SMALL, other: NEW.subarray(0, 9) },
      after: { small: undefined, other: SMALL },
    },
    {
      commands: ["RNFR d", "RNTO e"],
      options: { maxRename: 10 },
      // Its requests are those of a file, one after the other: what differs is what was done before.
      only: ["throttles", "loses"],
      anew: true,
      good: 250,
      bad: [450, 550, 553],
      before: { "d/1": SMALL, "d/2": NEW.subarray(0, 9), "e/1": undefined, "e/2": undefined },
      after: { "d/1": undefined, "d/2": undefined, "e/1": SMALL, "e/2": NEW.subarray(0, 9) },
    },
  ],
  await backends(),
);

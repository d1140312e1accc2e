/** Stores that go wrong while a client reads and lists: see faults.ts. */
import { backends } from "./backends.js";
import { DOWNLOAD, faults, LARGE, SMALL } from "./faults.js";

faults(
  [
    { commands: ["SIZE small"], good: 213, bad: [450, 451, 550], before: { small: SMALL } },
    { commands: ["MDTM small"], good: 213, bad: [450, 451, 550], before: { small: SMALL } },
    { commands: ["CWD d", "CWD /"], good: 250, bad: [550], before: { "d/in": SMALL } },
    { commands: ["MLSD d"], ...DOWNLOAD, gets: / in\r\n$/, before: { "d/in": SMALL } },
    { commands: ["LIST d"], ...DOWNLOAD, gets: / in\r\n$/, before: { "d/in": SMALL } },
    { commands: ["RETR small"], ...DOWNLOAD, gets: SMALL, before: { small: SMALL } },
    { commands: ["RETR large"], cut: 3_000_000, ...DOWNLOAD, gets: LARGE, before: { large: LARGE } },
    {
      commands: ["REST 4000000", "RETR large"],
      cut: 1_000_000,
      ...DOWNLOAD,
      gets: LARGE.subarray(4_000_000),
      before: { large: LARGE },
    },
    // Listings of two pages.
    { commands: ["MLSD many"], many: 1200, ...DOWNLOAD, gets: / 1199\r\n$/ },
    { commands: ["NLST many"], many: 1200, ...DOWNLOAD, gets: /\b1199\r\n$/ },
  ],
  await backends(),
);

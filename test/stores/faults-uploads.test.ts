/** Stores that go wrong while a client uploads: see faults.ts. */
import { backends } from "./backends.js";
import { faults, LARGE, NEW, SMALL, UPLOAD } from "./faults.js";

faults(
  [
    { commands: ["STOR small"], ...UPLOAD, sends: NEW.subarray(0, 9), before: { small: SMALL } },
    { commands: ["STOR small"], ...UPLOAD, sends: NEW, before: { small: SMALL } },
    { commands: ["STOR new"], ...UPLOAD, sends: NEW, before: { new: undefined } },
    { commands: ["STOU"], ...UPLOAD, sends: NEW.subarray(0, 9) },
    {
      commands: ["APPE small"],
      ...UPLOAD,
      bad: [...UPLOAD.bad, 550],
      sends: SMALL,
      before: { small: SMALL },
      after: { small: Buffer.concat([SMALL, SMALL]) },
    },
    {
      commands: ["REST 5000000", "STOR large"],
      ...UPLOAD,
      sends: NEW,
      before: { large: LARGE },
      after: { large: Buffer.concat([LARGE.subarray(0, 5_000_000), NEW]) },
    },
  ],
  await backends(),
);

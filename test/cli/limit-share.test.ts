/** What one of several workers has of the bounds that `--limit` gives. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { limitsOf, shareOfLimits } from "../../dist/cli/limit-flags.js";

const GIVEN = limitsOf([
  "server.sessions=9",
  "server.uploadRate=1000",
  "address.commandRate=7",
  "address.downloadRate=off",
  "account.transfers=2",
  "session.downloadRate=100",
  "listener.sessions=10",
  "listener.uploadRate=9",
  "listener.uploadSize=5",
  "server.loginAttempts=4",
  "account.listingTime=900",
  "bans.after=5",
  "loginDelay=0",
]);

test("rates of what several clients share are divided, upwards; counts and what is of one session are not", () => {
  assert.deepEqual(shareOfLimits(GIVEN, 3), {
    limits: {
      server: { sessions: 9, uploadRate: 334, loginAttempts: 4 },
      address: { commandRate: 3, downloadRate: 0 },
      account: { transfers: 2, listingTime: 900 },
      session: { downloadRate: 100 },
    },
    listener: { sessions: 4, uploadRate: 3, uploadSize: 5 },
    bans: { after: 5 },
    loginDelay: 0,
  });
});

test("one worker has all", () => assert.deepEqual(shareOfLimits(GIVEN, 1), GIVEN));

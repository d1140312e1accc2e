/** The contract for S3: on the fake always, and on the server that the run is given. */
import { fileSystemContract, type StoreCapabilities } from "../../dist/testing/index.js";
import { givenS3Server } from "../kit/s3-server.js";
import { type FakeSubject, fakeSubject, type S3Subject, subjectIn } from "../kit/s3-subject.js";

const MEBIBYTE = 1024 * 1024;

const OPTIONS = { partSize: 5 * MEBIBYTE, maxRename: 100, keepTimes: true };

const CAPABILITIES: StoreCapabilities = {
  without: ["setMode", "setCreated", "directoryTimes", "unique", "availableSpace"],
  implicitDirectories: true,
  keepsName: (name) => name.isWellFormed(),
  pathBytes: 1024,
  borders: [5 * MEBIBYTE],
  // More than a page.
  entries: 1200,
};

const probes = { leftovers: ({ bucket }: S3Subject) => bucket.uploads() };

fileSystemContract({
  name: "S3, the fake",
  make: () => fakeSubject(OPTIONS),
  probes: {
    ...probes,
    requests: ({ fake }: FakeSubject) => fake.calls.length,
    stall: async ({ fake }: FakeSubject) => {
      fake.fault = () => ({ fault: "stall" });
      return {
        [Symbol.asyncDispose]: async () => {
          fake.fault = () => undefined;
        },
      };
    },
  },
  capabilities: CAPABILITIES,
});

const given = givenS3Server();
if (given !== undefined) {
  const prefix = "a prefix/of two";
  fileSystemContract({
    name: "S3, the server of PORTSIDE_TEST_S3",
    make: () => subjectIn(given, { ...OPTIONS, prefix }),
    probes,
    capabilities: { ...CAPABILITIES, pathBytes: 1024 - prefix.length - 1, exclusiveRename: "checked" },
  });
}

/** How an upload under TLS may end, and what that means: only what the client has signed is whole. */
import { alert, type SecureLine } from "./kit-data-tls.js";

/** One way to end, once the data are sent. */
export interface Ending {
  readonly name: string;
  end(line: SecureLine): Promise<void>;
}

const CLOSE_NOTIFY = 0;
const HANDSHAKE_FAILURE = 40;

/** The client has said that this is all. */
export const SIGNED: readonly Ending[] = [
  {
    name: "close_notify and FIN",
    async end(line) {
      await line.closeNotify();
      line.fin();
    },
  },
  { name: "close_notify, and the socket stays open", end: (line) => line.closeNotify() },
  {
    name: "close_notify and RST",
    async end(line) {
      await line.closeNotify();
      line.rst();
    },
  },
  {
    name: "close_notify in two pieces, and FIN",
    async end(line) {
      const record = await line.recordsOf(() => line.closeNotify());
      await line.forge(record.subarray(0, 7));
      await line.forge(record.subarray(7));
      line.fin();
    },
  },
];

/** Nobody has said that this is all, or somebody else did. */
export const UNSIGNED: readonly Ending[] = [
  { name: "FIN", end: async (line) => line.fin() },
  { name: "RST", end: async (line) => line.rst() },
  {
    name: "FIN in the middle of a record",
    async end(line) {
      const record = await line.recordsOf(() => line.send("the rest of the file"));
      await line.forge(record.subarray(0, record.length - 3));
      line.fin();
    },
  },
  {
    name: "FIN behind the header of a record",
    async end(line) {
      const record = await line.recordsOf(() => line.send("the rest of the file"));
      await line.forge(record.subarray(0, 5));
      line.fin();
    },
  },
  {
    name: "half of close_notify and FIN",
    async end(line) {
      const record = await line.recordsOf(() => line.closeNotify());
      await line.forge(record.subarray(0, record.length - 1));
      line.fin();
    },
  },
  {
    name: "RST in the middle of close_notify",
    async end(line) {
      const record = await line.recordsOf(() => line.closeNotify());
      await line.forge(record.subarray(0, record.length - 1));
      line.rst();
    },
  },
  {
    name: "close_notify in clear, of somebody else, and FIN",
    async end(line) {
      await line.forge(alert("warning", CLOSE_NOTIFY));
      line.fin();
    },
  },
  {
    name: "a fatal alert in clear",
    end: (line) => line.forge(alert("fatal", HANDSHAKE_FAILURE)),
  },
  {
    name: "close_notify with a wrong last byte, and FIN",
    async end(line) {
      const record = await line.recordsOf(() => line.closeNotify());
      record[record.length - 1] = (record.at(-1) ?? 0) ^ 1;
      await line.forge(record);
      line.fin();
    },
  },
  {
    name: "plain text and FIN",
    async end(line) {
      await line.forge(Buffer.from("the rest of the file, in clear\r\n"));
      line.fin();
    },
  },
];

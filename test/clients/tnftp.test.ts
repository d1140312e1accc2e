/** tnftp: the classic commands and more; single files by URL. */
import { type Dialect, classicClient } from "./classic-client.js";
import { expectAll } from "./expectations.js";

const dialect: Dialect = { program: "tnftp", flags: ["-n", "-i", "-V"], toggled: ["PASV", "PORT"] };

expectAll(classicClient(dialect));

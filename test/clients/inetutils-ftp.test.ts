/** inetutils-ftp: the classic commands. */
import { type Dialect, classicClient } from "./classic-client.js";
import { expectClassic } from "./classic-expectations.js";
import { expectAll } from "./expectations.js";

const dialect: Dialect = { program: "inetutils-ftp", flags: ["-n", "-i"], toggled: ["EPSV", "EPRT"] };

expectAll(classicClient(dialect));
expectClassic(dialect);

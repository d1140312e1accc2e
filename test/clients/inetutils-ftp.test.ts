/** inetutils-ftp: the classic commands. */
import { classicClient, type Dialect } from "./classic-client.js";
import { expectClassic } from "./classic-expectations.js";
import { expectAll } from "./expectations.js";

const dialect: Dialect = { program: "inetutils-ftp", flags: ["-n", "-i"], toggled: ["EPSV", "EPRT"] };

expectAll(classicClient(dialect));
expectClassic(dialect);

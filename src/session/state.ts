/** What a control connection remembers between commands (RFC 959 §4.1, RFC 3659 §5). REIN begins with a new one. */
import type { Opening } from "../channel/opening.js";
import type { Scope } from "../limits/scope.js";
import { DEFAULT_FACTS, type Fact } from "../listing/facts.js";
import type { ChecksumAlgorithm } from "../storage/checksum.js";
import type { FileSystem } from "../storage/file-system.js";
import { ROOT, type VirtualPath } from "../wire/virtual-path.js";
import { DEFAULT_LANGUAGE } from "./texts.js";

/** Who the client is. Only `admitted` holds a file system. */
export type Who =
  | { readonly stage: "greeted" }
  | { readonly stage: "named"; readonly username: string }
  | { readonly stage: "accountWanted"; readonly username: string; readonly password: string }
  | {
      readonly stage: "admitted";
      readonly username: string;
      readonly account: unknown;
      readonly fileSystem: FileSystem;
      /** By which the account is counted: the user name, with the host where the host of the process knows that. */
      readonly countedAs: string;
      /** The bounds that all sessions of the account share. */
      readonly scope: Scope;
    };

/** TYPE: ASCII or image (RFC 959 §3.1.1). */
export type TransferType = "A" | "I";

/** What REIN clears. */
export interface State {
  who: Who;
  /** The working directory. */
  directory: VirtualPath;
  type: TransferType;
  /** REST: octets to skip. 0 is none. */
  restart: number;
  /** RNFR: what RNTO will rename. */
  renaming: VirtualPath | undefined;
  /** ALLO: how many bytes the next upload will have. */
  allocated: number | undefined;
  /** PORT, PASV, EPRT, EPSV: the data connection that the next transfer uses. */
  offer: Opening | undefined;
  /** EPSV ALL was given (RFC 2428 §4). */
  extendedOnly: boolean;
  /** OPTS MLST: the facts to show. */
  facts: ReadonlySet<Fact>;
  /** OPTS HASH: the checksum that HASH tells. */
  checksum: ChecksumAlgorithm;
  /** SITE UMASK: bits that new files and directories lack; `undefined` leaves them to the store. */
  umask: number | undefined;
  /** LANG: a key of the catalogue. */
  language: string;
}

/** The state of a connection that has just been greeted. */
export function freshState(): State {
  return {
    who: { stage: "greeted" },
    directory: ROOT,
    type: "A",
    restart: 0,
    renaming: undefined,
    allocated: undefined,
    offer: undefined,
    extendedOnly: false,
    facts: DEFAULT_FACTS,
    checksum: "sha256",
    umask: undefined,
    language: DEFAULT_LANGUAGE,
  };
}

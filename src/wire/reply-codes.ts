/**
 * Every reply code that an FTP server may send, with its meaning and the clause that defines it. Which
 * command may answer with which of them is for the commands to say.
 */

/** What a reply code means. */
export interface ReplyCodeEntry {
  /** In the words of the clause, shortened. */
  readonly meaning: string;
  /** The clause that defines the code, or gives it its use. */
  readonly source: string;
}

/** The codes by number. */
export const REPLY_CODES = {
  110: { meaning: "Restart marker reply", source: "RFC 959 §4.2" },
  120: { meaning: "Service ready in some minutes", source: "RFC 959 §4.2" },
  125: { meaning: "Data connection already open; transfer starting", source: "RFC 959 §4.2" },
  150: { meaning: "File status okay; about to open data connection", source: "RFC 959 §4.2" },
  200: { meaning: "Command okay", source: "RFC 959 §4.2" },
  202: { meaning: "Command not implemented, superfluous at this site", source: "RFC 959 §4.2" },
  211: { meaning: "System status, or features", source: "RFC 959 §4.2, RFC 2389 §3.2" },
  212: { meaning: "Directory status", source: "RFC 959 §4.2" },
  213: { meaning: "File status, size or modification time", source: "RFC 959 §4.2, RFC 3659 §3 and §4" },
  214: { meaning: "Help message", source: "RFC 959 §4.2" },
  215: { meaning: "System type", source: "RFC 959 §4.2" },
  220: { meaning: "Service ready for new user", source: "RFC 959 §4.2, RFC 7151 §3" },
  221: { meaning: "Service closing control connection", source: "RFC 959 §4.2" },
  225: { meaning: "Data connection open; no transfer in progress", source: "RFC 959 §4.2" },
  226: { meaning: "Closing data connection; requested file action successful", source: "RFC 959 §4.2" },
  227: { meaning: "Entering passive mode", source: "RFC 959 §4.2, RFC 1123 §4.1.2.6" },
  228: { meaning: "Entering long passive mode", source: "RFC 1639 §3" },
  229: { meaning: "Entering extended passive mode", source: "RFC 2428 §3" },
  230: { meaning: "User logged in, proceed", source: "RFC 959 §4.2" },
  232: { meaning: "User logged in, authorized by security data exchange", source: "RFC 2228 §5.1" },
  234: { meaning: "Security data exchange complete", source: "RFC 2228 §5.1, RFC 4217 §4" },
  235: { meaning: "Security data exchange completed successfully", source: "RFC 2228 §5.1" },
  250: { meaning: "Requested file action okay, completed", source: "RFC 959 §4.2, RFC 3659 §7.2" },
  251: { meaning: "MD5 of a file", source: "draft-twine-ftpmd5-00" },
  257: { meaning: "Pathname created, or current directory", source: "RFC 959 §4.2 and Appendix II" },
  331: { meaning: "User name okay, need password", source: "RFC 959 §4.2" },
  332: { meaning: "Need account for login", source: "RFC 959 §4.2" },
  334: { meaning: "Requested security mechanism okay, security data needed", source: "RFC 2228 §5.1" },
  335: { meaning: "Security data acceptable, more is required", source: "RFC 2228 §5.1" },
  336: { meaning: "User name okay, need password; challenge follows", source: "RFC 2228 §5.1" },
  350: { meaning: "Requested file action pending further information", source: "RFC 959 §4.2, RFC 3659 §5" },
  421: { meaning: "Service not available, closing control connection", source: "RFC 959 §4.2" },
  425: { meaning: "Can't open data connection", source: "RFC 959 §4.2" },
  426: { meaning: "Connection closed; transfer aborted", source: "RFC 959 §4.2" },
  431: { meaning: "Need some unavailable resource to process security", source: "RFC 2228 §5.1" },
  450: { meaning: "Requested file action not taken; file unavailable", source: "RFC 959 §4.2" },
  451: { meaning: "Requested action aborted; local error in processing", source: "RFC 959 §4.2" },
  452: { meaning: "Requested action not taken; insufficient storage space", source: "RFC 959 §4.2" },
  500: { meaning: "Syntax error, command unrecognized", source: "RFC 959 §4.2" },
  501: { meaning: "Syntax error in parameters or arguments", source: "RFC 959 §4.2" },
  502: { meaning: "Command not implemented", source: "RFC 959 §4.2" },
  503: { meaning: "Bad sequence of commands", source: "RFC 959 §4.2" },
  504: { meaning: "Command not implemented for that parameter", source: "RFC 959 §4.2, RFC 2577 §3, RFC 7151 §3" },
  521: { meaning: "Data connection cannot be opened with this PROT setting", source: "RFC 4217 §10.2" },
  522: { meaning: "Network protocol not supported, or TLS negotiation failed", source: "RFC 2428 §2, RFC 4217 §10.2" },
  530: { meaning: "Not logged in", source: "RFC 959 §4.2" },
  532: { meaning: "Need account for storing files", source: "RFC 959 §4.2" },
  533: { meaning: "Command protection level denied for policy reasons", source: "RFC 2228 §5.1" },
  534: { meaning: "Request denied for policy reasons", source: "RFC 2228 §5.1" },
  535: { meaning: "Failed security check", source: "RFC 2228 §5.1" },
  536: { meaning: "Data protection level not supported by security mechanism", source: "RFC 2228 §5.1" },
  537: { meaning: "Command protection level not supported by security mechanism", source: "RFC 2228 §5.1" },
  550: { meaning: "Requested action not taken; file unavailable", source: "RFC 959 §4.2" },
  551: { meaning: "Requested action aborted; page type unknown", source: "RFC 959 §4.2" },
  552: { meaning: "Requested file action aborted; exceeded storage allocation", source: "RFC 959 §4.2" },
  553: { meaning: "Requested action not taken; file name not allowed", source: "RFC 959 §4.2" },
  554: { meaning: "Requested action not taken; invalid REST parameter", source: "RFC 1123 §4.1.3.4" },
  555: { meaning: "Requested action not taken; type or structure mismatch", source: "RFC 1123 §4.1.3.4" },
  556: { meaning: "Requested action not taken for policy reasons", source: "draft-bryan-ftpext-hash-02 §3.5" },
  631: { meaning: "Integrity protected reply", source: "RFC 2228 §5.1" },
  632: { meaning: "Confidentiality and integrity protected reply", source: "RFC 2228 §5.1" },
  633: { meaning: "Confidentiality protected reply", source: "RFC 2228 §5.1" },
} as const satisfies { readonly [code: number]: ReplyCodeEntry };

/** A code that an FTP server may send. */
export type ReplyCode = keyof typeof REPLY_CODES;

/** Whether a number is a reply code of FTP. */
export function isReplyCode(code: number): code is ReplyCode {
  return Object.hasOwn(REPLY_CODES, code);
}

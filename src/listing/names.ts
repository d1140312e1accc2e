/**
 * Which names may appear in a listing (RFC 3659 §2.2, RFC 1123 §4.1.2.7). A store is trusted with its
 * content, not with the protocol: a name that a client could not send back, or that would forge a line
 * or lead a client out of its own directory, is left out. Knows no line format.
 */

/** Whether a name can stand in a listing: one component, not `.` or `..`, without NUL, CR and LF. */
export function isListable(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\0\r\n]/.test(name);
}

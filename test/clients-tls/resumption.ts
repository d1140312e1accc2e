/**
 * Which clients go on with the TLS session of their control connection on data connections (RFC 4217 §10.2 leaves it to
 * them), by the version of TLS: found out with these clients, and what a server can count on that requires it.
 */
import type { Protocol } from "./tls-scene.js";

/**
 * `once`: on the first data connection of a session, and not on the next one; `unsure`: it depends on whether the client has read the
 * server's tickets by then.
 */
export type Resumption = "always" | "once" | "never" | "unsure";

/** By the name of the client. */
export const RESUMPTION = {
  // OpenSSL takes a ticket of TLS 1.3 once where the client keeps its sessions itself, and Node gives no ticket for a ticket.
  curl: { "TLSv1.2": "always", "TLSv1.3": "once" },
  wget: { "TLSv1.2": "always", "TLSv1.3": "unsure" },
  lftp: { "TLSv1.2": "always", "TLSv1.3": "always" },
  ftplib: { "TLSv1.2": "never", "TLSv1.3": "never" },
  "ftplib that hands its session on": { "TLSv1.2": "always", "TLSv1.3": "always" },
  "Net::FTP": { "TLSv1.2": "never", "TLSv1.3": "never" },
  "Net::FTP in active mode": { "TLSv1.2": "always", "TLSv1.3": "unsure" },
  "ftp-ssl": { "TLSv1.2": "always", "TLSv1.3": "always" },
  "basic-ftp": { "TLSv1.2": "always", "TLSv1.3": "always" },
} satisfies Readonly<Record<string, Readonly<Record<Protocol, Resumption>>>>;

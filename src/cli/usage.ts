/** The text of `--help`, made from the table of flags. */
import { FLAGS } from "./flags.js";

const BEFORE = `Usage: portside [folder] [flags]

Serves a folder by FTP: the current one where none is given. Without --user and --anonymous there is
one user, portside, with a new password that is printed.

Flags (defaults in parentheses):
`;

const AFTER = `
Only this machine can connect unless --host says otherwise: --host :: is every address, IPv6 and IPv4.
Plain FTP encrypts nothing: passwords and files can be read on the way. With a certificate clients can use TLS
at --port (AUTH TLS) and must, as --tls-require says; --implicit-port is for ftps:// URLs.
The files of --tls-cert and --tls-key may be replaced at any time: new connections get the new certificate.
--s3, --azure and --gcs need the store's SDK beside portside, and take their credentials from the environment.
--metrics needs the package prom-client; /health there is 200 while the server listens, else 503.
SIGINT (Ctrl+C) and SIGTERM let running transfers finish, as long as --drain says; a second one stops at once.
Exit codes: 0 stopped, 1 could not start, 2 wrong flags.
`;

/** What `--help` prints. */
export function usage(): string {
  const rows = Object.entries(FLAGS).map(([name, flag]) => {
    const left = "value" in flag ? `--${name} ${flag.value}` : `--${name}`;
    return `  ${left.padEnd(22)}  ${flag.help}\n`;
  });
  return `${BEFORE}${rows.join("")}${AFTER}`;
}

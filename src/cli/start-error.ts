/** Why the server cannot start, in words that say what to do. */

type SystemError = NodeJS.ErrnoException & {
  readonly address?: string;
  readonly hostname?: string;
  readonly port?: number;
};

/** The ports that were asked for. */
interface Ports {
  readonly port: number;
  readonly tls: { readonly implicitPort: number | undefined } | undefined;
}

/**
 * The message of an error of `listen`, or of whatever else went wrong.
 * @param asked the ports that were asked for
 */
export function explainStart(error: unknown, asked: Ports): string {
  if (!(error instanceof Error)) return String(error);
  const { code, address, hostname, message } = error as SystemError;
  const host = address ?? hostname ?? "that host";
  const port = (error as SystemError).port ?? asked.port;
  const flag = port === asked.tls?.implicitPort ? "--implicit-port" : "--port";
  switch (code) {
    case "EADDRINUSE":
      return `port ${port} at ${host} is in use; choose another with ${flag}`;
    case "EACCES":
      return `port ${port} at ${host} may not be used by this user; choose one from 1024 with ${flag}`;
    case "EADDRNOTAVAIL":
      return `${host} is not an address of this machine; choose another with --host`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the name ${host} cannot be resolved; choose another with --host`;
    default:
      return message;
  }
}

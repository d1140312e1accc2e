/** The certificate of the server: where it comes from, and that files which are replaced are taken while it runs. */
import { statSync } from "node:fs";
import type { Server } from "../index.js";
import { type CertificateFiles, checkPair, type KeyPair, objectionTo, readFiles, stampOf } from "./certificate.js";
import type { TlsSettings } from "./flags.js";
import type { Log } from "./log.js";
import { selfSigned } from "./self-signed.js";
import { watchFiles } from "./watching.js";

/**
 * The certificate to begin with.
 * @param hosts that are listened at, for a certificate that is made
 * @throws Error saying what is wrong with which file, or what to install
 */
export async function openPair({ files }: TlsSettings, hosts: readonly string[]): Promise<KeyPair> {
  if (files === undefined) return selfSigned(hosts);
  const pair = readFiles(files);
  checkPair(pair, files);
  return pair;
}

/**
 * Gives the server what the files hold, whenever that is something else than before and can be used.
 * @param pair what the server has
 * @returns how to stop
 */
export function renewPair(server: Server, { files, require }: TlsSettings, pair: KeyPair, log: Log): () => void {
  // A pipe has been read once, and that was it: its second reader would wait for ever.
  if (files === undefined || !isFile(files.cert) || !isFile(files.key)) return () => undefined;
  let tried: KeyPair | undefined = pair;
  return watchFiles([files.cert, files.key], () => {
    const before = tried;
    tried = undefined;
    try {
      tried = readFiles(files);
      if (before?.cert === tried.cert && before.key === tried.key) return;
      checkPair(tried, files);
      server.setTls({ ...tried, require });
      tellSuccess(log, files, tried);
      warnOfDates(log, files, tried);
    } catch (error) {
      const { message } = error as Error;
      const text = `the certificate stays as it was: ${message}`;
      log.write({
        level: "error",
        event: "certificateRefused",
        text,
        fields: { certFile: files.cert, keyFile: files.key, message },
      });
    }
  });
}

/** Says so where clients will refuse the certificate for its dates; the clock may be wrong, so it is used all the same. */
export function warnOfDates(log: Log, files: CertificateFiles, pair: KeyPair): void {
  const stamp = stampOf(pair);
  const objection = objectionTo(stamp);
  if (objection === undefined) return;
  const message = `the certificate of ${JSON.stringify(files.cert)} ${objection}`;
  log.write({
    level: "error",
    event: "certificateDates",
    text: `${message}: clients will refuse it`,
    fields: { certFile: files.cert, keyFile: files.key, ...stamp, message },
  });
}

function tellSuccess(log: Log, files: CertificateFiles, pair: KeyPair): void {
  const { fingerprint, validTo } = stampOf(pair);
  const text = `new connections get the new certificate of ${JSON.stringify(files.cert)}, SHA-256 ${fingerprint}`;
  log.write({
    level: "info",
    event: "certificateChanged",
    text,
    fields: { certFile: files.cert, keyFile: files.key, fingerprint, validTo },
  });
}

function isFile(name: string): boolean {
  return statSync(name, { throwIfNoEntry: false })?.isFile() ?? true;
}

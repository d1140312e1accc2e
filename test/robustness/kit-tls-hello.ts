/** The first bytes of a TLS client, for tests that say them slowly, or not to the end. Knows nothing of FTP. */
import { Duplex } from "node:stream";
import tls from "node:tls";

/** A whole ClientHello record. */
export async function clientHello(options: { readonly servername?: string } = {}): Promise<Buffer> {
  let tell: (record: Buffer) => void = () => undefined;
  const first = new Promise<Buffer>((resolve) => {
    tell = resolve;
  });
  const wire = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      tell(chunk);
      done();
    },
  });
  const client = tls.connect({ socket: wire, rejectUnauthorized: false, ...options });
  client.on("error", () => undefined);
  const record = await first;
  client.destroy();
  wire.destroy();
  return record;
}

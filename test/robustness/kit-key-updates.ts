/**
 * The client's half of TLS 1.3 behind a handshake, by hand (RFC 8446 §5.2, §7.1, §7.2): Node has no way to ask for new
 * keys, and here a test does. For TLS_AES_128_GCM_SHA256.
 */
import { createCipheriv, createHmac } from "node:crypto";

/** The cipher that it is for. */
export const CIPHER = "TLS_AES_128_GCM_SHA256";
const HASH_LENGTH = 32;
const [ALERT, HANDSHAKE, APPLICATION] = [21, 22, 23];

/** One direction, from the secret that `keylog` tells; nothing may have been sent with it before. */
export class ForgedRecords {
  #secret: Buffer;
  #sequence = 0;

  /** @param keylog the lines of the event `keylog` */
  constructor(keylog: string) {
    const [, secret = ""] = /^CLIENT_TRAFFIC_SECRET_0 \w+ (\w+)$/m.exec(keylog) ?? [];
    this.#secret = Buffer.from(secret, "hex");
  }

  /** KeyUpdate with update_requested: the server is to change its keys too, and to say so. */
  keyUpdate(): Buffer {
    const record = this.#record(HANDSHAKE, Buffer.from([24, 0, 0, 1, 1]));
    this.#secret = expand(this.#secret, "traffic upd", HASH_LENGTH);
    this.#sequence = 0;
    return record;
  }

  data(bytes: Uint8Array): Buffer {
    return this.#record(APPLICATION, bytes);
  }

  closeNotify(): Buffer {
    return this.#record(ALERT, Buffer.from([1, 0]));
  }

  #record(type: number, content: Uint8Array): Buffer {
    const nonce = expand(this.#secret, "iv", 12);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ this.#sequence++) >>> 0, 8);
    const cipher = createCipheriv("aes-128-gcm", expand(this.#secret, "key", 16), nonce);
    const header = Buffer.from([APPLICATION, 3, 3, 0, 0]);
    header.writeUInt16BE(content.length + 17, 3);
    cipher.setAAD(header);
    const sealed = [cipher.update(content), cipher.update(Buffer.from([type])), cipher.final()];
    return Buffer.concat([header, ...sealed, cipher.getAuthTag()]);
  }
}

/** HKDF-Expand-Label with an empty context, for no more than one hash. */
function expand(secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.from([0, length, name.length, ...name, 0, 1]);
  return createHmac("sha256", secret).update(info).digest().subarray(0, length);
}

/** Who may log in, and how much of the store is theirs. Keeps digests, not passwords. */
import { createHash, randomInt, timingSafeEqual } from "node:crypto";
import { encodeText } from "../index.js";
import { isEverybody, type User } from "./values.js";

/** What somebody may do. */
export type Access = "full" | "read-only";

/** Without characters that are taken for others. 32 of them: five bits each. */
const ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";
const PASSWORD_LENGTH = 16;
/** No password has this digest. */
const NOBODY = Buffer.alloc(32);

/** The accounts of this run. */
export class Accounts {
  readonly #digests: ReadonlyMap<string, Buffer>;
  readonly #anonymous: boolean;

  /** @param anonymous whether everybody may read */
  constructor(users: readonly User[], anonymous: boolean) {
    this.#digests = new Map(users.map(({ name, password }) => [name, digest(password)]));
    this.#anonymous = anonymous;
  }

  /** What a name and a password open; `undefined` for nothing. A wrong name takes as long as a wrong password. */
  access(name: string, password: string): Access | undefined {
    const right = timingSafeEqual(digest(password), this.#digests.get(name) ?? NOBODY);
    if (right) return "full";
    return this.#anonymous && isEverybody(name) ? "read-only" : undefined;
  }

  /** A name as it may be printed: people do type their password where the name belongs. */
  shown(name: string): string {
    if (this.#digests.has(name)) return name;
    const typed = digest(name);
    const secret = [...this.#digests.values()].some((known) => timingSafeEqual(known, typed));
    return secret ? "***" : name;
  }
}

/** A password that nobody guesses (80 bits) and everybody can type. */
export function newPassword(): string {
  return Array.from({ length: PASSWORD_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
}

/** Of equal length for all, so that they can be compared in equal time. */
function digest(password: string): Buffer {
  return createHash("sha256").update(encodeText(password)).digest();
}

/** The options of a server as sessions see them: checked, with defaults filled in. Times in milliseconds, 0 is off. */
import type { PortPool } from "../channel/port-pool.js";
import type { Slots } from "./slots.js";
import type { SessionView } from "./view.js";

/** The address that PASV tells a client to connect to. */
export type PassiveAddress<Client extends SessionView = SessionView> =
  | string
  | ((session: Client) => string | undefined | Promise<string | undefined>);

/** Every option, complete. */
export interface Settings {
  readonly greeting: string | undefined;
  readonly idleTimeout: number;
  readonly loginTimeout: number;
  readonly dataTimeout: number;
  readonly stallTimeout: number;
  readonly hookTimeout: number;
  readonly partialUploads: "discard" | "keep";
  readonly overwriteOnRename: boolean;
  readonly allowRelogin: boolean;
  readonly maxLineLength: number;
  readonly maxQueuedCommands: number;
  readonly maxLoginAttempts: number;
  readonly maxUnknownCommands: number;
  readonly asciiScanLimit: number;
  readonly checksumScanLimit: number;
  readonly checksums: Slots;
  readonly listing: { readonly maxDepth: number; readonly maxEntries: number; readonly statLines: number };
  readonly passive: { readonly address: PassiveAddress | undefined };
  readonly active: { readonly enabled: boolean; readonly sourcePort: number };
  readonly ports: PortPool;
}

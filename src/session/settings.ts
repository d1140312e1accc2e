/** The options of a server as sessions see them: checked, with defaults filled in. Times in milliseconds, 0 is off. */
import type { PassivePorts } from "../channel/passive-ports.js";
import type { AdvertisedAddress } from "./passive-address.js";
import type { Slots } from "./slots.js";

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
  readonly listing: {
    readonly maxDepth: number;
    readonly maxEntries: number;
    readonly maxMilliseconds: number;
    readonly statLines: number;
  };
  /** `portOffset`: what clients are told is so much more than the port that is listened on. */
  readonly passive: { readonly address: AdvertisedAddress; readonly portOffset: number };
  readonly active: { readonly enabled: boolean; readonly sourcePort: number };
  readonly ports: PassivePorts;
}

/** Shared passive ports again, control and data connections under TLS. */
import { useTls } from "../kit/security.js";

await useTls({ implicit: false, version: "TLSv1.3" });
await import("./passive-sharing.test.js");

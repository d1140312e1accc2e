/** The behaviour suite over explicit TLS 1.2, control and data connections alike. */
import { behaviourOver } from "./behaviour.js";

await behaviourOver({ implicit: false, version: "TLSv1.2" });

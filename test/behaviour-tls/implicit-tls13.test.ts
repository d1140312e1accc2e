/** The behaviour suite over implicit TLS 1.3, control and data connections alike. */
import { behaviourOver } from "./behaviour.js";

await behaviourOver({ implicit: true, version: "TLSv1.3" });

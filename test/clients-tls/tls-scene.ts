/** A scene under TLS: a server with certificates of the tests' authority, and what TLS has agreed on with the client. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DataChannel, TlsFailedFact, TlsOptions } from "../../dist/index.js";
import { Scene, type StoreKind, type Way } from "../clients/scene.js";
import { authority, testCertificates } from "../kit/certificates.js";
import type { Finished } from "../kit/programs.js";
import { type TemporaryDirectory, temporaryDirectory } from "../kit/temporary.js";

/** The versions of TLS that the server speaks. */
export const PROTOCOLS = ["TLSv1.2", "TLSv1.3"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** AUTH TLS, or TLS before the first reply. */
export type Style = "explicit" | "implicit";

/** What is special about a scene. */
export interface TlsSceneOptions {
  readonly style?: Style;
  /** The only version of the server. Default: both. */
  readonly protocol?: Protocol;
  /** Options of `tls` besides the certificate. */
  readonly tls?: TlsOptions;
  /** Whether the client trusts an authority that has nothing to do with the server. */
  readonly distrusted?: boolean;
}

/** What TLS has agreed on for one connection. */
export type Secure = NonNullable<DataChannel["secure"]>;

const certificates = await testCertificates();
const stranger = await authority("somebody else");

/** A scene, and what was seen of TLS. */
export class TlsScene {
  readonly scene: Scene;
  readonly style: Style;
  /** The file of the authority that the client is to trust. */
  readonly ca: string;
  /** Every data connection so far. */
  readonly channels: DataChannel[] = [];
  /** The control connections of those who have logged in, as they were then. */
  readonly logins: (Secure | undefined)[] = [];
  /** Every handshake that failed. */
  readonly failures: TlsFailedFact[] = [];
  /** The verbs that were answered in clear, behind the greeting. */
  readonly clear: string[] = [];

  private constructor(scene: Scene, style: Style, ca: string) {
    this.scene = scene;
    this.style = style;
    this.ca = ca;
    const { server } = scene.served;
    server.on("dataChannel", ({ channel }) => void this.channels.push(channel));
    server.on("loggedIn", ({ session }) => void this.logins.push(session.secure));
    server.on("tlsFailed", (fact) => void this.failures.push(fact));
    server.on("reply", ({ session, verb }) => {
      if (session.secure === undefined && verb !== undefined) this.clear.push(verb);
    });
  }

  /** As `Scene.play`, with TLS. */
  static async play(
    way: Way,
    kind: StoreKind,
    work: (tls: TlsScene) => Promise<void>,
    { style = "explicit", protocol, tls, distrusted }: TlsSceneOptions = {},
  ): Promise<void> {
    await using folder: TemporaryDirectory = await temporaryDirectory();
    const ca = join(folder.path, "ca.pem");
    await writeFile(ca, distrusted ? stranger.cert : certificates.ca.cert);
    const versions = protocol === undefined ? {} : { minVersion: protocol, maxVersion: protocol };
    const { cert, key } = certificates.server;
    const server = { implicitTls: style === "implicit", tls: { cert, key, ...versions, ...tls } };
    await Scene.play(way, kind, (scene) => work(new TlsScene(scene, style, ca)), { server });
  }

  /** Runs a client as `Scene.run` does. */
  run(...args: Parameters<Scene["run"]>): Promise<Finished> {
    return this.scene.run(...args);
  }

  /** A URL of the scene with another scheme. */
  url(scheme: "ftp" | "ftps", path: string): string {
    return this.scene.url(path).replace("ftp:", `${scheme}:`);
  }
}

/** busybox ftpget and ftpput: one file a run, passive only. */
import type { Client } from "./client.js";
import { expectAll } from "./expectations.js";
import { type Scene, way } from "./scene.js";

async function busybox(scene: Scene, applet: string, ...args: readonly string[]): Promise<void> {
  const options = ["-u", "test", "-p", "secret", "-P", String(scene.port)];
  await scene.run("busybox", [applet, ...options, ...args]);
}

const client: Client = {
  name: "busybox",
  programs: ["busybox"],
  ways: [way("EPSV"), { ...way("PASV"), refused: "EPSV" }, way("EPSV", "::1")],
  download: (scene, remote, local) => busybox(scene, "ftpget", "--", scene.host, local, remote),
  upload: (scene, local, remote) => busybox(scene, "ftpput", "--", scene.host, remote, local),
  resumeDownload: (scene, remote, local) => busybox(scene, "ftpget", "-c", "--", scene.host, local, remote),
  wrongPassword: (scene) => busybox(scene, "ftpget", "-p", "wrong", scene.host, "x", "x"),
};

expectAll(client);

/** basic-ftp: the client library of npm, in this process; passive only. */
import { Client as BasicClient } from "basic-ftp";
import { virtualPath } from "../../dist/index.js";
import { within } from "../kit/temporary.js";
import type { Client } from "./client.js";
import { expectAll } from "./expectations.js";
import { type Scene, way } from "./scene.js";

/** Lets a logged-in client work, not for ever. */
async function connected<Result>(scene: Scene, work: (ftp: BasicClient) => Promise<Result>): Promise<Result> {
  const ftp = new BasicClient(8000);
  try {
    const access = { host: scene.host, port: scene.port, user: "test", password: "secret" };
    return await within(ftp.access(access).then(() => work(ftp)), "basic-ftp");
  } finally {
    ftp.close();
  }
}

const does =
  (work: (ftp: BasicClient, scene: Scene, from: string, to: string) => Promise<unknown>) =>
  async (scene: Scene, from: string, to = ""): Promise<void> =>
    void (await connected(scene, (ftp) => work(ftp, scene, from, to)));

const client: Client = {
  name: "basic-ftp",
  programs: [],
  ways: [way("EPSV"), { ...way("PASV"), refused: "EPSV" }, way("EPSV", "::1")],
  list: (scene, directory) => connected(scene, async (ftp) => (await ftp.list(directory)).map(({ name }) => name)),
  download: does((ftp, scene, remote, local) => ftp.downloadTo(scene.local(local), remote)),
  upload: does((ftp, scene, local, remote) => ftp.uploadFrom(scene.local(local), remote)),
  resumeDownload: async (scene, remote, local) => {
    const size = await scene.localSize(local);
    await connected(scene, (ftp) => ftp.downloadTo(scene.local(local), remote, size));
  },
  resumeUpload: async (scene, local, remote) => {
    const { size } = await scene.store.stat(virtualPath(remote));
    await connected(scene, (ftp) => ftp.appendFrom(scene.local(local), remote, { localStart: size }));
  },
  append: does((ftp, scene, local, remote) => ftp.appendFrom(scene.local(local), remote)),
  rename: does((ftp, _scene, from, to) => ftp.rename(from, to)),
  remove: does((ftp, _scene, path) => ftp.remove(path)),
  makeDirectory: does((ftp, _scene, path) => ftp.send(`MKD ${path}`)),
  removeDirectory: does((ftp, _scene, path) => ftp.removeEmptyDir(path)),
  downloadFolder: does((ftp, scene, remote, local) => ftp.downloadToDir(scene.local(local), remote)),
  uploadFolder: does((ftp, scene, local, remote) => ftp.uploadFromDir(scene.local(local), remote)),
  downloadTree: does((ftp, scene, remote, local) => ftp.downloadToDir(scene.local(local), remote)),
  uploadTree: does((ftp, scene, local, remote) => ftp.uploadFromDir(scene.local(local), remote)),
  wrongPassword: async (scene) => {
    const ftp = new BasicClient(8000);
    try {
      await ftp.access({ host: scene.host, port: scene.port, user: "test", password: "wrong" });
    } finally {
      ftp.close();
    }
  },
};

expectAll(client);

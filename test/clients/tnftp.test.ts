/** tnftp: the classic commands and more; single files by URL. */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { describe } from "node:test";
import { content } from "../kit/store.js";
import { classicClient, type Dialect, script } from "./classic-client.js";
import { expectClassic } from "./classic-expectations.js";
import { assertLocal, assertStored, expectAll, played } from "./expectations.js";
import { STORES, way } from "./scene.js";
import { putTree } from "./tree.js";

const dialect: Dialect = { program: "tnftp", flags: ["-n", "-i", "-V"], toggled: ["PASV", "PORT"] };

expectAll(classicClient(dialect));
expectClassic(dialect);

const program = { programs: [dialect.program] };

describe("tnftp's modern side", () => {
  for (const kind of STORES) {
    played(program, `moves files by URL (${kind})`, way("EPSV"), kind, async (scene) => {
      await putTree(scene, "tree");
      const url = scene.url("tree/sub dir/one file").replace("ftp://", "ftp://test:secret@");
      await scene.run("tnftp", ["-V", "-o", "by url", url]);
      await assertLocal(scene, "by url", await content(scene.store, "/tree/sub dir/one file"));
      await writeFile(scene.local("up"), "up");
      await scene.run("tnftp", ["-V", "-u", `ftp://test:secret@${scene.authority}/tree/up`, "up"]);
      await assertStored(scene, "/tree/up", "up");
      await scene.run("tnftp", ["-V", "-o", "x", `ftp://test:secret@${scene.authority}/missing`], {
        status: "failure",
      });
    });

    played(program, `reads FEAT, MLST and MLSD, and sets OPTS (${kind})`, way("EPSV"), kind, async (scene) => {
      await putTree(scene, "tree");
      const output = await script(
        scene,
        dialect,
        "features",
        "remopts MLST type;size;",
        "mlst tree/top.txt",
        "mlsd tree",
      );
      assert.match(output, /^ MLST type\*;/m);
      assert.match(output, /^ *type=file;size=70000; \/tree\/top\.txt$/m);
      assert.match(output, /^type=dir; sub dir$/m);
    });

    played(program, `mreget and fget take what is missing (${kind})`, way("EPSV"), kind, async (scene) => {
      await putTree(scene, "tree");
      await mkdir(scene.local("tree"));
      const whole = await content(scene.store, "/tree/top.txt");
      await writeFile(scene.local("tree/top.txt"), whole.subarray(0, 69_000));
      await writeFile(scene.local("wanted"), "tree/-rf/x\n");
      await mkdir(scene.local("tree/-rf"));
      await script(scene, dialect, "binary", "mreget tree/*.txt", "fget wanted");
      await assertLocal(scene, "tree/top.txt", whole);
      await assertLocal(scene, "tree/-rf/x", await content(scene.store, "/tree/-rf/x"));
      assert.deepEqual(
        scene.transfers.map(({ bytes }) => bytes),
        [1000, 10],
      );
    });
  }
});

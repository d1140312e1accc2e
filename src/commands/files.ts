/**
 * Directories and files (RFC 959 §4.1.3): where the client is, and what it makes, renames and removes.
 * A change that has begun goes to its end, also when the client leaves meanwhile: it gets no signal.
 */
import type { Dialogue } from "../session/dialogue.js";
import { PathQuestion, RenameQuestion } from "../session/questions.js";
import { FileSystemError } from "../storage/file-system-error.js";
import { quotePath, type Reply, reply } from "../wire/reply.js";
import { isWithin, parentOf, ROOT, type VirtualPath } from "../wire/virtual-path.js";
import { newPathname, none, pathname, text } from "./grammar.js";
import { type Row, row } from "./row.js";

/** PWD, CWD, CDUP, SMNT, MKD, RMD, DELE, RNFR, RNTO. */
export const fileRows: readonly Row[] = [
  row({
    verb: "PWD",
    aliases: ["XPWD"],
    source: "RFC 959 §4.1.3",
    summary: "show the working directory",
    argument: none,
    replies: [257, 550],
    needs: ["login"],
    keepsRestart: true,
    run: ({ state, texts }) => reply(257, texts.directoryIs(quotePath(state.directory))),
  }),
  row({
    verb: "CWD",
    aliases: ["XCWD"],
    source: "RFC 959 §4.1.1",
    summary: "change the working directory",
    argument: pathname,
    replies: [250, 550],
    needs: ["login"],
    run: changeDirectory,
  }),
  row({
    verb: "CDUP",
    aliases: ["XCUP"],
    source: "RFC 959 §4.1.1",
    summary: "change to the parent directory",
    argument: none,
    replies: [250, 550],
    needs: ["login"],
    run: (dialogue) => changeDirectory(dialogue, parentOf(dialogue.state.directory)),
  }),
  row({
    verb: "SMNT",
    source: "RFC 959 §4.1.1",
    summary: "mount another structure; there is none",
    argument: text("pathname"),
    replies: [502],
    needs: ["login"],
    run: ({ texts }) => reply(502, texts.notImplemented),
  }),
  row({
    verb: "MKD",
    aliases: ["XMKD"],
    source: "RFC 959 §4.1.3, Appendix II",
    summary: "make a directory",
    argument: newPathname,
    replies: [257, 550],
    needs: ["login"],
    run: makeDirectory,
  }),
  row({
    verb: "RMD",
    aliases: ["XRMD"],
    source: "RFC 959 §4.1.3",
    summary: "remove an empty directory",
    argument: pathname,
    replies: [250, 550],
    needs: ["login"],
    run: removeDirectory,
  }),
  row({
    verb: "DELE",
    source: "RFC 959 §4.1.3",
    summary: "delete a file",
    argument: pathname,
    replies: [250, 450, 550],
    needs: ["login"],
    run: deleteFile,
  }),
  row({
    verb: "RNFR",
    source: "RFC 959 §4.1.3",
    summary: "say what RNTO shall rename",
    argument: pathname,
    replies: [350, 450, 550],
    needs: ["login"],
    keepsRename: true,
    run: renameFrom,
  }),
  row({
    verb: "RNTO",
    source: "RFC 959 §4.1.3",
    summary: "rename what RNFR named",
    argument: newPathname,
    replies: [250, 450, 550, 553],
    needs: ["login"],
    run: renameTo,
  }),
];

async function changeDirectory({ state, fileSystem, texts, signal }: Dialogue, path: VirtualPath): Promise<Reply> {
  const info = await fileSystem.stat(path, { expect: "directory", signal });
  if (info.type !== "directory") throw new FileSystemError("ENOTDIR", path);
  state.directory = path;
  return reply(250, texts.directoryChanged);
}

async function makeDirectory(dialogue: Dialogue, path: VirtualPath): Promise<Reply> {
  const question = new PathQuestion(dialogue.session, 550, dialogue.texts.refused, path);
  const refusal = await dialogue.ask("mkd", question);
  if (refusal !== undefined) return refusal;
  await dialogue.fileSystem.makeDirectory(question.path, { umask: dialogue.state.umask });
  dialogue.tell("directoryMade", { path: question.path });
  return reply(257, dialogue.texts.directoryMade(quotePath(question.path)));
}

async function removeDirectory(dialogue: Dialogue, path: VirtualPath): Promise<Reply> {
  if (path === ROOT) throw new FileSystemError("EACCES", path);
  const question = new PathQuestion(dialogue.session, 550, dialogue.texts.refused, path);
  const refusal = await dialogue.ask("rmd", question);
  if (refusal !== undefined) return refusal;
  await dialogue.fileSystem.removeDirectory(question.path);
  const { state } = dialogue;
  // Who removes the ground under his feet stands on what is left.
  if (isWithin(state.directory, question.path)) state.directory = parentOf(question.path);
  dialogue.tell("directoryRemoved", { path: question.path });
  return reply(250, dialogue.texts.directoryRemoved);
}

async function deleteFile(dialogue: Dialogue, path: VirtualPath): Promise<Reply> {
  if (path === ROOT) throw new FileSystemError("EISDIR", path);
  const question = new PathQuestion(dialogue.session, 550, dialogue.texts.refused, path);
  const refusal = await dialogue.ask("dele", question);
  if (refusal !== undefined) return refusal;
  await dialogue.fileSystem.remove(question.path);
  dialogue.tell("deleted", { path: question.path });
  return reply(250, dialogue.texts.deleted);
}

async function renameFrom({ state, fileSystem, texts, signal }: Dialogue, path: VirtualPath): Promise<Reply> {
  state.renaming = undefined;
  if (path === ROOT) throw new FileSystemError("EACCES", path);
  await fileSystem.stat(path, { signal });
  state.renaming = path;
  return reply(350, texts.renameReady);
}

async function renameTo(dialogue: Dialogue, to: VirtualPath): Promise<Reply> {
  const { state, settings, texts, fileSystem } = dialogue;
  const from = state.renaming;
  if (from === undefined) return reply(503, texts.badSequence);
  if (to === ROOT) throw new FileSystemError("EACCES", to);
  const refusal = await dialogue.ask("rename", new RenameQuestion(dialogue.session, texts.refused, from, to));
  if (refusal !== undefined) return refusal;
  await fileSystem.rename(from, to, { overwrite: settings.overwriteOnRename });
  dialogue.tell("renamed", { from, to });
  return reply(250, texts.renamed);
}

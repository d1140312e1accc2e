/** portside: an embeddable FTP server. The public face: named re-exports, nothing computed. */
export { LocalFileSystem, type LocalFileSystemOptions } from "./adapters/local-file-system.js";
export { MemoryFileSystem, type MemoryFileSystemOptions } from "./adapters/memory-file-system.js";
export { DataChannel, type DataChannelEvents, type DataChannelOptions } from "./channel/data-channel.js";
export type { SecuredSocket } from "./channel/handshake.js";
export { type PortRange, partOfPorts } from "./channel/port-range.js";
export type { Secure } from "./channel/secure.js";
export { ClusterAdmissionStore } from "./cluster/cluster-admission-store.js";
export { shareAdmission } from "./cluster/share-admission.js";
export { type CommandDefinition, type CustomCommand, defineCommand } from "./commands/table.js";
export { type DecidedReply, FtpError, type FtpErrorCode } from "./errors.js";
export { Emitter, type Listener, ListenerError } from "./events/emitter.js";
export { Question } from "./events/question.js";
export type { AdmissionStore } from "./limits/admission-store.js";
export type { LimitName, LimitScope, Limits, Reached } from "./limits/limits.js";
export { MemoryAdmissionStore } from "./limits/memory-admission-store.js";
export { type AccessLogOptions, accessLog } from "./observe/access-log.js";
export type { Bucket, Latency } from "./observe/histogram.js";
export type {
  CommandMetrics,
  HandshakeMetrics,
  LimitMetrics,
  Metrics,
  TransferMetrics,
} from "./observe/metrics.js";
export { type SummarizedEvent, type Summary, summarize } from "./observe/summarize.js";
export type { EntranceOptions, ProxyOptions } from "./server/entrance.js";
export type { Health } from "./server/health.js";
export type { AdmissionOptions, BanOptions, LimitOptions } from "./server/limit-options.js";
export type {
  ActiveOptions,
  ListenerOptions,
  ListingOptions,
  PassiveOptions,
  ServerOptions,
} from "./server/options.js";
export { type CloseOptions, type ListenerAddress, Server } from "./server/server.js";
export type { TlsOptions } from "./server/tls-options.js";
export type { AnyCommand, Command, CommandContext, Grammar } from "./session/command.js";
export type {
  AbortedFact,
  ErrorFact,
  FactEvents,
  PathFact,
  QuestionEvents,
  RefusedFact,
  ReplyFact,
  SecuredFact,
  SessionEvents,
  SessionFact,
  TlsFailedFact,
  TransferFact,
} from "./session/events.js";
export {
  type Admission,
  AdmissionQuestion,
  type Admitted,
  CertificateQuestion,
  HostQuestion,
  LoginQuestion,
} from "./session/login-questions.js";
export type { PassiveAddress } from "./session/passive-address.js";
export {
  type AskedTransfer,
  CommandQuestion,
  ConnectQuestion,
  ListQuestion,
  PathQuestion,
  RenameQuestion,
  RetrieveQuestion,
  SiteQuestion,
  StoreQuestion,
  TransferQuestion,
} from "./session/questions.js";
export type { TlsRequirement } from "./session/requirement.js";
export { Session, type SessionBacking } from "./session/session.js";
export { SessionQuestion } from "./session/session-question.js";
export type { CommandTrace, SessionTrace, Trace, TransferTrace } from "./session/tracing.js";
export type { AccountOf, SessionView } from "./session/view.js";
export { type CacheOptions, cached } from "./storage/cached.js";
export type { Checksum, ChecksumAlgorithm } from "./storage/checksum.js";
export type { FileBody } from "./storage/file-body.js";
export type { FileInfo, FileType } from "./storage/file-info.js";
export {
  type Capability,
  type ChecksumOptions,
  type CreationOptions,
  FileSystem,
  type FileTimes,
  type OperationOptions,
  type ReadHandle,
  type ReadOptions,
  type RenameOptions,
  type StatOptions,
  type WriteHandle,
  type WriteMode,
  type WriteOptions,
} from "./storage/file-system.js";
export { FileSystemError, type FileSystemErrorCode } from "./storage/file-system-error.js";
export { FileSystemWrapper } from "./storage/file-system-wrapper.js";
export { mounted } from "./storage/mounted.js";
export type { QuotaCounter, QuotaUsage } from "./storage/quota/quota-counter.js";
export { type QuotaOptions, quota } from "./storage/quota.js";
export { readHandleFrom } from "./storage/read-handle-from.js";
export { readOnly } from "./storage/read-only.js";
export { type Permission, restricted } from "./storage/restricted.js";
export { rooted } from "./storage/rooted.js";
export { type WriteHandleEnds, writeHandleFrom } from "./storage/write-handle-from.js";
export type { Stage } from "./transfer/stage.js";
export type { TransferDirection, TransferView } from "./transfer/transfer.js";
export { type Reply, reply } from "./wire/reply.js";
export type { REPLY_CODES, ReplyCode, ReplyCodeEntry } from "./wire/reply-codes.js";
export { decodeText, encodeText } from "./wire/text-encoding.js";
export { baseName, childOf, isWithin, parentOf, ROOT, type VirtualPath, virtualPath } from "./wire/virtual-path.js";

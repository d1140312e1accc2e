/** Why a store in a cloud cannot be opened: what it or its SDK says, and what to look at. */
import { FileSystemError } from "../index.js";
import type { CloudTarget } from "./cloud-target.js";

/** What the SDKs' errors have; anything may be missing. */
interface SdkError {
  readonly name?: string;
  readonly code?: string | number;
  readonly message?: string;
  /** Where there is more than one, the message of Google's says so and nothing else. */
  readonly errors?: readonly SdkError[];
}

type Hint = readonly [said: RegExp, hint: string];

/** What to look at wherever the store is. */
const EVERYWHERE: readonly Hint[] = [
  [/NoSuchBucket|ContainerNotFound|bucket does not exist/, "look at the name, or make it first"],
  [/self-signed certificate|unable to (verify|get)/, "name its authority's certificate in NODE_EXTRA_CA_CERTS"],
  [/ECONN|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EPROTO/, "look at --endpoint, and at the network"],
];

/** What to look at, by what each store and its SDK say. */
const HINTS: Readonly<Record<CloudTarget["cloud"], readonly Hint[]>> = {
  s3: [
    [/Region is missing/, "set AWS_REGION"],
    [/PermanentRedirect|AuthorizationHeaderMalformed/, "look at AWS_REGION"],
    [/Could not load credentials/, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"],
    [/InvalidAccessKeyId/, "look at AWS_ACCESS_KEY_ID"],
    [/SignatureDoesNotMatch/, "look at AWS_SECRET_ACCESS_KEY"],
  ],
  azure: [
    [/Invalid URL|Connection String/i, "look at AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT"],
    [
      /AuthenticationFailed|AuthorizationFailure/,
      "look at AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN or AZURE_STORAGE_CONNECTION_STRING",
    ],
    [/ResourceNotFound/, "look at --endpoint, which ends with the account where its host does not begin with it"],
  ],
  gcs: [
    [
      /Anonymous caller|default credentials|Invalid Credentials|invalid_grant|routines|The file at/,
      "look at GOOGLE_APPLICATION_CREDENTIALS",
    ],
  ],
};

/** An answer that the SDK makes nothing of, and that would be no help if it were shown. */
const FOREIGN = /^\s*<|^Unknown$|^Multiple errors|XML parse error|Deserialization error|^Cannot read prop/;

/** What went wrong, in the words of the store or its SDK, and what to look at. */
export function explainCloud(error: unknown, cloud: CloudTarget["cloud"]): string {
  const cause = error instanceof FileSystemError ? (error.cause ?? error) : error;
  const said = wordsOf(cause ?? {});
  if (FOREIGN.test(said)) return `what answers there does not speak the language of --${cloud}; look at --endpoint`;
  const hint = [...HINTS[cloud], ...EVERYWHERE].find(([pattern]) => pattern.test(said))?.[1];
  return hint === undefined ? said : `${said.replace(/\.$/, "")}; ${hint}`;
}

function wordsOf({ name = "", code, message = "", errors = [] }: SdkError): string {
  const [first] = errors;
  if (first?.message !== undefined) return wordsOf({ message: first.message });
  const word = typeof code === "string" ? code : name;
  const line = message.replace(/^request to .* reason: |\n.*$/gs, "").replace(/^UnknownError$/, "");
  if (line === "") return word;
  // What is called just an error needs no name before it.
  return /^$|Error$|^ERR_/.test(word) || line.includes(word) ? line : `${word}: ${line}`;
}

/** Perl's Net::FTP under TLS, which IO::Socket::SSL brings. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type Way, way } from "../clients/scene.js";
import { run } from "../kit/programs.js";
import type { TlsClient } from "./tls-client.js";
import { expectTls } from "./tls-expectations.js";
import type { TlsScene } from "./tls-scene.js";

/** The beginning of every script. */
const PRELUDE = `
use strict; use Net::FTP; use IO::Socket::SSL;
my ($host, $port, $passive, $style, $ca, $size) = @ARGV;
my %ssl = (SSL_ca_file => $ca, SSL_verify_mode => SSL_VERIFY_PEER, SSL_verifycn_name => $host);
my %implicit = $style eq "implicit" ? (SSL => 1) : ();
my $ftp = Net::FTP->new($host, Port => $port, Passive => $passive, Timeout => 8, %implicit, %ssl) or die $@;
sub sure { $_[0] or die $ftp->message; }
$style eq "implicit" or sure($ftp->starttls);
sure($ftp->login("test", "secret"));
sure($ftp->binary);
`;

const VISIT = `
print "$_\\n" for $ftp->ls;
sure($ftp->get("down"));
sure($ftp->put("up", $_)) for "first", "second";`;

const RESUME_DOWNLOAD = `sure($ftp->get("down", "down", -s "down"));`;
const RESUME_UPLOAD = `
open(my $file, "<:raw", "up") or die; seek($file, $size, 0);
$ftp->restart($size);
sure($ftp->put($file, "part"));`;

async function perl(tls: TlsScene, lines: string, size = 0): Promise<string> {
  const { host, port, way: by } = tls.scene;
  const passive = by.mode === "PASV" || by.mode === "EPSV" ? "1" : "0";
  const args = ["-", host, String(port), passive, tls.style, tls.ca, String(size)];
  return (await tls.run("perl", args, { input: `${PRELUDE}${lines}\nsure($ftp->quit);\n` })).stdout;
}

/** As `requireProgram`, for a module. */
async function hasModules(t: TestContext): Promise<boolean> {
  const { code } = await run("perl", ["-MNet::FTP", "-MIO::Socket::SSL", "-e", "1"]);
  const reason = "Perl's modules are not installed: apt-get install perl libio-socket-ssl-perl";
  assert(code === 0 || process.env.CI !== "true", reason);
  if (code !== 0) t.skip(reason);
  return code === 0;
}

function netFtp(name: TlsClient["name"], ways: readonly Way[]): TlsClient {
  return {
    name,
    programs: ["perl"],
    isReady: hasModules,
    styles: ["explicit", "implicit"],
    ways,
    visit: async (tls) => (await perl(tls, VISIT)).split("\n").filter((line) => line !== ""),
    resumeDownload: async (tls) => void (await perl(tls, RESUME_DOWNLOAD)),
    resumeUpload: async (tls, size) => void (await perl(tls, RESUME_UPLOAD, size)),
  };
}

expectTls(netFtp("Net::FTP", [way("PASV"), way("EPSV", "::1")]));
expectTls(netFtp("Net::FTP in active mode", [way("PORT"), way("EPRT", "::1")]));

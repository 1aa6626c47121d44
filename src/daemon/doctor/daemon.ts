/** The socket, its folder, and whether a daemon of this version answers. */
import { existsSync, statSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { RpcError } from "../../acp/wire.ts";
import { formatDuration, shellCommand } from "../../base/text.ts";
import { programVersion } from "../../base/version.ts";
import { connectControl } from "../../control/client.ts";
import { maxSocketPathBytes } from "../../control/door.ts";
import type { DaemonStatus } from "../../control/methods.ts";
import type { Environment } from "../../base/paths.ts";
import { tracingWish } from "../../observe/tracing.ts";
import type { Finding } from "../../control/finding.ts";
import { otherConfig } from "../other-config.ts";
import { explained, type Examination } from "./examination.ts";

export function checkSocketFolder({ socketPath }: Examination): Finding[] {
  const folder = dirname(socketPath);
  const finding = { check: "socket", subject: folder };
  const bytes = Buffer.byteLength(socketPath);
  if (bytes > maxSocketPathBytes) {
    const message = `the path of the socket has ${bytes} bytes, and the system takes ${maxSocketPathBytes}`;
    const remedy = "choose a shorter one with socket under [server], or with --socket";
    return [{ ...finding, state: "broken", message, remedy }];
  }
  if (!existsSync(folder)) {
    return [{ ...finding, state: "ok", message: "is made by the first daemon", remedy: null }];
  }
  return [{ ...finding, ...accessOf(folder, statSync(folder)) }];
}

/** Whether others than the user can get at a folder. */
export function accessOf(folder: string, { mode, uid }: Stats): Pick<Finding, "state" | "message" | "remedy"> {
  const user = process.getuid?.();
  const octal = (mode & 0o7777).toString(8).padStart(4, "0");
  if (user !== undefined && uid !== user && user !== 0) {
    return { state: "broken", message: `belongs to user ${uid}, not to you`, remedy: `choose a folder of your own` };
  }
  if ((mode & 0o022) !== 0 && (mode & 0o1000) === 0) {
    const remedy = `run ${shellCommand(["chmod", "700", folder])}`;
    return { state: "broken", message: `others can change what is in it (mode ${octal})`, remedy };
  }
  if ((mode & 0o077) !== 0) {
    const remedy = `run ${shellCommand(["chmod", "700", folder])}, or use a folder for this alone`;
    return { state: "warning", message: `others can look into it (mode ${octal})`, remedy };
  }
  return { state: "ok", message: `yours alone (mode ${octal})`, remedy: null };
}

export async function checkDaemon({ config, socketPath, env, onProgress }: Examination): Promise<Finding[]> {
  onProgress("asking the daemon …");
  const finding = { check: "daemon", subject: socketPath };
  if (!existsSync(socketPath)) {
    return [{ ...finding, state: "ok", message: "none runs; what needs one starts it", remedy: null }];
  }
  try {
    using control = await connectControl(socketPath);
    const facts = await control.request("status", {});
    const { version, pid, uptimeMs, store, tracing } = facts;
    const other = config && otherConfig(facts, config);
    const message = `crucible ${version} answers (pid ${pid}, for ${formatDuration(uptimeMs)})`;
    const isSame = version === programVersion();
    return [
      isSame
        ? { ...finding, state: "ok", message, remedy: null }
        : {
            ...finding,
            state: "warning",
            message,
            remedy: `this is ${programVersion()}: run \`crucible stop\` when nothing is under way`,
          },
      ...(other ? [{ check: "config", subject: "daemon", state: "warning", ...other } as const] : []),
      ...(store.degradedSince === null ? [] : [degraded(store.reason)]),
      ...tracingFindings(tracing ?? null, env),
    ];
  } catch (error) {
    const { message, hint } = said(error);
    const isStale = message.includes("nothing listens");
    const remedy = isStale ? "nothing to do: the next daemon takes it over" : (hint ?? null);
    return [{ ...finding, state: isStale ? "warning" : "broken", message, remedy }];
  }
}

/** An error of the daemon has its hint in the message. */
function said(error: unknown): { message: string; hint?: string | undefined } {
  if (!(error instanceof RpcError)) return explained(error);
  const [message = "", hint] = error.message.split("\nhint: ");
  return { message, hint };
}

/** What the daemon was started with counts; what this shell asks for only tells what its user wants. */
function tracingFindings(tracing: DaemonStatus["tracing"], env: Environment): Finding[] {
  const wish = tracingWish(env);
  if (tracing) {
    const { endpoint, trouble } = tracing;
    const finding = { check: "tracing", subject: endpoint };
    if (trouble === null) return [{ ...finding, state: "ok", message: "spans are sent there", remedy: null }];
    const remedy = "see that a collector takes OTLP over HTTP there; nothing else waits for it";
    return [{ ...finding, state: "warning", message: `the last spans did not arrive: ${trouble}`, remedy }];
  }
  const asked = wish.problem ?? (wish.endpoint && "asked for here, and the daemon was started without it");
  if (asked === undefined) return [];
  const remedy = wish.problem
    ? "correct it where the daemon is started"
    : "start the daemon with these OTEL_ variables";
  return [{ check: "tracing", subject: wish.endpoint ?? "spans", state: "warning", message: asked, remedy }];
}

function degraded(reason: string | null): Finding {
  const message = `the daemon keeps what is said in memory only: ${reason ?? "it cannot be written"}`;
  const remedy = "free space, or make the state folder writable; it goes back to the disk by itself";
  return { check: "state", subject: "store", state: "broken", message, remedy };
}

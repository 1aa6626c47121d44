/** The state folder: whose it is, whether it can be written, how much room there is, and whether the store in it is sound. */
import { existsSync, mkdtempSync, readdirSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../base/errors.ts";
import { formatBytes } from "../../base/text.ts";
import type { Finding } from "../../control/finding.ts";
import { storeProblem } from "../../sessions/store-check.ts";
import { accessOf } from "./daemon.ts";
import type { Examination } from "./examination.ts";

/** Room below which the state folder counts as nearly full, in bytes. */
const scarceBytes = 200 * 1024 * 1024;

/** Room below which nothing can be relied on, in bytes. */
const tooFewBytes = 4 * 1024 * 1024;

export function checkState({ stateDirectory, onProgress }: Examination): Finding[] {
  onProgress("looking at the state folder …");
  const finding = { check: "state", subject: stateDirectory };
  if (!existsSync(stateDirectory)) {
    return [{ ...finding, state: "ok", message: "is made by the first daemon", remedy: null }];
  }
  return [
    { ...finding, ...accessOf(stateDirectory, statSync(stateDirectory)) },
    { ...finding, ...writable(stateDirectory) },
    { ...finding, ...room(stateDirectory) },
    ...storeFindings(stateDirectory),
  ];
}

type Verdict = Pick<Finding, "state" | "message" | "remedy">;

function writable(folder: string): Verdict {
  try {
    const trial = mkdtempSync(join(folder, ".doctor-"));
    try {
      writeFileSync(join(trial, "trial"), "x");
    } finally {
      rmSync(trial, { recursive: true });
    }
    return { state: "ok", message: "can be written", remedy: null };
  } catch (error) {
    const remedy = "make it writable, free space, or set XDG_STATE_HOME to another place";
    return { state: "broken", message: `cannot be written: ${messageOf(error)}`, remedy };
  }
}

function room(folder: string): Verdict {
  const { bavail, bsize } = statfsSync(folder);
  const bytes = bavail * bsize;
  const message = `${formatBytes(bytes)} are free`;
  if (bytes >= scarceBytes) return { state: "ok", message, remedy: null };
  const remedy = "free space; `crucible sessions delete` removes what is stored, and retention_days limits it";
  return { state: bytes < tooFewBytes ? "broken" : "warning", message: `only ${message}`, remedy };
}

function storeFindings(folder: string): Finding[] {
  const file = join(folder, "crucible.db");
  const finding = { check: "state", subject: file };
  const problem = existsSync(file) ? storeProblem(file) : undefined;
  const set = readdirSync(folder).filter((name) => name.startsWith("crucible.db.damaged-"));
  const remedy = problem?.isLater
    ? "use that release; a daemon of this one sets it aside and begins a new one"
    : "end the daemon; the next one sets it aside and begins a new one";
  return [
    problem === undefined
      ? { ...finding, state: "ok", message: existsSync(file) ? "sound" : "nothing is stored yet", remedy: null }
      : { ...finding, state: "broken", message: problem.words, remedy },
    ...set.map((name) => asideFinding(join(folder, name))),
  ];
}

function asideFinding(subject: string): Finding {
  const aside = { check: "state", subject, state: "warning" as const };
  if (!storeProblem(subject)?.isLater)
    return { ...aside, message: "a damaged store that was set aside", remedy: "remove it when you do not need it" };
  const remedy = "for what is in it, end the daemon, rename it to crucible.db, and use that release";
  return { ...aside, message: "the store of a later release, set aside", remedy };
}

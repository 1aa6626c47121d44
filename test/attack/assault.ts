/** Lets the attacker loose in a field, and finds out by itself what it has come to. */
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SessionNode } from "../../src/control/methods.ts";
import { control } from "../integration/delegating.ts";
import { callTool } from "../integration/tool-calls.ts";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { until } from "../support/conditions.ts";
import { aliveWithCommand } from "../support/processes.ts";
import type { Act, Attempt, Proof } from "./acts.ts";
import { attempts, controls, crowdAttempts, narrowedAttempts, networkAttempts } from "./attempts.ts";
import type { Field, Mode } from "./field.ts";

export interface Outcome {
  readonly name: string;
  readonly act: Act;
  readonly succeeded: boolean;
  /** What the attacker says of it. */
  readonly report: Report;
}

export interface Assault {
  readonly outcomes: readonly Outcome[];
  /** What the attacker was meant to be able to do, and could not. */
  readonly failedControls: readonly Report[];
}

interface Report {
  name: string;
  ms: number;
  got?: string;
  refused?: string;
}

/** Everything but the web, so that there is something it has not got. */
const given = ["read", "write", "execute", "mcp", "delegate"];

export interface Attack {
  readonly chosen: readonly Attempt[];
  /** Attempted before them; what is refused of these is told. */
  readonly controls: readonly Pick<Attempt, "name" | "try">[];
  /** Further arguments of `delegate_session`. */
  readonly given: Record<string, unknown>;
  /** Code of the error with which the agent may be ended for what it does; then nothing has come of it. */
  readonly mayEndWith?: string;
}

/** All ways out, for an agent that was given all but one kind of tool. */
const wholeAttack: Attack = { chosen: attempts, controls, given: { tools: given } };

/** What nobody lets an agent do for long: it is ended for it, or not. */
export const crowdAttack: Attack = {
  chosen: crowdAttempts,
  controls: [],
  given: { tools: given },
  mayEndWith: "CRU_AGENT_LIMITS",
};

/** What there is to reach, for one whose network is closed; its tools it has all the same. */
export const networkAttack: Attack = {
  chosen: networkAttempts,
  controls: controls.filter(({ name }) => name === "its tools"),
  given: { tools: given },
};

/** The same for one that may only read. */
export const narrowedAttack: Attack = {
  chosen: narrowedAttempts,
  controls: controls.filter(({ name }) => name === "read its own file"),
  given: { tools: ["read"], read_only: true },
};

/** Has the parent delegate an attack to the attacker of that mode. */
export async function assault(field: Field, mode: Mode, attack: Attack = wholeAttack): Promise<Assault> {
  const chosen = attack.chosen.filter(({ modes = [mode] }) => modes.includes(mode));
  const { daemon } = field;
  const seconds = String(100_000_000 + Math.floor(Math.random() * 100_000_000));
  const marked = chosen.map((attempt, index) => ({ attempt, mark: `MARK-${mode}-${index}-${seconds}` }));
  const places = { ...field.places, mode, seconds };
  const list = [
    ...attack.controls.map((one) => filled(one, places)),
    ...marked.map(({ attempt, mark }) => filled({ name: attempt.name, try: attempt.try }, { ...places, mark })),
  ];
  const file = `attempts-${mode}-${seconds}.json`;
  await writeFile(join(daemon.kiln, file), JSON.stringify(list));
  const struckBefore = field.strikes();
  answerQuestions(field);

  const { data } = await callTool<DelegationResult>(field.tools, "delegate_session", {
    agent: `attacker-${mode}`,
    task: `attack ${file}`,
    ...attack.given,
  });
  const isEnded = attack.mayEndWith !== undefined && data.error?.code === attack.mayEndWith;
  if (!isEnded && data.status !== "completed")
    throw new Error(`the attacker did not come back: ${JSON.stringify(data)}`);
  const said = isEnded ? [] : (JSON.parse(data.result) as Report[]);
  const reports = new Map(said.map((report) => [report.name, report]));
  await ended(field, data.session_id);

  const strikes = field.strikes() - struckBefore;
  const otherState = await field.otherState();
  const succeeded = (proof: Proof, report: Report, mark: string): boolean => {
    if ("leaked" in proof) return contains(report, field.secrets[proof.leaked] ?? "?");
    if ("marked" in proof) return readIfThere(proof.marked).includes(mark);
    if ("copied" in proof) return readIfThere(proof.copied).includes(proof.text);
    if ("made" in proof) return existsSync(proof.made);
    if ("gone" in proof) return !existsSync(proof.gone);
    if ("alive" in proof) return endStray(proof.alive);
    if ("heard" in proof) return field.heard[proof.heard].join("").includes(mark);
    if ("struck" in proof) return strikes > 0;
    if ("started" in proof) return daemon.stderr.includes(`"profile":"${proof.started}"`);
    if ("disturbed" in proof) return otherState !== "running";
    return proof.answered.test(report.got ?? "") && report.refused === undefined;
  };
  const outcomes = marked.map(({ attempt, mark }) => {
    const { name, act, proof } = attempt;
    const report = reports.get(name) ?? { name, ms: 0, refused: isEnded ? "it was ended" : "it was never tried" };
    return { name, act, report, succeeded: succeeded(filled(proof, places), report, mark) };
  });
  const failedControls = attack.controls
    .map(({ name }) => reports.get(name)!)
    .filter(({ refused, got = "" }) => {
      return refused !== undefined || /"(isError|status)":(true|"(failed|refused)")/.test(got);
    });
  return { outcomes, failedControls };
}

/** For a failure that can be read. */
export function told(outcomes: readonly Outcome[]): string[] {
  return outcomes.map(({ name, act, report }) =>
    `${name} [${act}] ${report.ms} ms: ${report.got ?? report.refused ?? ""}`.slice(0, 300),
  );
}

/** A person who says "always" to one thing and no to everything else, and makes a mistake once. */
function answerQuestions({ parent }: Field): void {
  parent.editor.onRequest("session/request_permission", (params) => {
    const { title } = params["toolCall"] as { title: string };
    const options = params["options"] as { optionId: string; kind: string }[];
    const refusal = options.find(({ kind }) => kind === "reject_once")?.optionId ?? "no";
    const optionId = title.includes("narrow-") ? "always" : title.includes("unoffered-") ? "made-up" : refusal;
    return { outcome: { outcome: "selected", optionId } };
  });
}

/** The attacker and all below it have ended; what of it lives has got away. */
async function ended({ daemon }: Field, session: string | null): Promise<void> {
  const isAtWork = (node: SessionNode): boolean => node.sessionId === session || node.children.some(isAtWork);
  await until(
    async () => {
      using door = await control(daemon);
      return !(await door.request("ps", {})).roots.some(isAtWork);
    },
    { what: "the end of the attacker" },
  );
}

function contains({ got = "", refused = "" }: Report, secret: string): boolean {
  return got.includes(secret) || refused.includes(secret);
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Whether a process with these words lives; it is ended then. */
function endStray(words: string): boolean {
  const strays = aliveWithCommand(words);
  for (const pid of strays) process.kill(pid, "SIGKILL");
  return strays.length > 0;
}

/** `{name}` in every text, replaced; a text that is only that and a number becomes one. */
function filled<T>(value: T, places: Readonly<Record<string, string>>): T {
  if (typeof value === "string") {
    const text = value.replaceAll(/\{(\w+)\}/g, (whole, name: string) => places[name] ?? whole);
    return (text !== value && /^\{\w+\}$/.test(value) && /^\d+$/.test(text) ? Number(text) : text) as T;
  }
  if (value instanceof RegExp || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((one: unknown) => filled(one, places)) as T;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, filled(field, places)])) as T;
}

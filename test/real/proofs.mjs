/**
 * What every agent has to show, whether it is talked to directly or through Crucible. Each proof drives one session and
 * returns `undefined` when it holds, or a sentence saying what was seen instead.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** @typedef {ReturnType<import("./editor.mjs").openEditor>} Editor */

/** @param {Editor} editor */
export async function provePrompt(editor, sessionId) {
  const turn = await editor.prompt(sessionId, "SCRIPT: say hello from the scripted model");
  return turn.stopReason === "end_turn" && turn.text.includes("hello from the scripted model")
    ? undefined
    : shown(turn);
}

/**
 * The model chooses `delegate_session`, and what came back stands in the parent's answer.
 * @param {Editor} editor
 * @param {{ agent: string, task: string, expected: string }} delegation
 */
export async function proveDelegation(editor, sessionId, { agent, task, expected }) {
  const input = JSON.stringify({ agent, task, description: "a delegated task" });
  const turn = await editor.prompt(sessionId, `SCRIPT: call delegate_session ${input}\nSCRIPT: say-last-tool-result`);
  return turn.stopReason === "end_turn" && turn.text.includes(expected) ? undefined : shown(turn);
}

/** The script of a task with a file edit and a shell command, both in `cwd`. */
export const workScript = (cwd, label) =>
  [
    `SCRIPT: edit ${join(cwd, `${label}-edit.txt`)} written by ${label}`,
    `SCRIPT: shell echo "ran by ${label}" > ${label}-shell.txt`,
    `SCRIPT: say work of ${label} is done over {api}`,
  ].join("\n");

/** What the agent says at the end of `workScript`. The script does not hold it word for word, so an echo is no proof. */
export const workReport = (label, api) => `work of ${label} is done over ${api}`;

/** Whether both effects of `workScript` are really on disk. */
export function workOnDisk(cwd, label) {
  const wrong = [];
  for (const [file, text] of [
    [`${label}-edit.txt`, `written by ${label}`],
    [`${label}-shell.txt`, `ran by ${label}`],
  ]) {
    const path = join(cwd, file);
    const content = existsSync(path) ? readFileSync(path, "utf8").trim() : "(missing)";
    if (content !== text) wrong.push(`${file}: ${content}`);
  }
  return wrong.length === 0 ? undefined : wrong.join("; ");
}

/** @param {Editor} editor */
export async function proveWork(editor, sessionId, cwd, label) {
  const turn = await editor.prompt(sessionId, workScript(cwd, label));
  const wrong = workOnDisk(cwd, label);
  return wrong && `${wrong} | ${shown(turn)}`;
}

/**
 * Whether the model has noticed that every answer it held open was given up.
 * @param {import("./model-server.mjs").Recorded[]} requests
 */
export async function proveModelCallsEnded(requests) {
  const hanging = () => requests.filter((request) => request.reply?.hang && !request.aborted);
  for (let waited = 0; hanging().length > 0 && waited < 5_000; waited += 50) await sleep(50);
  return hanging().length === 0 ? undefined : "a model call went on for 5 s after the cancel";
}

/**
 * Cancels a turn in the middle of the model's answer.
 * @param {Editor} editor
 * @param {string} script the prompt; it has to end in a `hang`
 * @returns {Promise<{ problem?: string, ms: number }>} `ms` from the cancel to the end of the turn
 */
export async function proveCancel(editor, sessionId, { script = "SCRIPT: hang", isHanging }) {
  const turn = editor.prompt(sessionId, script);
  turn.catch(() => {}); // It is awaited below; until then an error must not count as unhandled.
  for (let waited = 0; !isHanging() && waited < 30_000; waited += 50) await sleep(50);
  await sleep(300);
  const begun = Date.now();
  await editor.cancel(sessionId);
  const reply = await Promise.race([turn, sleep(20_000, undefined, { ref: false })]);
  const ms = Date.now() - begun;
  if (!reply) return { ms, problem: "the turn had not ended 20 s after the cancel" };
  return { ms, problem: reply.stopReason === "cancelled" ? undefined : shown(reply) };
}

const shown = (turn) => JSON.stringify(turn).slice(0, 600);

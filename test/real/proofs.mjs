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

/**
 * The model hands the conversation over: the other vendor's agent answers the user in the same turn, knowing what was said before,
 * and the first agent has the next turn, knowing what the other said.
 * @param {Editor} editor
 * @param {{ agent: string, earlier: string, own: string, others: string, requests: import("./model-server.mjs").Recorded[] }} handoff
 *   `earlier` was said before; `own` and `others` are the model APIs of the two agents
 */
export async function proveHandoff(editor, sessionId, { agent, earlier, own, others, requests }) {
  const message = "The user wants a second opinion.";
  const input = JSON.stringify({ agent, message });
  // The second agent is given the same words of the user; its own call is refused, and it goes on with the script.
  const script = `SCRIPT: call handoff_session ${input}\nSCRIPT: say answered over {api}`;
  const turn = await editor.prompt(sessionId, script);
  for (const api of [own, others]) if (!turn.text.includes(`answered over ${api}`)) return `no ${api}: ${shown(turn)}`;
  const heardBy = (api) =>
    JSON.stringify(requests.findLast(({ dialect, tools }) => dialect === api && tools?.length)?.body);
  for (const words of [message, earlier]) {
    if (!heardBy(others).includes(words)) return `the second agent was not told: ${words}`;
  }
  const next = await editor.prompt(sessionId, "SCRIPT: say back over {api}");
  if (!next.text.includes(`back over ${own}`)) return `the first agent did not have the next turn: ${shown(next)}`;
  return heardBy(own).includes(`answered over ${others}`)
    ? undefined
    : "the first agent was not told what the second said";
}

/**
 * A copy of the agent begins with the whole conversation: as a fork where the agent can make one, else as text.
 * @param {Editor} editor
 * @param {{ earlier: string, api: string, requests: import("./model-server.mjs").Recorded[] }} copy `earlier` was said before
 * @returns {Promise<{ problem?: string, isFork: boolean }>}
 */
export async function proveCopy(editor, sessionId, { earlier, api, requests }) {
  const task = "SCRIPT: say copied over {api}";
  const input = JSON.stringify({ agent: "self", task, context_depth: "all", context_scope: "full" });
  const turn = await editor.prompt(sessionId, `SCRIPT: call delegate_session ${input}\nSCRIPT: say-last-tool-result`);
  const isFork = turn.text.includes("it began with a fork of your conversation");
  if (!turn.text.includes(`copied over ${api}`)) return { isFork, problem: shown(turn) };
  const copies = requests.filter(({ reply }) => reply?.text.includes(`copied over ${api}`));
  const knows = copies.some(({ body }) => JSON.stringify(body).includes(earlier));
  return { isFork, problem: knows ? undefined : "the copy was not told what was said before" };
}

/**
 * The daemon is killed, and the next prompt finds the agent in the same conversation, knowing what was said before.
 * @param {Editor} editor
 * @param {{ kill: () => Promise<unknown>, earlier: string, api: string, requests: import("./model-server.mjs").Recorded[] }} death
 * @returns {Promise<{ problem?: string, how: string }>}
 */
export async function proveRestored(editor, sessionId, { kill, earlier, api, requests }) {
  await kill();
  // What is said while the connection breaks is answered with an error, and sent again by a person.
  await sleep(1000);
  const turn = await editor.prompt(sessionId, "SCRIPT: say restored over {api}");
  const how = turn.text.includes("does not remember this conversation") ? "anew" : "remembers";
  if (!turn.text.includes(`restored over ${api}`)) return { how, problem: shown(turn) };
  const asked = requests.findLast(({ reply }) => reply?.text.includes(`restored over ${api}`));
  const knows = JSON.stringify(asked?.body).includes(earlier);
  return { how, problem: knows ? undefined : "the agent did not know what was said before" };
}

/**
 * Whether the model was given each tool as Crucible describes it: the description, and those of its inputs.
 * @param {{ name: string, description?: string, inputSchema: { properties?: Record<string, { description?: string }> } }[]} offered
 * @param {import("./model-server.mjs").Recorded[]} requests
 */
export function proveToolTexts(offered, requests) {
  const body = requests.findLast(({ tools }) => tools?.some((name) => name.endsWith("delegate_session")))?.body;
  const wrong = offered.flatMap(({ name, description = "", inputSchema }) => {
    const given = describedTool(body, name);
    if (!given) return [`${name} is not there`];
    const text = JSON.stringify(given);
    const inputs = Object.entries(inputSchema.properties ?? {}).filter(
      ([field, about]) => !text.includes(JSON.stringify(field)) || !text.includes(inner(about.description ?? "")),
    );
    return [
      ...(text.includes(inner(description)) ? [] : [`${name}: another description`]),
      ...inputs.map(([field]) => `${name}: ${field} is not as it was described`),
    ];
  });
  return wrong.length === 0 ? undefined : wrong.join("; ");
}

/** As it stands between the quotes of a JSON string. */
const inner = (text) => JSON.stringify(text).slice(1, -1);

/** The tool of that name, wherever in a request its API has it; agents put a prefix before names. */
function describedTool(value, name) {
  if (typeof value !== "object" || value === null) return undefined;
  if (typeof value.name === "string" && value.name.endsWith(name) && typeof value.description === "string")
    return value;
  for (const one of Object.values(value)) {
    const found = describedTool(one, name);
    if (found) return found;
  }
  return undefined;
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

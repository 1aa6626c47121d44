/**
 * The script engine of the model server: finds the script that a prompt carries and says what the "model" does next.
 *
 * A script is a run of lines `SCRIPT: STEP` in one user message. Steps, done in order:
 *   say TEXT · say-last-tool-result · call TOOL JSON · edit FILE TEXT · shell COMMAND · pause MS · hang · fail STATUS
 * In a text, `{api}` becomes the name of the model API that was spoken, which proves whose model was asked.
 * `and call|edit|shell …` goes out together with the step before it (parallel tool calls in one turn).
 * How far a script has come is read from the conversation alone: it is the number of tool results after the message.
 * A delegated task may hold a script of its own, because `SCRIPT:` after a quote (inside JSON) does not count.
 */

/**
 * What every dialect turns a request into.
 * @typedef {{ kind: "user" | "assistant" | "result", text: string }} Entry
 * @typedef {{ name: string, namespace?: string, type: "function" | "custom" }} Tool
 * @typedef {{ api: string, model: string, stream: boolean, json: boolean, entries: Entry[], tools: Tool[] }} Conversation
 *
 * One step, and one answer of the model: some text, tool calls, and what happens to the response itself.
 * @typedef {{ verb: string, rest: string }} Step
 * @typedef {{ text: string, calls: Step[], pauseMs: number, hang: boolean, fail?: number }} Reply
 */

const directive = /^(?:.*?[\s>])?SCRIPT: *(.*)$/;
const callVerbs = new Set(["call", "edit", "shell"]);

/** Answers to requests that carry no script: titles, summaries, routing questions. */
const smallTalk = "Small talk from the scripted model.";
const smallTalkJson = JSON.stringify({
  title: "Scripted",
  reasoning: "scripted",
  next_speaker: "user",
  model_choice: "flash",
  complexity_reasoning: "scripted",
  complexity_score: 1,
});

/**
 * @param {string} text
 * @returns {(Step & { joined: boolean })[]}
 */
export function parseScript(text) {
  const steps = [];
  for (const line of text.split(/\r?\n/)) {
    // What was said earlier is quoted when it is passed on, and is no script of this message.
    if (/^\s*> /.test(line)) continue;
    const found = directive.exec(line);
    // A quote before the directive means that it stands inside the JSON of another step.
    if (!found || line.slice(0, line.indexOf("SCRIPT:")).includes('"')) continue;
    const [, joined, verb, rest] = /^(and +)?(\S+) ?(.*)$/.exec(found[1]) ?? [];
    if (verb) steps.push({ joined: joined !== undefined, verb, rest });
  }
  return steps;
}

/**
 * The model's answer to a conversation.
 * @param {Conversation} conversation
 * @returns {Reply}
 */
export function nextReply(conversation) {
  const { entries } = conversation;
  const start = entries.findLastIndex((entry) => entry.kind === "user" && parseScript(entry.text).length > 0);
  // Title and summary requests quote the prompt, script and all, but offer no tools.
  if (start < 0 || conversation.tools.length === 0) {
    return { text: conversation.json ? smallTalkJson : smallTalk, calls: [], pauseMs: 0, hang: false };
  }
  const results = entries.slice(start).filter((entry) => entry.kind === "result");
  const reply = replyAt(parseScript(entries[start].text), results.length, results.at(-1)?.text ?? "(no tool result)");
  return { ...reply, text: reply.text.replaceAll("{api}", conversation.api) };
}

/**
 * @param {(Step & { joined: boolean })[]} steps
 * @param {number} resultCount tool results that have come back since the script was given
 * @param {string} lastResult
 * @returns {Reply}
 */
function replyAt(steps, resultCount, lastResult) {
  let spent = 0;
  /** @type {Reply} */
  const reply = { text: "", calls: [], pauseMs: 0, hang: false };
  for (const step of steps) {
    const isCall = callVerbs.has(step.verb);
    if (reply.calls.length > 0 && !(isCall && step.joined)) return reply;
    if (isCall && spent < resultCount) {
      // This call was made in an earlier answer, and all text before it was said there.
      spent += 1;
      Object.assign(reply, { text: "", pauseMs: 0 });
    } else if (isCall) reply.calls.push(step);
    else if (applyPlainStep(reply, step, lastResult)) return reply;
  }
  if (reply.calls.length === 0 && reply.text === "") reply.text = "done";
  return reply;
}

/**
 * @param {Reply} reply
 * @param {Step} step
 * @param {string} lastResult
 * @returns {boolean} whether the answer ends here
 */
function applyPlainStep(reply, step, lastResult) {
  if (step.verb === "say") reply.text += `${reply.text ? "\n" : ""}${step.rest}`;
  else if (step.verb === "say-last-tool-result") reply.text += `${reply.text ? "\n" : ""}${lastResult}`;
  else if (step.verb === "pause") reply.pauseMs += Number(step.rest);
  else if (step.verb === "hang") reply.hang = true;
  else if (step.verb === "fail") reply.fail = Number(step.rest);
  else reply.text += `[unknown script step: ${step.verb}]`;
  return reply.hang || reply.fail !== undefined;
}

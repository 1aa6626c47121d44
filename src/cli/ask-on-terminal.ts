/**
 * Permission questions of children, answered by a person at the terminal in which `crucible delegate` runs. The answer comes from
 * the terminal itself, since the standard input may be the task; where there is no terminal nobody is asked.
 */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { createInterface } from "node:readline";
import { ReadStream } from "node:tty";
import { isRecord } from "../acp/wire.ts";
import { questionText } from "./render/question-text.ts";
import type { Style } from "./render/style.ts";

export interface TerminalQuestions {
  ask(this: void, params: Record<string, unknown>, signal: AbortSignal): Promise<{ outcome: Record<string, unknown> }>;
}

export interface TerminalQuestionsOptions {
  write: (text: string) => void;
  style: Style;
  /** Around each question: nothing else may be drawn meanwhile. */
  onBegin: () => void;
  onEnd: () => void;
}

const cancelled = { outcome: { outcome: "cancelled" } };

/** Undefined where nobody can be asked. Questions come one at a time; the daemon sees to that. */
export function openTerminalQuestions(options: TerminalQuestionsOptions): TerminalQuestions | undefined {
  if (!process.stderr.isTTY) return undefined;
  try {
    closeSync(openSync(terminalPath, "r"));
  } catch {
    return undefined;
  }
  return {
    async ask(params, signal) {
      options.onBegin();
      try {
        return await askOnce(params, signal, options);
      } finally {
        options.onEnd();
      }
    },
  };
}

const terminalPath = "/dev/tty";

async function askOnce(
  params: Record<string, unknown>,
  signal: AbortSignal,
  { write, style }: TerminalQuestionsOptions,
): Promise<{ outcome: Record<string, unknown> }> {
  const offered = choicesAmong(params["options"]);
  const terminal = openTerminal();
  const lines = createInterface({ input: terminal, terminal: false });
  const takenBack = (): void => lines.close();
  signal.addEventListener("abort", takenBack, { once: true });
  try {
    write(`${questionText(params, style)}\n`);
    const prompt = `  ${offered.map(({ label }) => label).join(", ")}: `;
    write(prompt);
    if (signal.aborted) lines.close();
    for await (const line of lines) {
      const word = line.trim().toLowerCase();
      const choice = offered.find(({ words }) => words.includes(word));
      if (choice) return choice.answer;
      write(prompt);
    }
    write(signal.aborted ? "\n  (taken back: it is answered, or nobody waits for it any more)\n" : "\n");
    // The end of the input says no.
    return signal.aborted ? cancelled : (offered.find(({ key }) => key === "n")?.answer ?? cancelled);
  } finally {
    signal.removeEventListener("abort", takenBack);
    lines.close();
    terminal.destroy();
  }
}

/** Nothing that was typed before the question was seen counts as its answer. */
function openTerminal(): ReadStream {
  const waiting = openSync(terminalPath, constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(4096);
  try {
    while (readSync(waiting, buffer) > 0);
  } catch {
    // Nothing more is there.
  } finally {
    closeSync(waiting);
  }
  return new ReadStream(openSync(terminalPath, constants.O_RDONLY));
}

interface Choice {
  key: string;
  label: string;
  words: readonly string[];
  answer: { outcome: Record<string, unknown> };
}

const choices = [
  { key: "y", label: "[y]es, once", words: ["y", "yes"], kinds: ["allow_once"] },
  { key: "a", label: "[a]lways", words: ["a", "always"], kinds: ["allow_always"] },
  { key: "n", label: "[n]o", words: ["n", "no"], kinds: ["reject_once", "reject_always"] },
  { key: "e", label: "n[e]ver", words: ["e", "never"], kinds: ["reject_always"] },
];

/** What may be answered; no is always among it. */
function choicesAmong(options: unknown): Choice[] {
  const given = Array.isArray(options) ? options.filter(isRecord) : [];
  return choices.flatMap(({ kinds, ...choice }) => {
    const option = kinds.map((kind) => given.find((one) => one["kind"] === kind)).find((one) => one !== undefined);
    if (!option && choice.key !== "n") return [];
    const answer = option ? { outcome: { outcome: "selected", optionId: option["optionId"] } } : cancelled;
    return [{ ...choice, answer }];
  });
}

/**
 * The picture of a running tree of delegations: one line for each, below the one that asked for it. Pure: from what was told
 * and the time to lines of text. What an agent says is made plain before it is shown.
 */
import type { DelegationProgress } from "../../base/delegation.ts";
import { formatDuration, oneLine } from "../../base/text.ts";
import type { Style } from "./style.ts";
import { clipped, displayWidth } from "./table.ts";

export interface TreeView {
  now: number;
  /** Columns of the terminal. */
  columns: number;
  style: Style;
}

interface Entry {
  readonly id: string;
  readonly parentId: string | null;
  readonly agent: string;
  readonly title: string;
  startedAt: number;
  endedAt: number | undefined;
  last: DelegationProgress;
}

const spinnerFrames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/** How often the picture is drawn. */
export const framesPerSecond = 12.5;

export class DelegationTree {
  readonly #entries = new Map<string, Entry>();

  /** Takes in one thing that happened. */
  add(progress: DelegationProgress): void {
    const { delegationId: id, parentId, at } = progress;
    const entry = this.#entries.get(id);
    if (!entry) {
      const { agent, title } = progress;
      this.#entries.set(id, { id, parentId, agent, title, startedAt: at, endedAt: endOf(progress), last: progress });
      return;
    }
    // Time in the queue is nobody's work.
    if (progress.kind === "starting" && entry.last.kind === "queued") entry.startedAt = at;
    entry.endedAt = endOf(progress);
    entry.last = progress;
  }

  lines(view: TreeView): string[] {
    const roots = [...this.#entries.values()].filter(({ parentId }) => !parentId || !this.#entries.has(parentId));
    return roots.flatMap((root) => this.#branch(root, { depth: 0, view }));
  }

  #branch(entry: Entry, { depth, view }: { depth: number; view: TreeView }): string[] {
    const children = [...this.#entries.values()].filter(({ parentId }) => parentId === entry.id);
    return [
      lineOf(entry, { depth, view }),
      ...children.flatMap((child) => this.#branch(child, { depth: depth + 1, view })),
    ];
  }
}

function endOf({ kind, at }: DelegationProgress): number | undefined {
  return kind === "ended" ? at : undefined;
}

function lineOf(entry: Entry, { depth, view }: { depth: number; view: TreeView }): string {
  const { style, columns } = view;
  const elapsed = formatDuration(Math.max(0, (entry.endedAt ?? view.now) - entry.startedAt));
  const head = `${"  ".repeat(depth)}${symbolOf(entry, view.now)} ${oneLine(entry.agent, 30)}`;
  const title = oneLine(entry.title, 60);
  const activity = entry.last.kind === "queued" ? "waiting" : oneLine(entry.last.line, 500);
  // The colours come last: a line that is cut in the middle of one would colour all that follows.
  const room = columns - displayWidth(head) - 1;
  const titlePart = clipped(`  ${title}`, room);
  const elapsedPart = clipped(`  ${elapsed}`, room - displayWidth(titlePart));
  const activityPart = clipped(`  ${activity}`, room - displayWidth(titlePart + elapsedPart));
  return paintOf(entry, style)(head) + titlePart + style.dim(elapsedPart + activityPart);
}

function symbolOf({ last }: Entry, now: number): string {
  if (last.kind === "queued") return "·";
  if (last.kind !== "ended")
    return spinnerFrames[Math.floor((now * framesPerSecond) / 1000) % spinnerFrames.length] ?? "·";
  return last.status === "completed" ? "✓" : last.status === "cancelled" ? "-" : "✗";
}

function paintOf({ last }: Entry, style: Style): (text: string) => string {
  if (last.kind !== "ended") return style.accent;
  return last.status === "completed" ? style.good : last.status === "cancelled" ? style.warn : style.bad;
}

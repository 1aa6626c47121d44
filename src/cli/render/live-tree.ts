/** Draws the tree of delegations on a terminal, again and again in the same place; on a pipe it draws nothing. */
import type { DelegationProgress } from "../../base/delegation.ts";
import { DelegationTree, framesPerSecond } from "./delegation-tree.ts";
import { styleFor } from "./style.ts";

export interface LiveTree {
  show(this: void, progress: DelegationProgress): void;
  /** Leaves the picture where it is and draws nothing until `resume`, so that something else can be said. */
  pause(): void;
  /** Draws again, below what was said. */
  resume(): void;
  /** Draws once more and leaves the picture where it is. */
  close(): void;
}

/** The part of a terminal's stream that is used here. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

const eraseBelow = "\u001b[J";

export function openLiveTree(screen: Screen): LiveTree {
  if (!screen.isTTY || process.env["TERM"] === "dumb") {
    return { show: () => {}, pause: () => {}, resume: () => {}, close: () => {} };
  }
  const tree = new DelegationTree();
  const style = styleFor(screen);
  let drawnLines = 0;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let paused = false;

  function draw({ all }: { all: boolean }): void {
    const lines = tree.lines({ now: Date.now(), columns: screen.columns || 80, style });
    // What has scrolled out of the screen cannot be drawn again, so a tall tree shows its end until it is done.
    const shown = all ? lines : lines.slice(-Math.max(1, (screen.rows || 24) - 1));
    const toStart = drawnLines > 0 ? `\u001b[${drawnLines}A` : "";
    screen.write(`${toStart}\r${eraseBelow}${shown.map((line) => `${line}\n`).join("")}`);
    drawnLines = shown.length;
  }

  return {
    show(progress) {
      tree.add(progress);
      if (closed) return;
      timer ??= setInterval(() => paused || draw({ all: false }), 1000 / framesPerSecond);
    },
    pause() {
      if (timer && !closed && !paused) draw({ all: false });
      paused = true;
    },
    resume() {
      paused = false;
      drawnLines = 0;
    },
    close() {
      if (closed) return;
      closed = true;
      clearInterval(timer);
      if (timer && !paused) draw({ all: true });
    },
  };
}

/**
 * What a person at a terminal sees of a delegation and is asked during it: the live tree, and the permission questions of agents
 * in between. Loaded only where there is a terminal.
 */
import type { ControlListeners } from "../control/client.ts";
import { openTerminalQuestions } from "./ask-on-terminal.ts";
import { openLiveTree } from "./render/live-tree.ts";
import { styleFor } from "./render/style.ts";
import { tell } from "./terminal.ts";

export interface TerminalView {
  /** Without `onQuestion` nobody can be asked. */
  readonly listeners: ControlListeners;
  /** Leaves the last picture of the tree where it is. */
  close(): void;
}

export function openTerminalView(): TerminalView {
  const tree = openLiveTree(process.stderr);
  const questions = openTerminalQuestions({
    write: (written) => void tell(written),
    style: styleFor(process.stderr),
    onBegin: () => tree.pause(),
    onEnd: () => tree.resume(),
  });
  return { listeners: { onProgress: tree.show, onQuestion: questions?.ask }, close: () => tree.close() };
}

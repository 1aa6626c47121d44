/**
 * What a way to hold an agent is to the rest of this folder: whether this machine has it, and how it wraps a launch.
 * Types only.
 */
import type { LaunchSpec } from "../process/child.ts";
import type { Environment } from "../base/paths.ts";
import type { Hidden, Mechanism, Reach, Strength } from "./confinement.ts";

export interface WrapRequest {
  readonly spec: LaunchSpec;
  readonly reach: Reach;
  readonly toolSockets: string | undefined;
  /** Directories that were opened and checked, by path. */
  readonly opened: ReadonlyMap<string, number>;
}

export interface Wrapped {
  readonly spec: LaunchSpec;
  /** Where the sockets of its tools are inside. */
  readonly toolSockets: string | undefined;
}

export type Wrap = (request: WrapRequest) => Wrapped;

export interface MechanismKind {
  readonly name: Exclude<Mechanism, "external" | "none">;
  /** Where there is such a thing. */
  readonly platform: NodeJS.Platform;
  readonly strength: Strength;
  /** What it does not hold, where this is hidden. */
  readonly lost: (hidden: readonly Hidden[]) => readonly string[];
  /**
   * Can it keep an agent from the network: `own` = it gives it one of its own, in which there may be a way to listed hosts;
   * `closed` = all or nothing.
   */
  readonly network: "own" | "closed" | "open";
  /** Whether the sandboxes that agents bring themselves work inside; `tried` = as bubblewrap does in its trial. */
  readonly nesting: "yes" | "no" | "tried";
  /** What a person can do to have it, the end of a sentence that begins with "to have it". */
  readonly remedy: string;
  /** How to wrap, or why not: the end of a sentence. Whether it holds is for its trial to say. */
  prepare(env: Environment): Promise<Wrap | string>;
}

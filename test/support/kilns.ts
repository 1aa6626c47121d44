/** Kilns for tests that need one and are not about its borders. */
import type { Kiln } from "../../src/sessions/kiln.ts";

export function kilnIn(...directories: string[]): Kiln {
  return { directories, read: [], write: [], deny: [], closed: [], readOnly: false, git: { read: [], write: [] } };
}

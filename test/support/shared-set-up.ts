/**
 * What the tests of a file share because it takes long to set up: opened before the first of them and closed behind the last.
 * A test that failed takes it along, so that the next one has it anew: a retry meets nothing of what the first try left behind.
 */
import { afterAll, afterEach, beforeEach } from "vitest";

export interface SharedSetUp {
  open: () => Promise<unknown>;
  /** What must hold behind each test. */
  check?: () => Promise<unknown>;
  /** Also of what could only be opened in part. */
  close: () => Promise<unknown>;
}

/** Stands before all other hooks of the file or the group whose tests share it. */
export function shareAmongTests({ open, check, close }: SharedSetUp): void {
  let isOpen = false;

  beforeEach(async ({ onTestFailed }) => {
    onTestFailed(async () => {
      isOpen = false;
      // The failure is told already, and whatever cannot be closed is a part of it.
      await close().catch(() => {});
    });
    if (isOpen) return;
    isOpen = true;
    await open();
  });
  if (check) afterEach(check);
  afterAll(() => (isOpen ? close() : undefined));
}

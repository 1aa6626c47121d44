/** Chooses the process table of this machine. */
import { existsSync } from "node:fs";
import { createProcProcessTable } from "./proc-table.ts";
import type { ProcessTable } from "./process-table.ts";
import { createPsProcessTable } from "./ps-table.ts";

export function createProcessTable(): ProcessTable {
  return existsSync("/proc/self/stat") ? createProcProcessTable() : createPsProcessTable();
}

/**
 * From the arguments to the exit code. What is plainly right is parsed quickly; mistakes, and wishes for help, go to the
 * command-line library, which is loaded only then.
 */
import { commandTable } from "./command-table.ts";
import { quickCall } from "./quick-arguments.ts";

/** Runs one command. Never rejects: what went wrong is on stderr. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  try {
    const call = quickCall(args, commandTable);
    if (call) return await call.spec.run(call.options, call.args);
    const { runProgram } = await import("./program.ts");
    return await runProgram(args);
  } catch (error) {
    const { reportError } = await import("./exit.ts");
    return reportError(error);
  }
}

import { describe, expect, test } from "vitest";
import { toErrorObject } from "../../../src/acp/error-object.ts";
import { RpcError } from "../../../src/acp/wire.ts";
import { defineError } from "../../../src/base/errors.ts";
import { errorText, exitCodeOf } from "../../../src/cli/render/error-text.ts";
import { styleFor } from "../../../src/cli/render/style.ts";
import { fromDaemon } from "../../../src/cli/relayed-error.ts";

const plain = styleFor({ isTTY: false }, {});
const kilnCold = defineError("CRU_KILN_COLD", "refused", "Only here.");

describe("an expected error", () => {
  test("is shown as message, code, blank line and hint", () => {
    const error = kilnCold.create("the kiln is cold", { hint: "heat it" });
    expect(errorText(error, plain)).toBe("error: the kiln is cold [CRU_KILN_COLD]\n\nhint: heat it\n");
    expect(exitCodeOf(error)).toBe(6);
  });

  test("has its code in the first line also when a code frame follows", () => {
    const error = kilnCold.create("crucible.toml:1:1: too cold\n\n1 | cold\n  | ^^^^", { hint: "heat it" });
    expect(errorText(error, plain)).toBe(
      "error: crucible.toml:1:1: too cold [CRU_KILN_COLD]\n\n1 | cold\n  | ^^^^\n\nhint: heat it\n",
    );
  });

  test("has no hint where there is none", () => {
    expect(errorText(kilnCold.create("the kiln is cold"), plain)).toBe("error: the kiln is cold [CRU_KILN_COLD]\n");
  });

  test("cannot bring the terminal what it would obey", () => {
    const error = kilnCold.create("agent said \u001b[2J\u202eevil", { hint: "\u001b]0;title\u0007" });
    expect(errorText(error, plain)).toBe("error: agent said [2Jevil [CRU_KILN_COLD]\n\nhint: ]0;title\n");
  });
});

test("anything else is a bug: with its stack, and the request to report it with the version", () => {
  const shown = errorText(new TypeError("undefined is not a kiln"), plain);
  expect(shown).toMatch(/^error: TypeError: undefined is not a kiln \[CRU_BUG\]\n\nTypeError: undefined.*\n {4}at /);
  expect(shown).toMatch(/\n\nhint: .*please report it.*crucible \d+\.\d+\.\d+, Node\.js \d+/);
  expect(exitCodeOf(new TypeError("x"))).toBe(1);
});

describe("an error of the daemon", () => {
  test("arrives over the wire as it left: message, code, hint and exit code", () => {
    const sent = toErrorObject(kilnCold.create("the kiln is cold", { hint: "heat it" }));
    const received = fromDaemon(new RpcError(JSON.parse(JSON.stringify(sent)) as typeof sent));
    expect(errorText(received, plain)).toBe("error: the kiln is cold [CRU_KILN_COLD]\n\nhint: heat it\n");
    expect(exitCodeOf(received)).toBe(6);
  });

  test("without an exit code, from an older daemon, counts as an agent that failed", () => {
    const received = fromDaemon(new RpcError({ code: -32603, message: "no", data: { code: "CRU_NEW" } }));
    expect(exitCodeOf(received)).toBe(5);
  });

  test("that nobody expected is a bug of the daemon's", () => {
    const received = fromDaemon(new RpcError({ code: -32603, message: "internal error: x is undefined" }));
    expect(errorText(received, plain)).toContain(
      "error: the daemon failed: internal error: x is undefined [CRU_DAEMON_BUG]",
    );
    expect(exitCodeOf(received)).toBe(1);
  });
});

describe("colour", () => {
  const red = "\u001b[31merror:\u001b[39m";
  const shownOn = (isTTY: boolean, env: Record<string, string>) =>
    errorText(kilnCold.create("cold"), styleFor({ isTTY }, env));

  test("is used on a terminal", () => expect(shownOn(true, { TERM: "xterm" })).toContain(red));
  test("is not used on a pipe", () => expect(shownOn(false, { TERM: "xterm" })).not.toContain("\u001b"));
  test("is not used when NO_COLOR is set", () => expect(shownOn(true, { NO_COLOR: "1" })).not.toContain("\u001b"));
  test("is not used on a dumb terminal", () => expect(shownOn(true, { TERM: "dumb" })).not.toContain("\u001b"));
  test("is used on a pipe when FORCE_COLOR is set", () => expect(shownOn(false, { FORCE_COLOR: "1" })).toContain(red));
});

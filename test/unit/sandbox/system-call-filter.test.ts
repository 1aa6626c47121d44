/** The filter of system calls, run as the kernel runs it: the calls of the key rings are refused on every machine, no others are. */
import { endianness } from "node:os";
import { expect, test } from "vitest";
import { systemCallFilter } from "../../../src/sandbox/system-call-filter.ts";

const refused = 0x0005_0001;
const allowed = 0x7fff_0000;

/** What the filter answers to a call of this number. */
function answerTo(architecture: number, call: number): number {
  const filter = systemCallFilter();
  const isLittle = endianness() === "LE";
  const half = (at: number): number => (isLittle ? filter.readUInt16LE(at) : filter.readUInt16BE(at));
  const word = (at: number): number => (isLittle ? filter.readUInt32LE(at) : filter.readUInt32BE(at));
  let value = 0;
  for (let at = 0; ; at += 8) {
    const [code, yes, no, operand] = [half(at), filter[at + 2]!, filter[at + 3]!, word(at + 4)];
    if (code === 0x20) value = operand === 0 ? call : architecture;
    else if (code === 0x54) value = (value & operand) >>> 0;
    else if (code === 0x15) at += 8 * (value === operand ? yes : no);
    else if (code === 0x35) at += 8 * (value >= operand ? yes : no);
    else if (code === 0x06) return operand;
    else throw new Error(`no such instruction: ${code}`);
  }
}

test.each([
  ["x86-64", 0xc000003e, [248, 249, 250], [0, 101, 247, 251, 450]],
  ["x32, whose calls have a bit of their own", 0xc000003e, [0x400000f8, 0x400000fa], [0x400000f7, 0x400000fb]],
  ["i386", 0x40000003, [286, 287, 288], [248, 249, 250, 285, 289]],
  ["arm64", 0xc00000b7, [217, 218, 219], [216, 220, 248]],
  ["arm", 0x40000028, [309, 310, 311], [308, 312]],
  ["riscv64", 0xc00000f3, [217, 218, 219], [216, 220]],
  ["ppc64le", 0xc0000015, [269, 270, 271], [268, 272]],
  ["s390x", 0x80000016, [278, 279, 280], [277, 281]],
  ["a machine that is not known", 0x12345678, [], [217, 248, 250]],
])("%s", (_, architecture, keyCalls, others) => {
  for (const call of keyCalls) expect(answerTo(architecture, call), String(call)).toBe(refused);
  for (const call of others) expect(answerTo(architecture, call), String(call)).toBe(allowed);
});

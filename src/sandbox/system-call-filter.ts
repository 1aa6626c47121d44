/**
 * The filter of system calls that agents in namespaces run under (seccomp(2), classic BPF): it refuses the kernel's key rings.
 * A session's ring passes to all that is started in it, whatever namespaces it is put into, with the tickets and tokens that
 * the user's login and other programs keep there. Bytes only; it is bubblewrap that hands them to the kernel.
 */
import { endianness } from "node:os";

/**
 * The number of `add_key`, which `request_key` and `keyctl` follow everywhere (syscall.tbl of the kernel), by architecture
 * (`AUDIT_ARCH_*` in <linux/audit.h>). On one that is not listed nothing is refused.
 */
const firstKeyCall: readonly (readonly [architecture: number, number: number])[] = [
  [0xc000_003e, 248], // x86-64, and x32 with its own bit
  [0x4000_0003, 286], // i386
  [0xc000_00b7, 217], // arm64
  [0x4000_0028, 309], // arm
  [0xc000_00f3, 217], // riscv64
  [0xc000_0015, 269], // ppc64le
  [0x8000_0016, 278], // s390x
];

/** Offsets in what the filter sees of a call (`struct seccomp_data`). */
const callNumber = 0;
const architectureOfCall = 4;

const x32Bit = 0x4000_0000;
const allow = 0x7fff_0000;
const refuse = 0x0005_0001; // SECCOMP_RET_ERRNO with EPERM

/** One instruction (`struct sock_filter`); jumps count the instructions that are left out. */
type Instruction = readonly [code: number, jumpIfTrue: number, jumpIfFalse: number, operand: number];

const load = (offset: number): Instruction => [0x20, 0, 0, offset];
const and = (mask: number): Instruction => [0x54, 0, 0, mask];
const ifEqual = (value: number, yes: number, no: number): Instruction => [0x15, yes, no, value];
const ifAtLeast = (value: number, yes: number, no: number): Instruction => [0x35, yes, no, value];
const answer = (action: number): Instruction => [0x06, 0, 0, action];

const instructions: readonly Instruction[] = [
  ...firstKeyCall.flatMap(([architecture, first]): Instruction[] => [
    load(architectureOfCall),
    ifEqual(architecture, 0, 6),
    load(callNumber),
    and(~x32Bit >>> 0),
    ifAtLeast(first, 0, 2),
    ifAtLeast(first + 3, 1, 0),
    answer(refuse),
    answer(allow),
  ]),
  answer(allow),
];

/** The filter as the kernel of this machine takes it. */
export function systemCallFilter(): Buffer {
  const isLittle = endianness() === "LE";
  return Buffer.concat(
    instructions.map(([code, jumpIfTrue, jumpIfFalse, operand]) => {
      const bytes = Buffer.alloc(8);
      if (isLittle) bytes.writeUInt16LE(code, 0);
      else bytes.writeUInt16BE(code, 0);
      bytes.set([jumpIfTrue, jumpIfFalse], 2);
      if (isLittle) bytes.writeUInt32LE(operand, 4);
      else bytes.writeUInt32BE(operand, 4);
      return bytes;
    }),
  );
}

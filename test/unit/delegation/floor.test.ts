/** Who has a conversation, under any order of handoffs: against what every such order promises. */
import * as fc from "../../support/fast-check.ts";
import { describe, expect, test } from "vitest";
import { Floor, type Frame } from "../../../src/delegation/floor.ts";
import type { Successor } from "../../../src/delegation/ports.ts";
import { maxNotes, Speaker } from "../../../src/delegation/speaker.ts";
import type { HandoffRecord } from "../../../src/sessions/records.ts";
import type { Session } from "../../../src/sessions/session.ts";

const record = {} as HandoffRecord;

interface Stage {
  floor: Floor;
  first: Speaker;
  /** Frames that were taken off. */
  left: Frame[];
  /** Speakers that are needed no more. */
  ended: Speaker[];
}

function stage(): Stage {
  const first = new Speaker("first", { state: "idle" } as Session);
  const left: Frame[] = [];
  const ended: Speaker[] = [];
  const floor = new Floor(first, (frame, isNeeded) => {
    left.push(frame);
    if (!isNeeded) ended.push(frame.speaker);
  });
  return { floor, first, left, ended };
}

function speaker(name: string): Speaker {
  const one = new Speaker(name);
  one.joined({ session: { state: "idle" } as Session } as Successor);
  return one;
}

/** Says something in a turn of its own. */
function speaks(one: Speaker, text: string): void {
  one.turnBegins();
  one.hear({ update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text } } });
}

const move = fc.record({
  kind: fc.constantFrom("give", "give", "back", "settle", "settle", "take back", "forget"),
  returnAfter: fc.boolean(),
  pick: fc.nat(5),
});

test("for any order of handoffs, returns and losses: one holder, nobody ended who is needed, nobody kept who is not", () => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 40 }), (moves) => {
      const { floor, first, ended } = stage();
      const all: Speaker[] = [];
      for (const { kind, returnAfter, pick } of moves) {
        const former = floor.former[pick % Math.max(1, floor.former.length)];
        if (kind === "give") {
          const one = speaker(`s${all.length}`);
          all.push(one);
          const { depth } = floor;
          floor.give(one, { returnAfter, record });
          expect(floor.holder).toBe(one);
          expect(floor.depth).toBe(depth + 1);
        } else if (kind === "back" && former) {
          if (returnAfter) floor.give(former, { returnAfter, record });
          else floor.giveBack(former);
          expect(floor.holder).toBe(former);
        } else if (kind === "settle") {
          floor.settle();
          // Whoever has it between two prompts has it for longer.
          expect([undefined, floor.holder]).toContain(floor.owner);
          expect(floor.isHandedOver).toBe(floor.holder !== first);
        } else if (kind === "take back") {
          floor.takeBack();
          expect(floor.holder).toBe(first);
        } else if (kind === "forget" && former && former !== first) {
          const { holder } = floor;
          floor.forget(former);
          expect(floor.holder).toBe(holder);
          expect(floor.has(former)).toBe(false);
        }
        for (const one of all) expect(ended.includes(one)).toBe(!floor.has(one));
        expect(floor.former).not.toContain(floor.holder);
      }
    }),
  );
});

describe("what is told", () => {
  const told = (one: Speaker): string => one.takeNotes([]).join("\n");

  test("whoever gets it back hears what was said meanwhile, and what those had heard in turn", () => {
    const { floor, first } = stage();
    const [b, c] = [speaker("b"), speaker("c")];
    floor.give(b, { returnAfter: true, record });
    speaks(b, "b's words");
    floor.give(c, { returnAfter: true, record });
    speaks(c, "c's\nwords");
    floor.settle();
    const words = told(first);
    expect(words).toContain("b had the conversation for one turn, and said last:\n> b's words");
    expect(words).toContain("> c's\n> words");
    expect(told(first)).toBe("");
  });

  test("one that said nothing is told of as such, one that never spoke not at all", () => {
    const { floor, first } = stage();
    const [b, c] = [speaker("b"), speaker("c")];
    floor.give(b, { returnAfter: true, record });
    floor.give(c, { returnAfter: true, record });
    b.turnBegins();
    floor.settle();
    expect(told(first)).toBe("[b had the conversation for one turn, and said nothing.]");
  });

  test("a long message is shortened to head and tail", () => {
    const { floor, first } = stage();
    const b = speaker("b");
    floor.give(b, { returnAfter: false, record });
    speaks(b, `begin ${"x".repeat(100_000)} end`);
    floor.takeBack();
    const words = told(first);
    expect(words.length).toBeLessThan(9000);
    expect(words).toMatch(/> begin x+\n> \[… \d+ bytes left out …\]\n> x+ end/);
  });

  test("of more notes than one may have to be told the oldest goes", () => {
    const one = speaker("one");
    for (let number = 0; number <= maxNotes; number++) one.note(`note ${number}`);
    const notes = one.takeNotes([]);
    expect(notes).toHaveLength(maxNotes);
    expect(notes[0]).toBe("note 1");
  });

  test("notes wait while the prompt is a slash command", () => {
    const one = speaker("one");
    one.note("remember");
    expect(one.takeNotes([{ type: "text", text: "/compact" }])).toEqual([]);
    expect(one.takeNotes([{ type: "text", text: "go on" }])).toEqual(["remember"]);
  });
});

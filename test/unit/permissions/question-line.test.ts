/** Questions to a human: one at a time, in order, and gone at once when nobody waits for the answer any more. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { refusing } from "../../../src/permissions/answers.ts";
import { attributed } from "../../../src/permissions/question.ts";
import { maxWaitingQuestions, QuestionLine } from "../../../src/permissions/question-line.ts";
import type { Session } from "../../../src/sessions/session.ts";

/** A human who answers when told to. */
class Human {
  readonly line = new QuestionLine();
  readonly put: string[] = [];
  readonly #answers = new Map<string, (answer: string) => void>();
  readonly #failures = new Map<string, (error: Error) => void>();

  ask(question: string, signal = new AbortController().signal): Promise<string> {
    return this.line.ask(() => {
      this.put.push(question);
      return new Promise<string>((resolve, reject) => {
        this.#answers.set(question, resolve);
        this.#failures.set(question, reject);
      });
    }, signal);
  }

  answer(question: string): void {
    this.#answers.get(question)!(`answer to ${question}`);
  }

  fail(question: string): void {
    this.#failures.get(question)!(new Error("the dialog broke"));
  }
}

describe("a line", () => {
  test("puts one question at a time, in the order in which they came", async () => {
    const human = new Human();
    const answers = ["a", "b", "c"].map((question) => human.ask(question));
    for (const [index, question] of ["a", "b", "c"].entries()) {
      await nextTurn();
      expect(human.put).toEqual(["a", "b", "c"].slice(0, index + 1));
      human.answer(question);
    }
    expect(await Promise.all(answers)).toEqual(["answer to a", "answer to b", "answer to c"]);
  });

  test("goes on when a question fails", async () => {
    const human = new Human();
    const [a, b] = [human.ask("a"), human.ask("b")];
    await nextTurn();
    human.fail("a");
    await expect(a).rejects.toThrow("the dialog broke");
    await nextTurn();
    human.answer("b");
    expect(await b).toBe("answer to b");
  });

  test("a question withdrawn while it waits leaves at once and is never put", async () => {
    const human = new Human();
    const controller = new AbortController();
    const [a, b, c] = [human.ask("a"), human.ask("b", controller.signal), human.ask("c")];
    await nextTurn();
    controller.abort(new Error("its asker is gone"));
    await expect(b).rejects.toThrow("its asker is gone");
    human.answer("a");
    await a;
    await nextTurn();
    expect(human.put).toEqual(["a", "c"]);
    human.answer("c");
    await c;
  });

  test("one withdrawn while it is put makes room for the next", async () => {
    const human = new Human();
    const controller = new AbortController();
    const [a, b] = [human.ask("a", controller.signal), human.ask("b")];
    await nextTurn();
    controller.abort(new Error("its asker is gone"));
    await expect(a).rejects.toThrow("its asker is gone");
    await nextTurn();
    expect(human.put).toEqual(["a", "b"]);
    human.answer("b");
    expect(await b).toBe("answer to b");
  });

  test("one whose asker is gone already is not put", async () => {
    const human = new Human();
    await expect(human.ask("a", AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
    await nextTurn();
    expect(human.put).toEqual([]);
  });

  test("is full with as many waiting as it holds, and has room again", async () => {
    const human = new Human();
    const first = human.ask("first");
    await nextTurn();
    const controller = new AbortController();
    const waiting = Array.from({ length: maxWaitingQuestions }, (_, index) =>
      human.ask(String(index), controller.signal).catch(() => "withdrawn"),
    );
    expect(human.line.isFull).toBe(true);
    controller.abort();
    human.answer("first");
    await Promise.all([first, ...waiting]);
    await nextTurn();
    expect(human.line.isFull).toBe(false);
  });
});

describe("a child's question", () => {
  const asker = { id: "ses_1", depth: 2, title: "Fix the build", profile: { name: "codex" } } as unknown as Session;

  test.each([[undefined], [{}], [{ toolCall: 7 }], [{ toolCall: {} }], [{ toolCall: { title: "" } }]])(
    "says who asks and for which task, whatever it lacks: %j",
    (params) => {
      expect(attributed(params, { asker })).toMatchObject({
        toolCall: { title: expect.stringMatching(/^codex .*Fix the build.*use a tool/) as string },
        _meta: { crucible: { agent: "codex", task: "Fix the build", depth: 2 } },
      });
    },
  );

  test("keeps all else of what was asked", () => {
    const options = [{ optionId: "x", name: "X", kind: "allow_once" }];
    const toolCall = { toolCallId: "c", title: "rm", kind: "execute", rawInput: { a: 1 }, content: [] };
    expect(attributed({ options, toolCall, _meta: { vendor: 1 }, extra: true }, { asker })).toMatchObject({
      options: [{ ...options[0], name: "Allow" }],
      extra: true,
      toolCall: { kind: "execute", rawInput: { a: 1 }, content: [] },
      _meta: { vendor: 1 },
    });
  });

  test.each([
    [undefined, { outcome: "cancelled" }],
    [{ options: "none" }, { outcome: "cancelled" }],
    [{ options: [null, 7, { optionId: "a", kind: "allow_once" }] }, { outcome: "cancelled" }],
    [
      {
        options: [
          { optionId: "n", kind: "reject_always" },
          { optionId: "r", kind: "reject_once" },
        ],
      },
      { outcome: "selected", optionId: "r" },
    ],
  ])("refused without anybody there is never an allowance: %j", (params, outcome) => {
    expect(refusing(params)).toEqual({ outcome });
  });
});

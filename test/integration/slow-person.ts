/** A person at an editor who answers permission questions when the test says so, however late the question arrives. */
import type { Message } from "../support/acp-client.ts";
import { until } from "../support/conditions.ts";
import type { Parent } from "./delegating.ts";

export const permissionMethod = "session/request_permission";

export interface Question {
  params: Record<string, unknown> & { toolCall: Record<string, unknown>; options: { optionId: string }[] };
  id: Message["id"];
  answer: (optionId: string) => void;
  answered: boolean;
}

/** The editor of a person who takes their time: questions pile up until the test answers. */
export function slowPerson({ editor }: Parent): Question[] {
  const questions: Question[] = [];
  editor.onRequest(
    permissionMethod,
    (params, { id }) =>
      new Promise((resolve) => {
        const question: Question = {
          params: params as Question["params"],
          id,
          answered: false,
          answer(optionId) {
            question.answered = true;
            resolve({ outcome: { outcome: "selected", optionId } });
          },
        };
        questions.push(question);
      }),
  );
  return questions;
}

export function nth(questions: Question[], index: number): Promise<Question> {
  return until(() => questions[index], { what: `question ${index + 1}` });
}

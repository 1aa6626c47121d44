/** What models are told of a tool's input: all of it that helps them, small enough that no client cuts it. */
import { expect, test } from "vitest";
import { z } from "zod";
import { advertisedSchema, maxSchemaBytes } from "../../../src/mcp/advertised-schema.ts";
import { taskFields } from "../../../src/mcp/task-input.ts";
import { delegateSession } from "../../../src/mcp/tools/delegate-session.ts";
import { dynamicAgentTools } from "../../../src/mcp/tools/dynamic-agents.ts";
import { handoffSession } from "../../../src/mcp/tools/handoff-session.ts";
import { waitDelegation } from "../../../src/mcp/tools/wait-delegation.ts";

const tools = [delegateSession, handoffSession, waitDelegation, ...dynamicAgentTools];

test.each(tools.map((tool) => [tool.name, tool] as const))("%s fits into what every client hands on", (_, tool) => {
  expect(Buffer.byteLength(JSON.stringify(advertisedSchema(tool.input)))).toBeLessThanOrEqual(maxSchemaBytes);
});

test("each field of a task is there with its description, and in tasks without it", () => {
  const { properties } = advertisedSchema(delegateSession.input) as unknown as {
    properties: Record<string, { description?: string; items?: { properties: Record<string, object> } }>;
  };
  for (const [name, field] of Object.entries(taskFields)) {
    expect(properties[name]?.description).toBe(field.description);
    expect(properties["tasks"]?.items?.properties[name]).toBeDefined();
    expect(properties["tasks"]?.items?.properties[name]).not.toHaveProperty("description");
  }
});

test("null is not advertised, whatever stands beside it, and what must be there is still said", () => {
  const input = z.strictObject({
    a: z.string().min(1).nullish().describe("A."),
    b: z.enum(["x", "y"]).nullish(),
    c: z.number().int().min(1).max(9),
    d: z.array(z.union([z.string(), z.strictObject({ e: z.boolean().nullish().describe("E.") })])).nullish(),
  });
  expect(advertisedSchema(input)).toEqual({
    type: "object",
    properties: {
      a: { description: "A.", type: "string" },
      b: { type: "string", enum: ["x", "y"] },
      c: { type: "integer", minimum: 1, maximum: 9 },
      d: {
        type: "array",
        items: {
          anyOf: [
            { type: "string" },
            { type: "object", properties: { e: { type: "boolean" } }, additionalProperties: false },
          ],
        },
      },
    },
    required: ["c"],
    additionalProperties: false,
  });
});

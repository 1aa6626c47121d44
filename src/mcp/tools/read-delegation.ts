/** The tool `read_delegation`: the whole text of a result, in pages, also of one that was shortened. */
import { z } from "zod";
import { byteRange } from "../../base/text.ts";
import { defineTool } from "../tool.ts";

/** Page size when the caller names none, in bytes. */
export const defaultPageBytes = 50 * 1024;

/** Largest page, in bytes. */
export const maxPageBytes = 1024 * 1024;

export const readDelegation = defineTool({
  name: "read_delegation",
  title: "Read a delegation's full result",

  describe: () =>
    "Read the full result of an earlier delegation of yours, page by page. Needed only when a result says that bytes were " +
    "left out. Start at offset 0 and go on with next_offset until it is null.",

  input: z.strictObject({
    id: z.string().min(1).describe("The delegation_id of the result."),
    offset: z.number().int().min(0).nullish().describe("Byte to start at; 0 when missing."),
    max_bytes: z
      .number()
      .int()
      .min(1)
      .max(maxPageBytes)
      .nullish()
      .describe(`Size of the page in bytes; ${defaultPageBytes} when missing.`),
  }),

  async run({ id, offset, max_bytes: maxBytes }, { session }, { delegations }) {
    const { record } = delegations.find(session, id);
    const { status } = delegations.resultOf(session, id);
    const page = byteRange(record.result, { offset: offset ?? 0, maxBytes: maxBytes ?? defaultPageBytes });
    const rest = page.nextOffset === null ? "end" : `continue with offset ${page.nextOffset}`;
    return {
      content: [{ type: "text", text: `${page.text}\n\n[${status} · ${page.totalBytes} bytes in all · ${rest}]` }],
      structuredContent: {
        text: page.text,
        offset: page.offset,
        next_offset: page.nextOffset,
        total_bytes: page.totalBytes,
        status,
      },
    };
  },
});

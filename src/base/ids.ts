/**
 * Identifiers that are unique everywhere, not only in this process: 80 random bits behind a prefix that tells what the id names.
 * Written in Crockford's base 32, in lower case, so that models and people can repeat them without mistakes.
 */
import { randomBytes } from "node:crypto";

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const idBytes = 10;

export type IdPrefix = "ses" | "del" | "agt" | "ask" | "trm";

/** A new id such as `ses_4h2k9d0s7f1mqz3x`. */
export function newId(prefix: IdPrefix): string {
  let text = "";
  let buffer = 0;
  let bits = 0;
  for (const byte of randomBytes(idBytes)) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(buffer >> bits) & 31];
    }
    buffer &= (1 << bits) - 1;
  }
  return `${prefix}_${text}`;
}

/** Whether a text that came from elsewhere can be an id of this kind. */
export function isId(text: string, prefix: IdPrefix): boolean {
  return text.startsWith(`${prefix}_`) && new RegExp(`^[${alphabet}]{16}$`).test(text.slice(prefix.length + 1));
}

/**
 * A secret for one session: 256 random bits, safe in headers and environment variables. What stands before them lets redaction
 * (secrets.ts) know a token for certain wherever it turns up.
 */
export function newToken(): string {
  return `cru_${randomBytes(32).toString("base64url")}`;
}

/**
 * Which members of a login file a refresh makes anew, or adds: tokens and the times they are good for, by their names and by what they
 * look like. Nothing that could name a place to go to or a program to run is among them, whatever its name.
 */

/** Names of tokens (`access`, `refreshToken`, `id_token`) and of times (`expires_at`, `refresh_token_expires_in`, `last_refresh`). */
const tokenName = /^(?:access|refresh|id)(?:_?token)?$/i;
const timeName = /^(?:(?:access|refresh|id)_?token_?)?(?:expires(?:_?(?:at|in))?|expiry(?:_?date)?)$|^last_?refresh$/i;

/** As tokens are written: JSON web tokens, what OAuth calls `b64token` (RFC 6750), and lists of `name=value;`. */
const tokenText = /^[A-Za-z0-9\-._~+/=;:|]+$/;

/** As ISO 8601 writes times, or a number. */
const timeText = /^[0-9T:.Z+-]+$/;

/** Longest token that is brought back, in characters. */
export const maxTokenLength = 16 * 1024;

/** True for a name of what a refresh makes anew. */
export function isOfTokens(name: string): boolean {
  return tokenName.test(name) || timeName.test(name);
}

/** True for a token or a time under a name of one. */
export function isRefreshable(name: string, value: unknown): boolean {
  if (timeName.test(name)) return Number.isFinite(value) || (typeof value === "string" && timeText.test(value));
  if (!tokenName.test(name) || typeof value !== "string" || value.length > maxTokenLength) return false;
  // An address has the one in it, a path or an option begins like the other.
  return tokenText.test(value) && !value.includes("://") && !/^[./~-]/.test(value);
}

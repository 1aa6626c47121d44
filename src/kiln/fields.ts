/** Fields of what agents ask, of the shape the protocol gives them. */
import { isRecord } from "../acp/wire.ts";
import { invalidRequest } from "./errors.ts";

/** Throws CRU_REQUEST_INVALID. */
export function textField(params: unknown, name: string): string {
  const value = isRecord(params) ? params[name] : undefined;
  if (typeof value === "string") return value;
  throw invalidRequest.create(`expected ${name} to be a string, got ${value === undefined ? "nothing" : typeof value}`);
}

/** A whole number from 0; undefined for anything else. */
export function countField(params: unknown, name: string): number | undefined {
  const value = isRecord(params) ? params[name] : undefined;
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : undefined;
}

/** Makes data unchangeable all the way down, so that a configuration can be shared by everything that runs under it. */

/** Freezes plain objects, arrays and maps in place and returns the value. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  if (value instanceof Map) freezeMap(value);
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
  return value;
}

// Freezing a map leaves its entries open; the methods that change them have to go.
function freezeMap(map: Map<unknown, unknown>): void {
  for (const method of ["set", "delete", "clear"]) Object.defineProperty(map, method, { value: refuse });
  for (const inner of map.values()) deepFreeze(inner);
}

function refuse(): never {
  throw new TypeError("this map is frozen");
}

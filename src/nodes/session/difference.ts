/** Two values that should be the same to the last bit. */
export interface Difference {
  /** Which value, e.g. "command of joint elbow". */
  readonly what: string;
  readonly recorded: string;
  readonly again: string;
}

/** How a value of a message is called: its field, and the place in an array. */
export type NameOf = (field: string, index: number | undefined) => string;

/** The first field, in the order of `fields`, whose value is another one; numbers are compared bit for bit. */
export function firstDifference<T extends object>(
  recorded: T,
  again: T,
  fields: readonly (keyof T & string)[],
  nameOf: NameOf,
): Difference | undefined {
  for (const field of fields) {
    const [before, now] = [recorded[field] as unknown, again[field] as unknown];
    if (!isList(before) || !isList(now)) {
      if (!same(before, now)) return { what: nameOf(field, undefined), recorded: textOf(before), again: textOf(now) };
      continue;
    }
    const length = Math.max(before.length, now.length);
    for (let i = 0; i < length; i++) {
      if (i < before.length && i < now.length && same(before[i], now[i])) continue;
      return { what: nameOf(field, i), recorded: textOf(before[i]), again: textOf(now[i]) };
    }
  }
  return undefined;
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || ArrayBuffer.isView(value);
}

function same(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return Object.is(a, b);
  return Object.entries(a).every(([key, value]) => Object.is(value, (b as Record<string, unknown>)[key]));
}

function textOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Object.is(value, -0)) return "-0";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** A checksum as people read it. */
export function hex(checksum: number): string {
  return (checksum >>> 0).toString(16).padStart(8, "0");
}

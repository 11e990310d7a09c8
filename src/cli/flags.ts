import { InvalidArgumentError } from "commander";

/** Parser of an option that is a number above 0. */
export function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("Expected a positive number.");
}

/** Parser of an option that is 0 or a number above. */
export function notNegative(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError("Expected 0 or a positive number.");
}

/** Parser of an option that is a whole number above 0. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError("Expected a positive whole number.");
}

/** Parser of an option that is a whole number. */
export function integer(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError("Expected a whole number.");
}

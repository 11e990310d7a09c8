import { LatentloopError } from "../core/errors.ts";

/** What a person reads on stderr: one sentence with its code and the remedy; a stack only for a fault of ours. */
export function presentError(thrown: unknown): string {
  if (!(thrown instanceof LatentloopError)) {
    const detail = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    return `latentloop: an unexpected fault, please report it.\n${detail}\n`;
  }
  const remedy = thrown.remedy === undefined ? "" : `\n  ${thrown.remedy}`;
  return `latentloop: ${thrown.message} [${thrown.code}]${remedy}\n`;
}

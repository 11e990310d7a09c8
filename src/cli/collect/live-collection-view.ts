import type { LiveCollection } from "./live-collection.ts";
import { OPERATOR_KEYS } from "./operator-keys.ts";

const KEYS_LINE = Object.entries(OPERATOR_KEYS)
  .filter(([key]) => key !== "ctrl+c")
  .map(([key, { about }]) => `${key}: ${about}`)
  .join(" · ");

/** The lines of a collection's live view. */
export function renderCollection(
  title: string,
  total: number,
  collection: Pick<LiveCollection, "episodes" | "current" | "discarded" | "inCharge" | "rates" | "inputToCommandMs">,
  { answer, note }: { readonly answer: string; readonly note: string | undefined },
): string[] {
  const { episodes, current, discarded, inCharge, rates, inputToCommandMs } = collection;
  const successes = episodes.filter(({ success }) => success).length;
  const bar = "█".repeat(Math.round((24 * episodes.length) / total)).padEnd(24, "░");
  const drops = Object.entries(rates.drops).filter(([, count]) => count > 0);
  const running =
    current === undefined
      ? "none"
      : `${current.number} · ${current.steps} steps · return ${current.return.toFixed(1)}${current.interventions > 0 ? ` · ${current.interventions} steps by hand` : ""}`;
  const latency = inputToCommandMs
    ? ` · input → command ${inputToCommandMs.p50} ms p50 · ${inputToCommandMs.p99} ms p99`
    : "";
  return [
    title,
    `  ${bar} ${episodes.length} of ${total} episodes · ${successes} successful · ${discarded} discarded`,
    `  episode    ${running}`,
    `  in charge  ${inCharge}${latency}`,
    ...Object.entries(rates.ratesHz).map(([topic, hz]) => `  ${hz.toFixed(1).padStart(9)} Hz  ${topic}`),
    `  dropped    ${drops.length === 0 ? "none" : drops.map(([topic, count]) => `${topic} ${count}`).join(" · ")}`,
    note === undefined ? `  ${answer}` : `  note: ${note}▏ (enter writes, escape leaves)`,
    `  ${KEYS_LINE}`,
  ];
}

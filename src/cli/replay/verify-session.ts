import { join } from "node:path";
import { Command } from "commander";
import { root } from "../../config/package-root.ts";
import { BundleFinder } from "../../nodes/session/find-bundles.ts";
import type { PartVerdict } from "../../nodes/session/verdict.ts";
import { verifySession } from "../../nodes/session/verify-session.ts";
import { printResult } from "../output.ts";

interface VerifySessionFlags {
  readonly models: readonly string[];
  readonly json: boolean;
}

/** `latentloop replay verify-session`: what drove the robot, computed again from what it was computed from. */
export function verifySessionCommand(): Command {
  return new Command("verify-session")
    .description(
      "run a recorded control session again and compare every plan and command bit for bit; exit status 1 if one differs",
    )
    .argument("<bag>", "a bag's folder, or an .mcap file")
    .option("--models <folders...>", "where the session's models lie, or folders of them", ["models"])
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(async (path: string, { models, json }: VerifySessionFlags) => {
      const verdict = await verifySession(path, new BundleFinder([...models, join(root, "models")]));
      const { ok, parts, strangePlans } = verdict;
      const lines = [
        ...parts.map(lineOf),
        ...strangePlans.map((sentence) => `✗ ${sentence}`),
        ok ? "✓ every bit is the same." : `✗ ${firstOf(parts) ?? "not the same, or not whole."}`,
      ];
      printResult({ ok, parts: parts.map(partJson), strangePlans }, lines.join("\n"), json);
      if (!ok) process.exitCode = 1;
    });
}

function lineOf({ part, name, same, difference, gap, otherMachine }: PartVerdict): string {
  const unit = part === "control" ? "ticks" : "events";
  const end = difference
    ? `then ${difference.where}: ${difference.what}: recorded ${difference.recorded}, again ${difference.again}`
    : gap
      ? `then it cannot go on: ${gap}`
      : "to the end";
  const note = otherMachine ? ` (recorded on ${otherMachine})` : "";
  return `${difference || gap ? "✗" : "✓"} ${part} ${name}: ${same} ${unit} the same, ${end}${note}`;
}

/** The difference that came first in time: the others may follow from it. */
function firstOf(parts: readonly PartVerdict[]): string | undefined {
  const differing = parts.filter(({ difference }) => difference);
  const [first] = differing.sort((a, b) => (a.difference!.atNs < b.difference!.atNs ? -1 : 1));
  if (!first?.difference) return undefined;
  const { where, what, recorded, again } = first.difference;
  return `first difference: ${first.part} ${first.name}, ${where}: ${what}: recorded ${recorded}, again ${again}`;
}

/** Stamps as text: JSON has no 64-bit integers. */
function partJson({ session, difference, ...rest }: PartVerdict) {
  return {
    ...rest,
    session: String(session),
    difference: difference && { ...difference, atNs: String(difference.atNs) },
  };
}

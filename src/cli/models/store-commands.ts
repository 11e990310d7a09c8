import { Command, type Option } from "commander";
import { LatentloopError } from "../../core/errors.ts";
import type { Verdict } from "../../learning/gates/gate.ts";
import type { LedgerEvent } from "../../learning/models/ledger.ts";
import { ModelsFolder } from "../../learning/models/models-folder.ts";
import { commentary, formatTable, printResult } from "../output.ts";
import { gateOptions, heldOutOptions, type JudgeFlags, judgeCandidate } from "./judge-candidate.ts";
import { askRunningNode, type RunningNodeFlags, runningNodeOptions } from "./running-node.ts";

interface FolderFlags {
  readonly models: string;
  readonly json: boolean;
}

/** Who did it, in the ledger. */
const OPERATOR = "operator";
const now = () => new Date().toISOString();

/** `latentloop models list|history|propose|promote|rollback`: the bundles of one robot and the ledger of what became of them. */
export function storeCommands(): Command[] {
  return [listCommand(), historyCommand(), proposeCommand(), promoteCommand(), rollbackCommand()];
}

function command(name: string, description: string, ...options: readonly Option[]): Command {
  const made = new Command(name)
    .description(description)
    .option("--models <folder>", "folder of the bundles, their ledger and the link to the live one", "models");
  for (const option of options) made.addOption(option);
  return made.option("--json", "print one JSON object as the last line of stdout", false);
}

function listCommand(): Command {
  return command("list", "list the bundles of a models folder").action(async ({ models, json }: FolderFlags) => {
    const folder = new ModelsFolder(models);
    const [stored, live, { events }] = await Promise.all([folder.list(), folder.live(), folder.ledger()]);
    const rows = stored.map(({ name, hash }) => ({
      name,
      hash,
      live: name === live?.name,
      fate: hash === null ? "its manifest cannot be read" : fateOf(events, hash),
    }));
    const table = formatTable([
      ["", "name", "hash", "last event"],
      ...rows.map((row) => [row.live ? "live" : "", row.name, row.hash ?? "", row.fate]),
    ]);
    printResult({ models: rows }, rows.length === 0 ? `no bundle in ${models}` : table, json);
  });
}

function historyCommand(): Command {
  return command("history", "print the ledger: every candidate, its figures and its fate").action(
    async ({ models, json }: FolderFlags) => {
      const { events, damaged } = await new ModelsFolder(models).ledger();
      const lines = events.map((event) => [
        event.at,
        event.event,
        event.model.name,
        event.model.hash ?? "",
        tell(event),
      ]);
      const lost = damaged > 0 ? `\n${damaged} damaged line${damaged > 1 ? "s" : ""} left out` : "";
      const text = events.length === 0 ? "the ledger is empty" : formatTable(lines);
      printResult({ events, damaged }, text + lost, json);
    },
  );
}

function proposeCommand(): Command {
  return command(
    "propose",
    "lead a candidate through the gates; a world-model node may then adopt it",
    ...heldOutOptions(),
    ...gateOptions(),
  )
    .argument("<bundle>", "the candidate's folder")
    .action(async (bundle: string, flags: FolderFlags & JudgeFlags) => {
      const { name, verdicts } = await passGates(bundle, flags);
      printResult({ passed: true, name, verdicts }, `${name} passed: it may be promoted`, flags.json);
    });
}

function promoteCommand(): Command {
  return command(
    "promote",
    "lead a candidate through the gates and make it the live model: of the next start, or of a node that runs (--at)",
    ...heldOutOptions(),
    ...gateOptions(),
    ...runningNodeOptions(),
  )
    .argument("<bundle>", "the candidate's folder")
    .action(async (bundle: string, flags: FolderFlags & JudgeFlags & RunningNodeFlags) => {
      const { name, hash, verdicts } = await passGates(bundle, flags);
      if (flags.at !== undefined) {
        const answer = await askRunningNode("promote", flags);
        printResult({ passed: true, name, verdicts, answer }, answer, flags.json);
        return;
      }
      await new ModelsFolder(flags.models).promote({ name, hash }, OPERATOR, now());
      printResult({ passed: true, name, verdicts }, `${name} is the live model now`, flags.json);
    });
}

function rollbackCommand(): Command {
  return command(
    "rollback",
    "make the model before the live one live again: at the next start, or in a node that runs (--at)",
    ...runningNodeOptions(),
  ).action(async ({ models, json, ...flags }: FolderFlags & RunningNodeFlags) => {
    if (flags.at !== undefined) {
      const answer = await askRunningNode("rollback", flags);
      printResult({ answer }, answer, json);
      return;
    }
    const to = await new ModelsFolder(models).rollBack(OPERATOR, "asked for", now());
    printResult({ live: to }, `${to.name} is the live model again`, json);
  });
}

/** @throws ERR_MODEL_REFUSED with the failed gates */
async function passGates(bundle: string, flags: FolderFlags & JudgeFlags) {
  const judged = await judgeCandidate(new ModelsFolder(flags.models), bundle, flags, commentary(flags.json));
  if (judged.passed && judged.name !== undefined && judged.bundle) {
    return { name: judged.name, hash: judged.bundle.modelHash, verdicts: judged.verdicts };
  }
  throw new LatentloopError(
    "ERR_MODEL_REFUSED",
    `The candidate in ${bundle} was refused: ${failuresOf(judged.verdicts)}.`,
    {
      remedy: `The live model is untouched. Its figures: latentloop models history --models ${flags.models}.`,
    },
  );
}

function failuresOf(verdicts: readonly Verdict[]): string {
  const failed = verdicts.filter(({ passed }) => passed === false);
  return failed
    .map(({ gate, note, figure, limit }) => {
      const measured =
        figure === null || limit === null
          ? ""
          : `${Number(figure.toPrecision(4))} over ${Number(limit.toPrecision(4))}, `;
      return `${gate} (${measured}${note.replace(/\.$/, "")})`;
    })
    .join("; ");
}

/** The last thing that happened to a model. */
function fateOf(events: readonly LedgerEvent[], hash: string): string {
  const last = events.findLast(({ model }) => model.hash === hash);
  return last ? `${last.event} ${last.at}` : "never judged";
}

function tell(event: LedgerEvent): string {
  switch (event.event) {
    case "judged":
    case "shadowed":
      return event.passed ? "passed" : `refused: ${failuresOf(event.verdicts)}`;
    case "promoted":
      return `by ${event.by}${event.from ? `, in place of ${event.from.name}` : ""}`;
    case "kept":
      return "stood its watch";
    case "rolled-back":
      return `by ${event.by} to ${event.to.name}: ${event.reason}`;
  }
}

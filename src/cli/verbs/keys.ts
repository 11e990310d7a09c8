import { Command } from "commander";
import { makeHostKeys, writeHostKeys } from "../../transport/index.ts";
import { printResult } from "../output.ts";

/** `latentloop keys …`: what hosts prove themselves with when they join over tcp. */
export function keysCommand(): Command {
  return new Command("keys").description("keys of the hosts that join over tcp (CurveZMQ)").addCommand(makeCommand());
}

function makeCommand(): Command {
  return new Command("make")
    .description("make a file of keys for each host; copy each to its host, and nowhere else")
    .argument("<folder>", "where the files go; nothing in it is overwritten")
    .argument("<hosts...>", "names of all hosts that are to be joined, e.g. robot gpu")
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(async (folder: string, hosts: string[], { json }: { json: boolean }) => {
      const keys = makeHostKeys(hosts);
      const files = await writeHostKeys(folder, keys);
      const publicKeys = Object.fromEntries(keys.map(({ host, publicKey }) => [host, publicKey]));
      const text = `${files.join("\n")}\nCopy each file to its host (scp -p) and name it in the launch file there: keys: <file>`;
      printResult({ files, publicKeys }, text, json);
    });
}

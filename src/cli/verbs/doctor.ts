import { Command } from "commander";
import { examineDevices } from "../doctor/devices.ts";
import { examineDisk } from "../doctor/disk.ts";
import { type DoctorOptions, type Finding, formatFindings } from "../doctor/finding.ts";
import { examineMachine } from "../doctor/machine.ts";
import { examineProviders } from "../doctor/providers.ts";
import { examineRos } from "../doctor/ros.ts";
import { examineTiming } from "../doctor/timing.ts";
import { printResult } from "../output.ts";

export async function examine(options: DoctorOptions): Promise<Finding[]> {
  const timing = await examineTiming(); // first and alone: the other examinations would disturb it
  const [machine, providers, ros, disk, devices] = await Promise.all([
    examineMachine(),
    examineProviders(),
    examineRos(),
    examineDisk(options),
    examineDevices(),
  ]);
  return [...machine, ...providers, ...ros, ...timing, ...disk, ...devices];
}

/** `latentloop doctor`: what this machine has, what each missing thing would give, and how to get it. */
export function doctorCommand(): Command {
  return new Command("doctor")
    .description("say what this machine has, what each missing thing would give and how to get it")
    .option("--replay <folder>", "where recordings would go", "runs")
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(async ({ replay, json }: { replay: string; json: boolean }) => {
      const findings = await examine({ replayFolder: replay });
      const ok = findings.every(({ status }) => status !== "broken");
      printResult({ ok, findings }, formatFindings(findings), json);
      process.exitCode = ok ? 0 : 1;
    });
}

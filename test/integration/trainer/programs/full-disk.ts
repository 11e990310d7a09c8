import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../../src/core/clock.ts";
import { ModelsFolder } from "../../../../src/learning/models/models-folder.ts";
import { Campaign, type CampaignPorts } from "../../../../src/nodes/trainer/campaign.ts";
import type { TrainerParameters } from "../../../../src/nodes/trainer/trainer-parameters.ts";

/** Runs a trainer whose disk fills up when it exports its candidate; prints the reason that it then waits for. */
const parameters = JSON.parse(process.argv[2]!) as TrainerParameters;
let reason: string | undefined;

const log = { debug() {}, info() {}, warn() {}, error() {} };
const ports: CampaignPorts = {
  log,
  ready: async () => reason === undefined,
  wait: async () => {},
  takeRequest: () => false,
  judge: () => Promise.reject(new Error("there is no candidate to judge")),
  report(status) {
    if (status.state === "exporting") fillUp();
    if (status.state === "waiting" && status.run > 0) reason = status.reason;
  },
};

function fillUp(): void {
  for (let bytes = 1 << 20; bytes >= 512; bytes >>= 1) {
    try {
      for (let i = 0; ; i++) writeFileSync(join(parameters.folder, `filler-${bytes}-${i}`), Buffer.alloc(bytes));
    } catch {
      // No more of this size: smaller ones fill the rest.
    }
  }
}

await new Campaign({ parameters, models: new ModelsFolder(parameters.models), clock: systemClock(), ports }).run();
process.stdout.write(JSON.stringify({ reason }));

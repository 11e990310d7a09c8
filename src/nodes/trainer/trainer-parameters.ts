import { z } from "zod";
import { fineTuneSettings } from "../../learning/fine-tune/settings.ts";
import { gatesSchema } from "../../learning/gates/index.ts";

export const trainerParameters = z.strictObject({
  models: z.string().meta({
    description: "Models folder: `live` in it is trained further, candidates and their ledger go there.",
    readOnly: true,
  }),
  replay: z
    .string()
    .meta({ description: "Folder of bags that is learned from, also while a recorder writes it.", readOnly: true }),
  old: z.string().default("").meta({
    description:
      "Bags, or an archive of episodes, of the world that the model was trained in, so that it does not forget; none if empty.",
    readOnly: true,
  }),
  folder: z.string().default("runs/trainer").meta({
    description: "Where the trainer keeps its checkpoint, to go on exactly there after a crash.",
    readOnly: true,
  }),
  fineTuning: fineTuneSettings.prefault({}),
  gates: gatesSchema.prefault({}),
  newEpisodes: z
    .int()
    .positive()
    .default(10)
    .describe(
      "Whole episodes that must come before a run begins by itself; after each refusal in a row twice as many.",
    ),
  heldOutEvery: z.int().min(2).default(4).meta({
    description: "Every so many episodes, one is never trained on: candidates are judged by them.",
    readOnly: true,
  }),
  seed: z.int().default(1).meta({ description: "Seed of the first run; each run has its own.", readOnly: true }),
  followSeconds: z
    .number()
    .positive()
    .default(2)
    .meta({ description: "How often the replay is looked at for new episodes.", unit: "s" }),
  checkpointSeconds: z
    .number()
    .positive()
    .default(20)
    .meta({ description: "How often a run is put on the disk: at most this much work is lost by a crash.", unit: "s" }),
  threads: z.int().min(1).max(64).default(1).meta({ description: "Threads of one operator.", readOnly: true }),
  niceness: z
    .int()
    .min(0)
    .max(19)
    .default(19)
    .meta({ description: "How far its threads stand back behind others (Unix nice).", readOnly: true }),
  episodesMegabytes: z.number().positive().default(512).meta({
    description: "Memory for recorded episodes, old ones included: the newest that fit are learned from.",
    unit: "MB",
    readOnly: true,
  }),
  heapMegabytes: z.number().min(64).default(1536).meta({
    description: "Memory for everything else in JavaScript: the thread that exceeds it is ended and begun anew.",
    unit: "MB",
    readOnly: true,
  }),
  processMegabytes: z.number().min(256).default(3072).meta({
    description:
      "Memory of the whole process, onnxruntime included: above it the run is ended and begun anew from its checkpoint.",
    unit: "MB",
  }),
  yieldToLoop: z
    .boolean()
    .default(true)
    .describe("Whether it rests while the control loop is late: not needed on another host."),
  commandRateHz: z
    .number()
    .positive()
    .default(100)
    .meta({ description: "Rate of the control node's commands.", unit: "Hz", readOnly: true }),
  minFreeMegabytes: z
    .number()
    .min(0)
    .default(256)
    .meta({ description: "It rests while the machine has less free memory.", unit: "MB", readOnly: true }),
  maxLoadPerCore: z
    .number()
    .positive()
    .default(16)
    .meta({ description: "It rests while more threads than this wait for each core.", readOnly: true }),
});
export type TrainerParameters = z.output<typeof trainerParameters>;

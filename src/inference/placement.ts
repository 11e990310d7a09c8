import { availableParallelism } from "node:os";
import { z } from "zod";

/** Execution providers of onnxruntime that we use, the most capable first. */
export const PROVIDERS = ["cuda", "webgpu", "cpu"] as const;
export type Provider = (typeof PROVIDERS)[number];

/** Where a graph runs. `threads` counts the CPU threads that share one operator's work. */
export interface Placement {
  readonly provider: Provider;
  readonly threads: number;
}

export const inferenceParameters = z.strictObject({
  provider: z
    .enum(["auto", ...PROVIDERS])
    .default("auto")
    .meta({
      description:
        "Where graphs run; `auto` measures each graph at load time and keeps the fastest that agrees with the CPU.",
      readOnly: true,
    }),
  threads: z.int().min(0).max(64).default(0).meta({
    description: "CPU threads per operator; 0 measures one against all cores but one and keeps the faster.",
    readOnly: true,
  }),
  niceness: z.int().min(0).max(19).default(0).meta({
    description:
      "How far the inference threads stand back behind others (Unix nice), so that the control thread keeps time.",
    readOnly: true,
  }),
});
export type InferenceParameters = z.output<typeof inferenceParameters>;

/** More threads than this never paid for the small graphs of a control loop. */
const MAX_THREADS = 4;

/** The placements to try: the first is the reference that the others must agree with. */
export interface PlacementChoice {
  readonly placements: readonly Placement[];
  /** Whether the last one is taken even when it is slower: somebody asked for it by name. */
  readonly insist: boolean;
}

export function placementsFor(
  { provider, threads }: Pick<InferenceParameters, "provider" | "threads">,
  usable: readonly Provider[],
): PlacementChoice {
  const several = Math.max(1, Math.min(MAX_THREADS, availableParallelism() - 1));
  const counts = threads > 0 ? [threads] : [...new Set([1, several])];
  const cpu = counts.map((count): Placement => ({ provider: "cpu", threads: count }));
  const devices = usable.filter((name) => name !== "cpu").map((name): Placement => ({ provider: name, threads: 1 }));
  if (provider === "auto") return { placements: [...cpu, ...devices], insist: false };
  const named = devices.filter((placement) => placement.provider === provider);
  return named.length > 0
    ? { placements: [...cpu.slice(0, 1), ...named], insist: true }
    : { placements: cpu, insist: false };
}

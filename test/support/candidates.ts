import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { graphsOf } from "../../src/config/manifest.ts";
import { parseStrict } from "../../src/config/parse-strict.ts";
import { systemClock } from "../../src/core/clock.ts";
import { Rng } from "../../src/core/rng.ts";
import type { Tensor } from "../../src/core/tensor.ts";
import { fillRandom } from "../../src/inference/fill-inputs.ts";
import { readBundle } from "../../src/inference/read-bundle.ts";
import { LocalGraph } from "../../src/learning/bundle/local-graph.ts";
import { encodeParity, PARITY_FILE, type ParitySample } from "../../src/learning/bundle/parity-file.ts";
import { EpisodeStore } from "../../src/learning/episodes/episode-store.ts";
import type { Verdict } from "../../src/learning/gates/gate.ts";
import { type GateSettings, gatesSchema } from "../../src/learning/gates/index.ts";
import { type Judgement, judge } from "../../src/learning/gates/judge.ts";
import { type SampleOptions, writeSampleBundle } from "./sample-bundle.ts";

/** The sample bundle as a trainer hands it over: with what its graphs computed on random inputs. */
export async function writeCandidate(
  test: { after(hook: () => Promise<void>): void },
  options: SampleOptions = {},
): Promise<string> {
  const folder = await writeSampleBundle(test, options);
  const { manifest, onnx } = await readBundle(folder);
  const samples = new Map<string, ParitySample>();
  for (const { name, inputs, outputs } of graphsOf(manifest)) {
    const graph = await LocalGraph.open(onnx[name]!);
    fillRandom(inputs, graph.inputs, new Rng(3));
    const found = await graph.run();
    const tensorsOf = (specs: typeof inputs, values: typeof found) =>
      new Map(specs.map(({ dtype, shape, name }) => [name, { dtype, shape, data: values[name]! } as Tensor]));
    samples.set(name, { inputs: tensorsOf(inputs, graph.inputs), outputs: tensorsOf(outputs, found) });
    await graph.close();
  }
  await writeFile(join(folder, PARITY_FILE), Buffer.concat(encodeParity(samples)));
  return folder;
}

/** Two short episodes of noise in the sample bundle's shapes. */
export function noiseEpisodes(frames = 8): EpisodeStore {
  const store = new EpisodeStore({ imageBytes: { scene: 192 }, proprioceptionSize: 3, actionSize: 2 }, 2 * frames);
  const rng = new Rng(11);
  for (let episode = 0; episode < 2; episode++) {
    const writer = store.begin({ kind: "reset", seed: episode }, "random");
    for (let i = 0; i < frames; i++) {
      const frame = writer.nextFrame();
      store.borrowImage("scene", frame).forEach((_, k, image) => {
        image[k] = rng.integer(256);
      });
      rng.fillNormal(store.borrowProprioception(frame));
      rng.fillUniform(store.borrowAction(frame), -1, 1);
      store.rewards[frame] = rng.normal();
    }
    writer.end();
  }
  return store;
}

/** Leads a candidate through the gates against a live bundle, on episodes of noise. */
export async function judgeSample(
  candidate: string,
  live: string | undefined,
  settings: Partial<GateSettings> = {},
  heldOut: () => Promise<EpisodeStore> = async () => noiseEpisodes(),
  onVerdict: (verdict: Verdict) => void = () => {},
): Promise<Judgement> {
  return judge(candidate, {
    live: live === undefined ? undefined : await readBundle(live),
    heldOut,
    onVerdict,
    // How long a run takes is the machine's affair here, not the rule under test.
    settings: parseStrict(gatesSchema, { latency: { maxPeriodShare: 1e6 }, ...settings }, "the test"),
    clock: systemClock(),
    inference: { provider: "cpu", threads: 1, niceness: 0 },
  });
}

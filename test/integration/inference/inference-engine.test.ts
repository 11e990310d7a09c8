import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { systemClock } from "../../../src/core/clock.ts";
import { Rng } from "../../../src/core/rng.ts";
import { fillRandom, fillZeros } from "../../../src/inference/fill-inputs.ts";
import { InferenceEngine } from "../../../src/inference/inference-engine.ts";
import { OnnxSession } from "../../../src/inference/onnx-session.ts";
import { encodeModel } from "../../support/onnx-model.ts";
import { type SampleGraph, sampleModel, slowAct, writeSampleBundle } from "../../support/sample-bundle.ts";

const clock = systemClock();
const afterMs = (ms: number): number => clock.monotonicNs() + ms * 1e6;
const start = (program?: URL) =>
  InferenceEngine.start({ provider: "cpu", threads: 1, niceness: 0, clock, ...(program && { program }) });

async function expectedOutputs(name: SampleGraph) {
  const model = sampleModel(name);
  const session = await OnnxSession.open(name, encodeModel(model), model, { provider: "cpu", threads: 1 });
  fillRandom(model.inputs, session.inputs, new Rng(7));
  await session.run();
  const outputs = Object.fromEntries(
    Object.entries(session.outputs).map(([output, data]) => [output, [...data].map(Number)]),
  );
  await session.close();
  return outputs;
}

test("every graph of a bundle computes through shared memory what it computes in the caller's thread", async (t) => {
  await using engine = await start();
  const bundle = await engine.load(await writeSampleBundle(t));
  for (const name of Object.keys(bundle.graphs) as SampleGraph[]) {
    const graph = bundle.graphs[name]!;
    const expected = await expectedOutputs(name);
    const outputs = () =>
      Object.fromEntries(Object.entries(graph.outputs).map(([output, data]) => [output, [...data].map(Number)]));
    fillRandom(sampleModel(name).inputs, graph.inputs, new Rng(7));
    const { status, queueNs, computeNs } = await graph.run();
    assert.equal(status, "done");
    assert.ok(queueNs > 0 && computeNs > 0, `${queueNs} ns, ${computeNs} ns`);
    assert.deepEqual(outputs(), expected, name);
    fillZeros(graph.outputs);
    assert.equal(graph.runSync(afterMs(120_000)).status, "done");
    assert.deepEqual(outputs(), expected, `${name}, blocking`);
  }
});

test("loading reports each graph's placement, and a load with these placements measures nothing", async (t) => {
  await using engine = await InferenceEngine.start({ provider: "auto", threads: 2, niceness: 5, clock });
  const folder = await writeSampleBundle(t);
  const first = await engine.load(folder);
  assert.deepEqual(
    first.reports.map((report) => report.graph),
    Object.keys(first.graphs),
  );
  const placements = Object.fromEntries(first.reports.map(({ graph, placement }) => [graph, placement]));
  const second = await engine.load(folder, { placements });
  for (const [i, { placement, trials }] of second.reports.entries()) {
    assert.deepEqual(placement, first.reports[i]!.placement);
    assert.equal(trials.length, 1);
  }
});

test("a late call returns at its deadline, is counted, and the next call gets its own result", async (t) => {
  await using engine = await start(new URL("../../support/detained-inference-thread.js", import.meta.url));
  const { act } = (await engine.load(await writeSampleBundle(t))).graphs;
  const noise = act!.inputs.noise as Float32Array;
  const action = act!.outputs.action as Float32Array;
  (act!.inputs.latent as Float32Array).fill(0);
  const detain = () => noise.fill(Number.POSITIVE_INFINITY);
  const resultOf = (value: number) => new Array(2).fill(Math.fround(Math.tanh(value)).toFixed(5));
  detain(); // its run goes on until the input is another
  assert.equal((await act!.run(afterMs(5))).status, "late");
  assert.deepEqual([...action], [0, 0]);
  noise.fill(2);
  assert.equal((await act!.run()).status, "done");
  assert.deepEqual(
    [...action].map((value) => value.toFixed(5)),
    resultOf(2),
  );
  assert.deepEqual(act!.counts, { runs: 2, late: 1 });
  detain();
  assert.equal(act!.runSync(afterMs(5)).status, "late");
  noise.fill(0);
});

test("several bundles live in one thread, and closing one leaves the others running", async (t) => {
  await using engine = await start();
  const [one, two] = [await engine.load(await writeSampleBundle(t)), await engine.load(await writeSampleBundle(t))];
  const runs = await Promise.all([one.graphs.plan!.run(), two.graphs.plan!.run(), one.graphs.encode.run()]);
  assert.deepEqual(
    runs.map(({ status }) => status),
    ["done", "done", "done"],
  );
  await one.close();
  await assert.rejects(one.graphs.plan!.run(), { code: "ERR_INFERENCE_CLOSED" });
  assert.equal((await two.graphs.plan!.run()).status, "done");
  const three = await engine.load(await writeSampleBundle(t));
  assert.equal((await three.graphs.plan!.run()).status, "done");
});

test("a graph that fails while it runs says so and can be called again", async (t) => {
  await using engine = await start();
  const act = sampleModel("act");
  const gather = { type: "Gather", inputs: ["noise", "index"], output: "action", attributes: { axis: 1 } };
  const cast = { type: "Cast", inputs: ["row"], output: "index", attributes: { to: 7 } };
  const row = { type: "Reshape", inputs: ["drive", "two"], output: "row" };
  const drive = { type: "MatMul", inputs: ["latent", "w"], output: "drive" };
  // Looks up `noise` at an index that the latent holds: 9 is outside.
  const failing = { ...act, operations: [drive, row, cast, gather], int64Constants: { two: [2] } };
  const folder = await writeSampleBundle(t, {
    models: { act: { ...failing, constants: { w: { shape: [6, 2], data: [1, 0, 0, 1, ...new Array(8).fill(0)] } } } },
  });
  // The measuring runs of loading use random latents between -2 and 2, which are valid indices after rounding.
  const graph = (await engine.load(folder)).graphs.act!;
  const latent = graph.inputs.latent as Float32Array;
  latent.set([9, 0, 0, 0, 0, 0]);
  await assert.rejects(graph.run(), { code: "ERR_INFERENCE_FAILED", message: /'act' failed: .*idx=9/ });
  latent.set([1, 0, 0, 0, 0, 0]);
  assert.equal((await graph.run()).status, "done");
});

test("a bundle whose ONNX file disagrees with its manifest is refused, and the engine goes on", async (t) => {
  await using engine = await start();
  const good = await engine.load(await writeSampleBundle(t));
  const swapped = await writeSampleBundle(t, { models: { act: sampleModel("plan") } });
  await assert.rejects(engine.load(swapped), {
    code: "ERR_GRAPH_MISMATCH",
    message: /graph 'act'.*'in_flight_action'/,
  });
  assert.equal((await good.graphs.act!.run()).status, "done");
});

test("a lost thread fails every call with its reason, and a restart revives the same handles", async (t) => {
  await using engine = await start(new URL("../../support/mortal-inference-thread.js", import.meta.url));
  const { act, plan } = (await engine.load(await writeSampleBundle(t))).graphs;
  const noise = act!.inputs.noise as Float32Array;
  noise.fill(Number.NaN);
  const planned = plan!.run().then(() => plan!.run());
  await assert.rejects(act!.run(), { code: "ERR_INFERENCE_LOST", message: /struck by NaN/ });
  await assert.rejects(planned, { code: "ERR_INFERENCE_LOST" });
  noise.fill(0.5);
  await engine.restart();
  (act!.inputs.latent as Float32Array).fill(0);
  assert.equal((await act!.run()).status, "done");
  assert.deepEqual(
    [...(act!.outputs.action as Float32Array)].map((value) => value.toFixed(5)),
    ["0.46212", "0.46212"],
  );
});

test("a restart refuses a bundle that changed on disk since it was loaded", async (t) => {
  await using engine = await start(new URL("../../support/mortal-inference-thread.js", import.meta.url));
  const folder = await writeSampleBundle(t);
  const { act } = (await engine.load(folder)).graphs;
  (act!.inputs.noise as Float32Array).fill(Number.NaN);
  await assert.rejects(act!.run(), { code: "ERR_INFERENCE_LOST" });
  await appendFile(join(folder, "manifest.json"), "\n");
  await assert.rejects(engine.restart(), { code: "ERR_BUNDLE_HASH" });
  await assert.rejects(act!.run(), { code: "ERR_INFERENCE_LOST" });
});

test("an engine that is closed while it restarts ends the new thread too, and restarts no more", async (t) => {
  const engine = await start(new URL("../../support/mortal-inference-thread.js", import.meta.url));
  const { act } = (await engine.load(await writeSampleBundle(t))).graphs;
  (act!.inputs.noise as Float32Array).fill(Number.NaN);
  await assert.rejects(act!.run(), { code: "ERR_INFERENCE_LOST" });
  const restarted = assert.rejects(engine.restart(), { code: "ERR_INFERENCE_CLOSED" });
  await engine.close();
  await restarted;
  await assert.rejects(act!.run(), { code: "ERR_INFERENCE_CLOSED" });
  await assert.rejects(engine.restart(), { code: "ERR_INFERENCE_CLOSED" });
});

test("closing an engine ends waiting calls and refuses new ones", async (t) => {
  const engine = await start();
  const { graphs } = await engine.load(await writeSampleBundle(t, { models: { act: slowAct() } }));
  const running = graphs.act!.run();
  const queued = graphs.plan!.run();
  const ends = Promise.allSettled([running, queued]);
  await engine.close();
  for (const end of await ends) assert.equal(end.status === "rejected" && end.reason.code, "ERR_INFERENCE_CLOSED");
  assert.throws(() => graphs.plan!.runSync(afterMs(1)), { code: "ERR_INFERENCE_CLOSED" });
  await assert.rejects(engine.load("nowhere"), { code: "ERR_FILE_UNREADABLE" });
});

test("a process that exits in the middle of a run ends with its own exit status", async (t) => {
  const folder = await writeSampleBundle(t, { models: { act: slowAct() } });
  const program = fileURLToPath(new URL("../../support/exit-during-run.js", import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [program, folder], { encoding: "utf8" });
  assert.equal(status, 7, stderr);
});

test("a thread that fails while its engine runs a graph takes neither the engine's run nor the process with it", async (t) => {
  const workerData = await writeSampleBundle(t, { models: { act: slowAct() } });
  const owner = new Worker(new URL("../../support/fail-during-run.js", import.meta.url), { workerData });
  const [error] = await once(owner, "error");
  assert.match(String(error), /a fault beside the run/);
});

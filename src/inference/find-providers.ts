import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { messageOf } from "../core/errors.ts";
import { PROVIDERS, type Provider } from "./placement.ts";

/** Whether a provider works on this machine, tried for real. */
export interface ProviderStatus {
  readonly provider: Provider;
  readonly usable: boolean;
  /** Why it does not; undefined when it works. */
  readonly reason: string | undefined;
  readonly remedy: string | undefined;
}

const PROBE = fileURLToPath(new URL("./probe-provider.js", import.meta.url));
/** The first CUDA session of a machine may compile kernels. */
const PROBE_TIMEOUT_MS = 60_000;

const CUDA_LIBRARY = "libonnxruntime_providers_cuda.so";
const NO_CUDA_LIBRARY: Omit<ProviderStatus, "provider" | "usable"> = {
  reason: `onnxruntime's CUDA provider (${CUDA_LIBRARY}) is not installed`,
  remedy:
    process.arch === "x64"
      ? "Run ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js; it needs CUDA 12 and cuDNN 9."
      : "There is no prebuilt CUDA provider for this processor: run the world-model node on another machine.",
};

/** Failures of onnxruntime in words that say what to do. */
const KNOWN_FAILURES: readonly [pattern: RegExp, reason: string, remedy: string][] = [
  [
    /WebGPU adapter/i,
    "no GPU driver offers a usable adapter",
    "Install the GPU's Vulkan driver (check with vulkaninfo).",
  ],
  [/libcu\w+|libcudnn/i, "CUDA's own libraries are not found", "Install CUDA 12 and cuDNN 9, or set LD_LIBRARY_PATH."],
  [/no CUDA-capable device|CUDA failure/i, "the CUDA driver finds no device", "Check with nvidia-smi."],
];

const probes = new Map<Provider, Promise<ProviderStatus>>();

/** Runs a small graph on the provider in a process of its own, once per process. */
export function probeProvider(provider: Provider): Promise<ProviderStatus> {
  const known = probes.get(provider);
  if (known) return known;
  const probe = runProbe(provider);
  probes.set(provider, probe);
  return probe;
}

async function runProbe(provider: Provider): Promise<ProviderStatus> {
  if (provider === "cuda" && !existsSync(join(libraryFolder(), CUDA_LIBRARY))) {
    return { provider, usable: false, ...NO_CUDA_LIBRARY };
  }
  try {
    const run = promisify(execFile)(process.execPath, [PROBE, provider], { timeout: PROBE_TIMEOUT_MS });
    const { failure } = JSON.parse((await run).stdout) as { failure: string | null };
    if (failure === null) return { provider, usable: true, reason: undefined, remedy: undefined };
    return { provider, usable: false, ...explain(failure) };
  } catch (thrown) {
    return {
      provider,
      usable: false,
      reason: `its trial died: ${messageOf(thrown)}`,
      remedy: "Check the GPU's driver.",
    };
  }
}

function explain(failure: string): { reason: string; remedy: string | undefined } {
  const known = KNOWN_FAILURES.find(([pattern]) => pattern.test(failure));
  return known ? { reason: known[1], remedy: known[2] } : { reason: failure, remedy: undefined };
}

/** The providers among the wanted ones that work. Without a GPU device `auto` asks nobody. */
export async function usableProviders(wanted: "auto" | Provider): Promise<ProviderStatus[]> {
  const candidates = wanted === "auto" ? (hasGpuDevice() ? PROVIDERS : []) : [wanted];
  const gpus = candidates.filter((provider) => provider !== "cpu");
  return [
    { provider: "cpu", usable: true, reason: undefined, remedy: undefined },
    ...(await Promise.all(gpus.map(probeProvider))),
  ];
}

function hasGpuDevice(): boolean {
  if (process.platform !== "linux") return true;
  const devices = ["/dev", "/dev/dri"].flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []));
  return devices.some((device) => /^(nvidia\d+|renderD\d+)$/.test(device));
}

/** Where onnxruntime-node keeps its shared libraries. */
export function libraryFolder(): string {
  const main = createRequire(import.meta.url).resolve("onnxruntime-node");
  return join(dirname(main), "..", "bin", "napi-v6", process.platform, process.arch);
}

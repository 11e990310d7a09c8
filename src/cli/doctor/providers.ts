import { readFile } from "node:fs/promises";
import { probeProvider } from "../../inference/find-providers.ts";
import { PROVIDERS, type Provider } from "../../inference/placement.ts";
import type { Finding } from "./finding.ts";
import { runProgram } from "./run-program.ts";

const GIVES: Readonly<Record<Provider, string>> = {
  cpu: "inference",
  webgpu: "big models on any GPU with a Vulkan driver",
  cuda: "the fastest inference and training of big models on an NVIDIA GPU",
};

/** Shared libraries that onnxruntime's CUDA provider loads. */
const CUDA_LIBRARIES = ["libcudart.so.12", "libcublas.so.12", "libcublasLt.so.12", "libcufft.so.11", "libcudnn.so.9"];

/** onnxruntime's providers, each tried with a small graph in a process of its own, and what CUDA needs. */
export async function examineProviders(): Promise<Finding[]> {
  const tried = await Promise.all([...PROVIDERS].reverse().map(examineProvider));
  return [...tried, await examineCuda()];
}

async function examineProvider(provider: Provider): Promise<Finding> {
  const { usable, reason, remedy } = await probeProvider(provider);
  const required = provider === "cpu";
  return {
    name: `onnxruntime ${provider}`,
    status: usable ? "ok" : required ? "broken" : "missing",
    found: usable ? "ran a graph" : (reason ?? "does not work"),
    gives: GIVES[provider],
    remedy: remedy ?? (required ? "Install the packages again: npm ci." : undefined),
    values: { usable },
  };
}

async function examineCuda(): Promise<Finding> {
  const [driver, cache] = await Promise.all([
    readFile("/proc/driver/nvidia/version", "utf8").catch(() => ""),
    runProgram("ldconfig", ["-p"]),
  ]);
  const version = /Kernel Module\s+(?:for \S+\s+)?([\d.]+)/.exec(driver)?.[1];
  const missing = missingLibraries(cache ?? "");
  const libraries = missing.length === 0 ? "all libraries" : `not found: ${missing.join(", ")}`;
  return {
    name: "CUDA",
    status: version !== undefined && missing.length === 0 ? "ok" : "missing",
    found: `${version === undefined ? "no NVIDIA driver" : `driver ${version}`}; ${libraries}`,
    gives: "what onnxruntime's cuda provider needs",
    remedy: "On a machine with an NVIDIA GPU install its driver, CUDA 12 and cuDNN 9.",
    values: { driver: version ?? "", missing_libraries: missing },
  };
}

/** @param cache what `ldconfig -p` prints */
export function missingLibraries(cache: string): string[] {
  return CUDA_LIBRARIES.filter((library) => !cache.includes(`${library} `));
}

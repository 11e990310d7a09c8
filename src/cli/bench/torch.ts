import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { LatentloopError } from "../../core/errors.ts";
import { PROVIDERS, type Provider } from "../../inference/placement.ts";
import { pythonPeer } from "../python-peer.ts";

/** The baseline's program, next to the sources: it is not compiled. */
export const TWIN_PROGRAM = fileURLToPath(new URL("../../../../src/cli/bench/torch_twin.py", import.meta.url));

/** Where both sides compute: LATENTLOOP_PROVIDER (cpu, cuda or webgpu), by default the CPU. PyTorch takes CUDA for both GPUs. */
export function benchProvider(): Provider {
  const name = process.env.LATENTLOOP_PROVIDER ?? "cpu";
  const provider = PROVIDERS.find((known) => known === name);
  if (provider) return provider;
  throw new LatentloopError(
    "ERR_INVALID_ARGUMENT",
    `Expected ${PROVIDERS.join(", ")} in LATENTLOOP_PROVIDER but received "${name}".`,
  );
}

/** PyTorch's version under that Python, or undefined when it is not installed. */
export function findTorch(): string | undefined {
  const { status, stdout } = spawnSync(pythonPeer(), ["-c", "import numpy, torch; print(torch.__version__)"], {
    encoding: "utf8",
  });
  return status === 0 ? stdout.trim() : undefined;
}

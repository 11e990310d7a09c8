import * as ort from "onnxruntime-node";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import type { Provider } from "../../inference/placement.ts";

export interface SessionOptions {
  readonly provider?: Provider;
  /** Threads of one operator; two or more only pay on cores that nothing else uses. */
  readonly threads?: number;
  /** Whether all intermediate memory is planned as one block: time for memory. */
  readonly planMemory?: boolean;
  /** Whether the runtime may rewrite the graph for speed; by default it does. */
  readonly optimize?: boolean;
  /** Outputs that stay on the device between runs, where the provider's binding can do that. */
  readonly keepOnDevice?: readonly string[];
}

ort.env.logLevel = "fatal"; // whatever goes wrong reaches us as an exception

const PROVIDER_REMEDY: Readonly<Record<Provider, string>> = {
  cpu: "Report this with the model's name: the CPU provider runs every graph of ours.",
  cuda: "Install the CUDA provider of onnxruntime-node and an NVIDIA driver, or choose the provider webgpu or cpu.",
  webgpu: "Install a Vulkan driver for the GPU, or choose the provider cpu.",
};

/** Whether tensors can stay on the device between runs: onnxruntime-node binds WebGPU buffers, but no CUDA memory. */
export function keepsTensorsOnDevice(provider: Provider): boolean {
  return provider === "webgpu";
}

/**
 * A session on exactly the named provider: no silent fall-back to the CPU.
 * @throws ERR_PROVIDER_UNAVAILABLE if this machine cannot run the model on that provider
 */
export async function createSession(
  onnx: Uint8Array,
  { provider = "cpu", threads = 1, planMemory = true, optimize = true, keepOnDevice = [] }: SessionOptions = {},
): Promise<ort.InferenceSession> {
  const onDevice = keepsTensorsOnDevice(provider) ? keepOnDevice : [];
  try {
    return await ort.InferenceSession.create(onnx, {
      executionProviders: provider === "cpu" ? ["cpu"] : [provider, "cpu"],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: optimize ? "all" : "disabled",
      enableMemPattern: planMemory,
      logSeverityLevel: 3,
      preferredOutputLocation: Object.fromEntries(onDevice.map((name) => [name, "gpu-buffer" as const])),
    });
  } catch (cause) {
    throw new LatentloopError(
      "ERR_PROVIDER_UNAVAILABLE",
      `No session on the provider ${provider}: ${messageOf(cause).trim().replace(/\.$/, "")}.`,
      {
        remedy: PROVIDER_REMEDY[provider],
        cause,
      },
    );
  }
}

import { arch, availableParallelism, cpus, freemem, release, totalmem, type } from "node:os";
import type { Finding } from "./finding.ts";

/** The lowest Node that package.json's engines allows. */
const NODE_MINIMUM = [20, 9] as const;
/** Below this a demo's training swaps. */
const MEMORY_WANTED_GIB = 4;
const CORES_WANTED = 2;
const GIB = 2 ** 30;

/** Node, processor and memory. */
export async function examineMachine(): Promise<Finding[]> {
  return [examineNode(process.versions.node), examineCores(), examineMemory()];
}

export function examineNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const recent = major > NODE_MINIMUM[0] || (major === NODE_MINIMUM[0] && minor >= NODE_MINIMUM[1]);
  return {
    name: "Node.js",
    status: recent ? "ok" : "broken",
    found: `${version} on ${type()} ${release()} ${arch()}`,
    gives: "everything",
    remedy: `Install Node.js ${NODE_MINIMUM.join(".")} or later.`,
    values: { version },
  };
}

function examineCores(): Finding {
  const cores = availableParallelism();
  const model = cpus()[0]?.model.trim() ?? "unknown";
  return {
    name: "processor",
    status: cores >= CORES_WANTED ? "ok" : "missing",
    found: `${cores} ${cores === 1 ? "core" : "cores"}, ${model}`,
    gives: "a core for the control thread that inference does not share",
    remedy: `Run on a machine with ${CORES_WANTED} cores or more.`,
    values: { cores, model },
  };
}

function examineMemory(): Finding {
  const [totalGib, freeGib] = [totalmem() / GIB, freemem() / GIB];
  return {
    name: "memory",
    status: totalGib >= MEMORY_WANTED_GIB ? "ok" : "missing",
    found: `${totalGib.toFixed(1)} GiB, ${freeGib.toFixed(1)} GiB free`,
    gives: "training from pixels without swapping",
    remedy: `Run on a machine with ${MEMORY_WANTED_GIB} GiB or more.`,
    values: { total_gib: totalGib, free_gib: freeGib },
  };
}

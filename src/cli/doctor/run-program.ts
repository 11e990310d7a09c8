import { execFile } from "node:child_process";
import { promisify } from "node:util";

const TIMEOUT_MS = 15_000;
/** Administrators' programs are often outside a user's PATH. */
const PATH = `${process.env.PATH ?? ""}:/sbin:/usr/sbin`;

/** What a program prints on stdout; undefined when it is missing, fails or takes too long. */
export async function runProgram(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const options = { timeout: TIMEOUT_MS, maxBuffer: 2 ** 24, env: { ...process.env, PATH } };
    return (await promisify(execFile)(program, args, options)).stdout;
  } catch {
    return undefined;
  }
}

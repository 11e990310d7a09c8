import { LatentloopError, messageOf } from "../core/errors.ts";

/** What the system says when it does not let us write: no right, a read-only disk, no room, a file where a folder should be. */
const REFUSALS = new Set(["EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "ENOTDIR", "EEXIST"]);

/** Does work that writes below a folder. @throws ERR_NOT_WRITABLE, in one sentence, where the system refuses */
export async function writeInto<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (!REFUSALS.has((cause as NodeJS.ErrnoException).code ?? "")) throw cause;
    throw new LatentloopError("ERR_NOT_WRITABLE", `Expected to write into ${folder}: ${messageOf(cause)}.`, {
      cause,
      remedy: "Choose a folder where you may write, on a disk with room.",
    });
  }
}

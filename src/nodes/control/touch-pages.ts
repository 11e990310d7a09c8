const WORDS_PER_PAGE = 1024;

/**
 * Makes the kernel give memory to every page now, so that the loop does not wait for it at the first use: a page fault
 * needs locks of the whole process. What the memory holds stays.
 */
export function touchPages(memory: SharedArrayBuffer): void {
  const words = new Int32Array(memory, 0, Math.floor(memory.byteLength / 4));
  for (let i = 0; i < words.length; i += WORDS_PER_PAGE) Atomics.add(words, i, 0);
}

import { createRequire } from "node:module";
import { messageOf } from "../../core/errors.ts";

/** The calls of the C library that Node does not offer. Buffers are passed in, so that a call allocates nothing. */
export interface SystemCalls {
  clock_nanosleep(clock: number, flags: number, until: Int32Array, remaining: null): number;
  clock_gettime(clock: number, out: Int32Array): number;
  sched_setscheduler(pid: number, policy: number, parameter: Int32Array): number;
  prctl(option: number, a: number, b: number, c: number, d: number): number;
  eventfd(initial: number, flags: number): number;
  poll(fds: Int32Array, count: number, timeoutMs: number): number;
  read(fd: number, into: Int32Array, bytes: number): number;
  write(fd: number, from: Int32Array, bytes: number): number;
  close(fd: number): number;
  /** Any other call by its number, with whole numbers as arguments. */
  syscall(number: number, a: number, b: number, c: number): number;
  errno(): number;
}

/** Architectures whose C structures have the layout that the buffers here are filled with: 64 bits, little-endian. */
const ARCHITECTURES = ["x64", "arm64", "riscv64", "loong64"];

/** The calls, or a sentence that says why there are none. */
export function loadSystemCalls(): SystemCalls | string {
  const { platform, arch } = process;
  if (platform !== "linux" || !ARCHITECTURES.includes(arch)) return `no absolute sleeps on ${platform} ${arch}`;
  try {
    const koffi: typeof import("koffi") = createRequire(import.meta.url)("koffi");
    const libc = koffi.load("libc.so.6");
    return {
      clock_nanosleep: libc.func("int clock_nanosleep(int, int, void*, void*)"),
      clock_gettime: libc.func("int clock_gettime(int, void*)"),
      sched_setscheduler: libc.func("int sched_setscheduler(int, int, void*)"),
      prctl: libc.func("int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)"),
      eventfd: libc.func("int eventfd(unsigned int, int)"),
      poll: libc.func("int poll(void*, unsigned long, int)"),
      read: libc.func("long read(int, void*, unsigned long)"),
      write: libc.func("long write(int, void*, unsigned long)"),
      close: libc.func("int close(int)"),
      syscall: libc.func("long syscall(long, long, long, long)"),
      errno: () => koffi.errno(),
    };
  } catch (cause) {
    return `the C library cannot be called: ${messageOf(cause)}`;
  }
}

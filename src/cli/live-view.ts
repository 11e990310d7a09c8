const REFRESH_MS = 250;

/** A view that is drawn over itself on a terminal, and nothing elsewhere. */
export class LiveView {
  readonly #render: () => readonly string[];
  readonly #stream: NodeJS.WriteStream;
  #timer: NodeJS.Timeout | undefined;
  #drawnLines = 0;

  constructor(render: () => readonly string[], stream: NodeJS.WriteStream) {
    this.#render = render;
    this.#stream = stream;
  }

  start(): void {
    if (!this.#stream.isTTY) return;
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), REFRESH_MS);
  }

  /** Leaves the last picture standing. */
  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#draw();
  }

  /** A line that broke would leave a part of the last picture behind: it is cut at the edge. */
  #draw(): void {
    const { columns } = this.#stream; // 0 where the terminal does not know
    const lines = this.#render().map((line) => (columns > 0 ? line.slice(0, columns - 1) : line));
    const up = this.#drawnLines > 0 ? `\x1b[${this.#drawnLines}A` : "";
    this.#stream.write(`${up}${lines.map((line) => `\x1b[2K${line}`).join("\r\n")}\r\n`);
    this.#drawnLines = lines.length;
  }
}

export interface BenchOptions {
  readonly seconds?: number;
  /** How often, for suites that count. */
  readonly count?: number;
  /** Receives human-readable lines while the suite runs. */
  readonly log: (line: string) => void;
}

export interface BenchSuite {
  readonly title: string;
  /** Loads the suite's module only when it is asked for. */
  load(): Promise<(options: BenchOptions) => Promise<object>>;
}

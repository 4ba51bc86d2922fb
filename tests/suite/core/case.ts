/** One fact about the security core that holds on every runtime. */
export interface Case {
  readonly name: string;
  run(): Promise<void> | void;
}

/** One fact about the security core, checked on every runtime. */
export interface Case {
  readonly name: string;
  run(): Promise<void> | void;
}

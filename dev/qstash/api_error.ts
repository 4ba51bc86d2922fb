/** A request that is answered with an error; the message is shown to the caller as `{"error"}`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Refuses what the documented service may have and this one has not: never silently ignored. */
export function notSupported(what: string): ApiError {
  return new ApiError(501, `not supported locally: ${what}`);
}

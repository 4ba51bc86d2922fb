/** A request whose response is an error; the message is shown to the caller as `{"error"}`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Refuses a feature that the documented service has and this one lacks: it must not be ignored
 * silently.
 */
export function notSupported(what: string): ApiError {
  return new ApiError(501, `not supported locally: ${what}`);
}

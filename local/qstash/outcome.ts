import { isSuccess } from "./attempt.ts";
import type { FaultSource } from "./faults.ts";
import type { Attempt, Callback, Message } from "./model.ts";
import type { Publisher } from "./publisher.ts";
import { retryDelayMs } from "./retry_delay.ts";
import type { Store } from "./store.ts";

export interface OutcomeOptions {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly faults: FaultSource;
  readonly now: () => number;
}

/** Stores what an attempt means for its message, as one transaction. */
export function createOutcome({ store, publisher, faults, now }: OutcomeOptions) {
  function delivered(message: Message, attempt: Attempt): void {
    store.messages.remove(message.seq);
    store.logs.add("DELIVERED", message, { attempt });
    // In its queue a late duplicate would block everything behind it.
    const duplicate = { ...message, queue: undefined, copy: true };
    if (faults.happens("duplicate")) store.messages.add({ ...duplicate, nextAt: now() });
    if (faults.happens("lateDuplicate")) {
      store.messages.add({ ...duplicate, nextAt: now() + faults.get().lateDuplicateMs });
    }
  }

  function retryLater(message: Message, attempt: Attempt): void {
    const { retried, delivery } = message;
    const delayMs = retryDelayMs({
      retried,
      expression: delivery.retryDelay,
      header: attempt.header,
      now: now(),
    });
    const nextDeliveryTime = now() + delayMs;
    store.messages.retry(message.seq, retried + 1, nextDeliveryTime);
    store.logs.add("ERROR", message, { attempt, nextDeliveryTime });
    store.logs.add("RETRY", message, { nextDeliveryTime });
  }

  function giveUp(message: Message, attempt: Attempt): void {
    store.messages.remove(message.seq);
    store.logs.add("ERROR", message, { attempt });
    store.logs.add("FAILED", message, { attempt });
    const dlqId = store.deadLetters.add({ ...message, failedAt: now(), response: attempt });
    const { failureCallback } = message.delivery;
    if (failureCallback) sendCallback(failureCallback, message, { attempt, dlqId });
  }

  function sendCallback(callback: Callback, message: Message, outcome: CallbackOutcome): void {
    const { delivery, origin } = message;
    const notBefore = callback.delayMs === undefined ? undefined : now() + callback.delayMs;
    publisher.send({
      url: callback.url,
      body: new TextEncoder().encode(JSON.stringify(toCallbackBody(message, outcome))),
      delivery: {
        method: callback.method,
        header: { "content-type": ["application/json"], ...callback.header },
        maxRetries: callback.maxRetries ?? delivery.maxRetries,
        retryDelay: callback.retryDelay ?? delivery.retryDelay,
        timeoutMs: callback.timeoutMs ?? delivery.timeoutMs,
        labels: delivery.labels,
      },
      origin: { callerIp: origin.callerIp },
      notBefore,
      nextAt: notBefore ?? now(),
    });
  }

  return function settle(message: Message, attempt: Attempt): void {
    store.atomically(() => {
      // Cancelled while it was under way.
      if (!store.messages.has(message.seq)) return;
      if (message.copy) return store.messages.remove(message.seq);
      const { callback, maxRetries } = message.delivery;
      if (callback) sendCallback(callback, message, { attempt });
      if (isSuccess(attempt)) delivered(message, attempt);
      else if (isFinal(attempt) || message.retried >= maxRetries) giveUp(message, attempt);
      else retryLater(message, attempt);
    });
  };
}

/** The destination reports that another attempt is of no use. */
function isFinal({ status, header }: Attempt): boolean {
  return status === 489 && header["upstash-nonretryable-error"]?.[0]?.toLowerCase() === "true";
}

interface CallbackOutcome {
  readonly attempt: Attempt;
  readonly dlqId?: string;
}

/** The documented body of callbacks; times are texts there. */
function toCallbackBody(message: Message, { attempt, dlqId }: CallbackOutcome) {
  const { delivery, origin } = message;
  return {
    status: attempt.status,
    header: attempt.header,
    body: attempt.body.toBase64(),
    retried: message.retried,
    maxRetries: delivery.maxRetries,
    dlqId,
    sourceMessageId: message.id,
    topicName: origin.groupName,
    endpointName: origin.endpointName,
    url: message.url,
    method: delivery.method,
    sourceHeader: delivery.header,
    sourceBody: message.body.toBase64(),
    notBefore: String(message.notBefore ?? message.createdAt),
    createdAt: String(message.createdAt),
    scheduleId: origin.scheduleId,
    callerIP: origin.callerIp,
  };
}

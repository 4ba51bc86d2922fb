export type {
  BaseSetting,
  Configuration,
  ConfigurationChange,
  ConfigurationHistory,
  ConfigurationVersion,
  RolloutEntry,
} from "../observe/configuration_api.ts";
import type { Health, LogLine, RequestRow, StoredLogLine } from "../observe/api.ts";

/** The one place where the page hangs on the server: the shapes of its API. */
export type {
  Attributes,
  AttributeValue,
  CompleteDeadEvent,
  DeadEvent,
  DeliveryAttempt,
  EventDelivery,
  Events,
  EventState,
  EventTrail,
  Exit,
  Health,
  LogLine,
  MapEdge,
  MapNode,
  OutboxLevel,
  Page,
  Part,
  PartState,
  Replayed,
  RequestDetail,
  RequestRow,
  ServiceMap,
  Span,
  State,
  Traffic,
  Verdict,
} from "../observe/api.ts";

/** A line as lists and the stream tell it: the stream's need not have its number yet. */
export type ShownLine = LogLine & Partial<Pick<StoredLogLine, "id" | "isOwn">>;

/** What the stream tells, by the name of its event. */
export interface StreamEvents {
  readonly request: RequestRow;
  readonly log: ShownLine;
  readonly health: Health;
  readonly metrics: { readonly at: number };
  readonly events: { readonly at: number };
  readonly configuration: { readonly version: number };
}

export type {
  BaseSetting,
  Configuration,
  ConfigurationChange,
  ConfigurationHistory,
  ConfigurationVersion,
  RolloutEntry,
} from "../collector/configuration_api.ts";
import type { Health, LogLine, RequestRow, StoredLogLine } from "../collector/api.ts";

/** The page's only dependency on the server: the shapes of its API. */
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
} from "../collector/api.ts";

/** A line as lists and the stream send it: the stream's may have no number yet. */
export type ShownLine = LogLine & Partial<Pick<StoredLogLine, "id" | "isOwn">>;

/** The data of the stream's events, by the name of the event. */
export interface StreamEvents {
  readonly request: RequestRow;
  readonly log: ShownLine;
  readonly health: Health;
  readonly metrics: { readonly at: number };
  readonly events: { readonly at: number };
  readonly configuration: { readonly version: number };
}

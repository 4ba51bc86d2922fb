import * as z from "zod/mini";

// OTLP in its JSON mapping, as opentelemetry-proto defines it: ids are hex, not base64; 64-bit
// integers are decimal texts; enums are numbers; names are lowerCamelCase. Nothing else is allowed.
// For tests: our exports are checked against it.
const hex = (digits: number) => z.string().check(z.regex(new RegExp(`^[0-9a-f]{${digits}}$`)));
const int64 = z.string().check(z.regex(/^-?\d+$/));
const uint64 = z.string().check(z.regex(/^\d+$/));
const uint32 = z.int().check(z.minimum(0), z.maximum(2 ** 32 - 1));
const double = z.union([z.number(), z.enum(["NaN", "Infinity", "-Infinity"])]);
const AnyValue: z.ZodMiniType = z.union([
  z.strictObject({ stringValue: z.string() }),
  z.strictObject({ boolValue: z.boolean() }),
  z.strictObject({ intValue: int64 }),
  z.strictObject({ doubleValue: double }),
  z.strictObject({ arrayValue: z.strictObject({ values: z.array(z.lazy(() => AnyValue)) }) }),
  z.strictObject({ kvlistValue: z.strictObject({ values: z.lazy(() => Attributes) }) }),
  z.strictObject({}),
]);
const Attributes: z.ZodMiniType = z.array(
  z.strictObject({ key: z.string().check(z.minLength(1)), value: AnyValue }),
).check(z.refine((all) => new Set(all.map(({ key }) => key)).size === all.length));
const Resource = z.strictObject({ attributes: Attributes });
const Scope = z.strictObject({ name: z.string() });
const context = { traceId: hex(32), spanId: hex(16), traceState: z.optional(z.string()) };

/** The body of a trace export. */
export const Traces = z.strictObject({
  resourceSpans: z.array(z.strictObject({
    resource: Resource,
    scopeSpans: z.array(z.strictObject({
      scope: Scope,
      spans: z.array(z.strictObject({
        ...context,
        parentSpanId: z.optional(hex(16)),
        flags: uint32,
        name: z.string().check(z.minLength(1)),
        kind: z.int().check(z.minimum(1), z.maximum(5)),
        startTimeUnixNano: uint64,
        endTimeUnixNano: uint64,
        attributes: Attributes,
        droppedAttributesCount: z.optional(uint32),
        events: z.optional(z.array(z.strictObject({
          timeUnixNano: uint64,
          name: z.string(),
          attributes: Attributes,
        }))),
        droppedEventsCount: z.optional(uint32),
        links: z.optional(z.array(z.strictObject({
          ...context,
          flags: uint32,
          attributes: Attributes,
        }))),
        droppedLinksCount: z.optional(uint32),
        status: z.optional(z.strictObject({
          code: z.int().check(z.minimum(1), z.maximum(2)),
          message: z.optional(z.string()),
        })),
      })),
    })),
  })),
});

const point = { attributes: Attributes, startTimeUnixNano: uint64, timeUnixNano: uint64 };
const NumberPoints = z.array(z.union([
  z.strictObject({ ...point, asInt: int64 }),
  z.strictObject({ ...point, asDouble: double }),
]));
const metric = { name: z.string(), description: z.string(), unit: z.string() };
/** The body of a metrics export, of the kinds of points we have. */
export const Metrics = z.strictObject({
  resourceMetrics: z.array(z.strictObject({
    resource: Resource,
    scopeMetrics: z.array(z.strictObject({
      scope: Scope,
      metrics: z.array(z.union([
        z.strictObject({
          ...metric,
          sum: z.strictObject({
            dataPoints: NumberPoints,
            aggregationTemporality: z.literal(2),
            isMonotonic: z.literal(true),
          }),
        }),
        z.strictObject({ ...metric, gauge: z.strictObject({ dataPoints: NumberPoints }) }),
        z.strictObject({
          ...metric,
          histogram: z.strictObject({
            dataPoints: z.array(
              z.strictObject({
                ...point,
                count: uint64,
                sum: double,
                bucketCounts: z.array(uint64),
                explicitBounds: z.array(z.number()),
              }).check(
                z.refine(({ count, bucketCounts, explicitBounds }) =>
                  bucketCounts.length === explicitBounds.length + 1 &&
                  bucketCounts.reduce((sum, each) => sum + Number(each), 0) === Number(count)
                ),
              ),
            ),
            aggregationTemporality: z.literal(2),
          }),
        }),
      ])),
    })),
  })),
});

/** The body of a logs export. */
export const Logs = z.strictObject({
  resourceLogs: z.array(z.strictObject({
    resource: Resource,
    scopeLogs: z.array(z.strictObject({
      scope: Scope,
      logRecords: z.array(z.strictObject({
        timeUnixNano: z.optional(uint64),
        observedTimeUnixNano: uint64,
        severityNumber: z.optional(z.int().check(z.minimum(1), z.maximum(24))),
        severityText: z.optional(z.string()),
        body: AnyValue,
        attributes: z.optional(Attributes),
        traceId: z.optional(hex(32)),
        spanId: z.optional(hex(16)),
      })),
    })),
  })),
});

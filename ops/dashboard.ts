import { metricCatalogue } from "@edgepass/shared/telemetry";
import type { Query, Unit } from "./promql.ts";

/** A query on a panel, and the name of its series besides their labels. */
export interface Series extends Query {
  readonly called?: string;
}

/** A panel before it is laid out. */
export interface PanelPlan {
  readonly title: string;
  /** What it shows; by default the descriptions of its metrics. */
  readonly description?: string;
  /** The current number, or its history. */
  readonly shows?: "now" | "history";
  /** Of 24 columns; 8 by default. */
  readonly width?: number;
  /** Whether series are stacked. */
  readonly isStacked?: boolean;
  readonly series: readonly Series[];
}

/** A dashboard before it is laid out. */
export interface DashboardPlan {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** Names that queries use as `$name`, with the queries for their values. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly rows: Readonly<Record<string, readonly PanelPlan[]>>;
}

/** The data source is chosen on the dashboard. */
const datasource = { type: "prometheus", uid: "${datasource}" } as const;
const columns = 24;
const height = 8;

/** The dashboard as Grafana reads it (dashboard JSON model, schema version 42). */
export function toDashboard({ rows, variables = {}, ...head }: DashboardPlan): object {
  return {
    ...head,
    tags: ["edgepass"],
    editable: true,
    graphTooltip: 1,
    schemaVersion: 42,
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    timezone: "browser",
    annotations: { list: [] },
    links: [toSiblings()],
    templating: {
      list: [toDataSourceVariable(), ...Object.entries(variables).map(toVariable)],
    },
    panels: toPanels(rows),
  };
}

/** Panels fill lines of 24 columns from left to right below the title of their row. */
function toPanels(rows: DashboardPlan["rows"]): object[] {
  let id = 0;
  let y = 0;
  const panels: object[] = [];
  for (const [title, plans] of Object.entries(rows)) {
    const gridPos = { x: 0, y: y++, w: columns, h: 1 };
    panels.push({ id: ++id, type: "row", title, collapsed: false, gridPos, panels: [] });
    let x = 0;
    for (const plan of plans) {
      const { width: w = 8 } = plan;
      if (x + w > columns) [x, y] = [0, y + height];
      panels.push(toPanel(plan, { id: ++id, gridPos: { x, y, w, h: height } }));
      x += w;
    }
    y += height;
  }
  return panels;
}

interface Place {
  readonly id: number;
  readonly gridPos: Readonly<Record<"x" | "y" | "w" | "h", number>>;
}

function toPanel(plan: PanelPlan, place: Place): object {
  const { title, series, shows = "history" } = plan;
  return {
    ...place,
    type: shows === "now" ? "stat" : "timeseries",
    title,
    description: plan.description ?? meaningsOf(series),
    datasource,
    fieldConfig: {
      defaults: { unit: unitOf(title, series), min: 0, custom: toStyle(plan) },
      overrides: [],
    },
    options: shows === "now" ? nowOptions : historyOptions,
    targets: series.map((one, index) => toTarget(one, { index, isInstant: shows === "now" })),
  };
}

function toStyle({ shows = "history", isStacked = false }: PanelPlan): object {
  if (shows === "now") return {};
  return {
    drawStyle: "line",
    lineWidth: 1,
    fillOpacity: isStacked ? 30 : 0,
    showPoints: "never",
    stacking: { group: "A", mode: isStacked ? "normal" : "none" },
  };
}

const nowOptions = {
  colorMode: "none",
  graphMode: "none",
  reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
} as const;

const historyOptions = {
  legend: {
    calcs: ["lastNotNull", "max"],
    displayMode: "table",
    placement: "bottom",
    showLegend: true,
  },
  tooltip: { mode: "multi", sort: "desc" },
} as const;

function toTarget(
  { expr, labels, called }: Series,
  { index, isInstant }: { index: number; isInstant: boolean },
): object {
  const names = labels.map((label) => `{{${label}}}`);
  return {
    refId: String.fromCharCode("A".charCodeAt(0) + index),
    datasource,
    editorMode: "code",
    expr,
    legendFormat: [...names, ...(called === undefined ? [] : [called])].join(" "),
    range: !isInstant,
    instant: isInstant,
  };
}

/** One axis has one unit. */
function unitOf(title: string, series: readonly Series[]): Unit {
  const [unit, ...others] = new Set(series.map((one) => one.unit));
  if (unit === undefined || others.length > 0) {
    throw new TypeError(`Cannot draw the panel ${title}: its series do not share one unit`);
  }
  return unit;
}

function meaningsOf(series: readonly Series[]): string {
  const names = new Set(series.flatMap(({ metrics }) => metrics));
  return [...names].map((name) => metricCatalogue[name].meaning).join(" ");
}

function toDataSourceVariable(): object {
  return { name: "datasource", label: "Data source", type: "datasource", query: "prometheus" };
}

function toVariable([name, query]: [string, string]): object {
  return {
    name,
    label: name,
    type: "query",
    datasource,
    query: { query, refId: "StandardVariableQuery" },
    multi: true,
    includeAll: true,
    current: { text: ["All"], value: ["$__all"] },
    refresh: 2,
    sort: 1,
  };
}

function toSiblings(): object {
  return {
    title: "Edgepass",
    type: "dashboards",
    tags: ["edgepass"],
    asDropdown: false,
    icon: "external link",
    includeVars: false,
    keepTime: true,
    targetBlank: false,
    tooltip: "",
  };
}

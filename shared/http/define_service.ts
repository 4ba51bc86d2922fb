import type { Bindings } from "../composition/settings.ts";
import type { EventTable } from "../events/mod.ts";
import {
  composeService,
  describeService,
  hasEvents,
  type ServiceApplication,
} from "./compose_service.ts";
import type { Declared, ServiceDescription } from "./declaration_faults.ts";
import {
  type ComposeServiceOptions,
  type Product,
  type ServiceDeclaration,
  type SettingsShape,
  toDatabase,
  toDeclared,
  toPlace,
} from "./service_declaration.ts";

/** A service that can be composed, and described without being composed. */
export interface Service extends Declared {
  /** The name of its folder. */
  readonly name: string;
  /** The setting or binding that places it: its name in capitals. */
  readonly place: string;
  /** The setting or binding of its database; undefined where it has none. */
  readonly database: string | undefined;
  /** Whether it calls every service that has a part in a person's export. */
  readonly collectsExports: boolean;
  /** What its scheduled maintenance does. */
  readonly maintenance: string;
  /** Types of event that the product's table assigns to it, as publisher or consumer. */
  readonly hasEvents: boolean;
  /**
   * Wires it from the deployment's bindings, without I/O.
   *
   * @throws {ConfigError} naming the settings that are missing or malformed, or file and member of
   *   a declaration that contradicts itself
   */
  compose(bindings: Bindings, options?: ComposeServiceOptions): ServiceApplication;
  /** Its routes and the events it handles, read from its parts; nothing is started. */
  describe(bindings: Bindings): ServiceDescription;
}

const defaultMaintenance = "Publishes events that a crash left, and deletes old ones.";

/** Creates the `defineService` of a product. */
export function createDefineService<Table extends EventTable>(product: Product<Table>) {
  /** Declares a service. */
  return function defineService<
    const Name extends string,
    const Called extends string = never,
    const Shape extends SettingsShape = Record<never, never>,
  >(declaration: ServiceDeclaration<Table, Name, Called, Shape>): Service {
    const { name, database = true } = declaration;
    return {
      name,
      place: toPlace(name),
      database: database ? toDatabase(name) : undefined,
      ...toDeclared(declaration),
      collectsExports: declaration.collectsExports === true,
      maintenance: declaration.maintenance ?? defaultMaintenance,
      hasEvents: hasEvents(product.events, name),
      compose: (bindings, options) => composeService(declaration, product, bindings, options),
      describe: (bindings) => describeService(declaration, product, bindings),
    };
  };
}

import { context, createContextKey, ROOT_CONTEXT } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { createContextManager, registerContextManager } from "./telemetry.ts";

const key = createContextKey("test");
const withValue = (value: string) => ROOT_CONTEXT.setValue(key, value);

Deno.test("a context follows asynchronous work, each its own", async () => {
  const manager = createContextManager();
  const read = async (value: string) =>
    await manager.with(withValue(value), async () => {
      await Promise.resolve();
      await new Promise((resolve) => setTimeout(resolve, 0));
      return manager.active().getValue(key);
    });
  assert.deepEqual(await Promise.all(["one", "two"].map(read)), ["one", "two"]);
  assert.equal(manager.active(), ROOT_CONTEXT);
});

Deno.test("an inner context ends with its function, which may fail", () => {
  const manager = createContextManager();
  manager.with(withValue("outer"), () => {
    assert.throws(() =>
      manager.with(withValue("inner"), () => {
        throw new RangeError("no");
      }), RangeError);
    assert.equal(manager.active().getValue(key), "outer");
  });
});

Deno.test("a function gets its receiver and arguments", () => {
  const manager = createContextManager();
  function sum(this: { base: number }, ...values: number[]): number {
    return values.reduce((total, value) => total + value, this.base);
  }
  assert.equal(manager.with(ROOT_CONTEXT, sum, { base: 1 }, 2, 3), 6);
});

Deno.test("a bound function sees its context wherever it is called, and stays what it was", () => {
  const manager = createContextManager();
  const target = {
    base: 1,
    read(add: number) {
      return [manager.active().getValue(key), this.base + add];
    },
  };
  const bound = { base: 5, read: manager.bind(withValue("bound"), target.read) };
  assert.deepEqual(bound.read(2), ["bound", 7]);
  assert.equal(bound.read.length, 1);
  assert.equal(bound.read.name, "read");
  assert.equal(manager.bind(withValue("bound"), target), target);
});

Deno.test("the first registered manager stays", () => {
  try {
    registerContextManager();
    context.with(withValue("one"), () => {
      registerContextManager();
      assert.equal(context.active().getValue(key), "one");
    });
  } finally {
    context.disable();
  }
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { toNetwork, unknownNetwork } from "./request_context.ts";

const networks = {
  "192.0.2.1": "192.0.2.1",
  " 192.0.2.1 ": "192.0.2.1",
  "::ffff:192.0.2.1": "192.0.2.1",
  "::ffff:c000:201": "192.0.2.1",
  "0:0:0:0:0:FFFF:192.0.2.1": "192.0.2.1",
  "2001:DB8:0:0:0:0:0:1": "2001:db8:0:0::/64",
  "2001:db8::1": "2001:db8:0:0::/64",
  "2001:db8::1%eth0": "2001:db8:0:0::/64",
  "::1": "0:0:0:0::/64",
  "::": "0:0:0:0::/64",
  "1:2:3:4:5:6:7:8": "1:2:3:4::/64",
  "1:2:3:4::": "1:2:3:4::/64",
} as const;
for (const [address, network] of Object.entries(networks)) {
  Deno.test(`toNetwork(${JSON.stringify(address)}) is ${network}`, () => {
    assert.equal(toNetwork(address), network);
  });
}

const unknown = [
  undefined,
  "",
  "192.0.2.1, 198.51.100.1",
  "192.0.2.256",
  "192.0.2.01",
  "192.0.2",
  "0x7f.0.0.1",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1::2::3",
  "1:2:3:4:5:6:7::8",
  ":::",
  "g::1",
  "[::1]",
  "localhost",
];
for (const address of unknown) {
  Deno.test(`toNetwork(${JSON.stringify(address)}) is unknown`, () => {
    assert.equal(toNetwork(address), unknownNetwork);
  });
}

Deno.test("toNetwork() maps all of a /64 to one network, in every spelling", () => {
  fc.assert(fc.property(fc.ipV6(), (address) => {
    const network = toNetwork(address);
    assert.notEqual(network, unknownNetwork);
    assert.equal(toNetwork(address.toUpperCase()), network);
    if (network.endsWith("/64")) assert.equal(toNetwork(network.slice(0, -3) + "1"), network);
  }));
});

Deno.test("toNetwork() accepts any text without failing", () => {
  fc.assert(fc.property(fc.string(), (text) => assert.equal(typeof toNetwork(text), "string")));
});

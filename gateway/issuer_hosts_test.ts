import assert from "node:assert/strict";
import { isInternal, isLoopback } from "./issuer_hosts.ts";

/** Hosts → loopback, internal, or of the internet. */
const hosts = {
  loopback: [
    "localhost",
    "LOCALHOST.",
    "a.localhost",
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
  ],
  internal: [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.127.255.255",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "[::]",
    "[fc00::1]",
    "[fd12:3456::1]",
    "[fe80::1]",
    "[febf::1]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
  ],
  internet: [
    "id.test",
    "localhost.test",
    "10.0.0.1.test",
    "1.1.1.1",
    "100.63.0.1",
    "100.128.0.1",
    "128.0.0.1",
    "169.253.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.167.0.1",
    "[2001:db8::1]",
    "[fec0::1]",
    "[::ffff:1.1.1.1]",
    "fd.test",
  ],
} as const;

for (const [kind, all] of Object.entries(hosts)) {
  for (const host of all) {
    Deno.test(`${host} is a host of kind ${kind}`, () => {
      const url = new URL(`https://${host}:8443/keys`);
      assert.equal(isLoopback(url), kind === "loopback");
      assert.equal(isInternal(url), kind !== "internet");
    });
  }
}

// A call that H.323 forwards is followed unless the box sends it back to where the caller is (callforward_filter of nf_conntrack_h323).
import { expect, test } from "vitest";
import { kernelAvailable } from "../../conformance/src/kernel.js";
import { recordSequence } from "../../conformance/src/record.js";
import { CLIENT, SERVER, tcpDialogue } from "../../core/test/support/dialogues.js";
import { callMessage, tpkt, transport } from "../../core/test/support/h323-messages.js";
import { Firewall } from "../src/index.js";

const NEAR = ["in=10.0.1.1/24", "out=10.0.2.1/24"];
/** The caller, too, is behind a router. */
const FAR = ["in=10.0.9.1/24", "out=10.0.2.1/24"];

/** The called party sends the caller on to `address`. */
const forwarding = (address: string) =>
  tcpDialogue("", "", [["<", tpkt(callMessage("facility", { forwardTo: transport(address, 1722), reason: 1 }))]], {
    client: CLIENT,
    server: SERVER,
    dport: 1720,
  }).packets;

async function followed(address: string, interfaces: readonly string[], sysctl: Record<string, number> = {}) {
  const firewall = await Firewall.open({ interfaces, helpers: [{ name: "Q.931" }], sysctl, link: 101 });
  const verdicts = forwarding(address).map(({ data }, i) =>
    firewall.packet(data as Uint8Array, { time: 1_700_000_000_000_000_000n + BigInt(i) }),
  );
  return [firewall.engine.expectations().length, verdicts.at(-1)?.reason];
}

// biome-ignore format: a table
test.each([
  ["10.0.2.33", NEAR, {}, 1, "expectation-made"],
  ["10.0.1.33", NEAR, {}, 1, "expectation-made"], // in the caller's network, another neighbour
  [CLIENT, NEAR, {}, 0, "h323-forwarded-same-side"],
  [CLIENT, NEAR, { "nf_conntrack_h323.callforward_filter": 0 }, 1, "expectation-made"],
  ["198.51.100.7", NEAR, {}, 1, "expectation-made"],
  ["198.51.100.7", FAR, {}, 0, "h323-forwarded-same-side"], // both by the same router
  ["10.0.9.7", FAR, {}, 1, "expectation-made"],
  [CLIENT, [], {}, 1, "expectation-made"], // no place: nothing is known
] as const)("forwarded to %s, box %o, %o: %i", async (address, interfaces, sysctl, made, reason) => {
  expect(await followed(address, interfaces, sysctl)).toEqual([made, reason]);
});

const available = kernelAvailable();
test.skipIf(!available.ok)(
  `as the router here follows it${available.ok ? "" : ` (${available.reason})`}`,
  { timeout: 60_000 },
  async () => {
    for (const address of [CLIENT, "10.0.1.33"]) {
      const { expectations } = await recordSequence(forwarding(address), { mode: "route", helpers: "Q.931:1720" });
      expect(expectations).toHaveLength((await followed(address, NEAR))[0] as number);
    }
  },
);

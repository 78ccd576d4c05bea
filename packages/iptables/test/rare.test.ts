// Extensions that a kernel seldom has, or that want an object in it: as libxtables prints them. The lines of rateest are what
// iptables-save made of them beside the estimators q1 and q2.
import { expect, test } from "vitest";
import { type Family, formatRule, parseRuleLine } from "../src/index.js";

const canonical = (line: string, family: Family = 4, table: "filter" | "mangle" | "security" = "filter") => {
  const { rules, errors } = parseRuleLine(`-A INPUT ${line}`, { family, table });
  expect(errors).toEqual([]);
  return rules.map((rule) => formatRule(rule, family)).join(" ;; ");
};

test.each([
  ["--rateest q1 --rateest-lt --rateest-bps 1mbit", "--rateest q1 --rateest-lt --rateest-bps 1000Kbit"],
  ["--rateest1 q1 --rateest-lt --rateest-bps1 1mbit", "--rateest q1 --rateest-lt --rateest-bps 0bit"],
  [
    "--rateest-delta --rateest1 q1 --rateest-bps1 2mbit --rateest-gt --rateest2 q2 --rateest-bps2 1mbit",
    "--rateest-delta --rateest1 q1 --rateest-bps1 2000Kbit --rateest-gt --rateest-bps2 1000Kbit --rateest2 q2",
  ],
  ["--rateest1 q1 --rateest-gt --rateest2 q2 --rateest-bps", "--rateest1 q1 --rateest-gt --rateest-bps --rateest2 q2"],
  [
    "--rateest1 q1 --rateest-bps --rateest-pps --rateest-lt --rateest2 q2",
    "--rateest1 q1 --rateest-lt --rateest-bps --rateest-lt --rateest-pps --rateest2 q2",
  ],
  ["--rateest q1 ! --rateest-gt --rateest-pps 100", "--rateest q1 ! --rateest-gt --rateest-pps 100"],
  [
    "--rateest1 q1 --rateest-delta --rateest-bps1 1kbit --rateest-pps1 5 --rateest-lt --rateest-bps2 8bps --rateest-pps2 7",
    "--rateest-delta --rateest q1 --rateest-bps1 1000bit --rateest-lt --rateest-bps2 64bit --rateest-pps1 5 --rateest-lt --rateest-pps2 7",
  ],
  ["--rateest1 q1 --rateest-gt --rateest-lt --rateest-bps 1mbit", "--rateest q1 --rateest-lt --rateest-bps 1000Kbit"],
])("rateest %s", (line, printed) => {
  expect(canonical(`-m rateest ${line}`)).toBe(`-m rateest ${printed}`);
});

test("what is printed as it is written", () => {
  for (const line of [
    "-d 192.0.2.1/32 -j CLUSTERIP --new --hashmode sourceip --clustermac 01:00:5E:00:00:14 --total-nodes 2 --local-node 1 --hash-init 0",
    "-m ipvs --ipvs",
    "-m ipvs ! --ipvs --vproto 6 --vaddr 192.0.2.1/32 --vport 80 --vdir REPLY ! --vmethod GATE --vportctl 21",
    "-m nfacct --nfacct-name http",
    '-j LED --led-trigger-id "my led" --led-delay 25 --led-always-blink',
    "-j LED --led-trigger-id ssh --led-delay inf",
  ])
    expect(canonical(line)).toBe(line);
  expect(canonical("-j SECMARK --selctx system_u:object_r:httpd_packet_t:s0", 4, "security")).toBe(
    "-j SECMARK --selctx system_u:object_r:httpd_packet_t:s0",
  );
});

test("what they want is said", () => {
  for (const line of [
    "-m ipvs",
    "-j LED",
    "-j CLUSTERIP --hashmode sourceip",
    "-m rateest --rateest q --rateest-gt",
    "-m nfacct",
  ])
    expect(parseRuleLine(`-A INPUT ${line}`, { family: 4, table: "filter" }).errors).toHaveLength(1);
});

// Timeout policies: lines for nfct, accepted and refused as by nfct 1.4.7 and this kernel, what it lists then read back, and rules that
// name them, accepted and refused as by iptables.
import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { formatRule, parseRuleset, parseTimeoutPolicies } from "../src/index.js";

const LINES = `add timeout web inet tcp established 100 close 10
add timeout web inet tcp established 5
add timeout all inet tcp syn_sent 1 syn_recv 2 established 3 fin_wait 4 close_wait 5 last_ack 6 time_wait 7 close 8 syn_sent2 9 retrans 10 unacknowledged 11
timeout add turned inet tcp close 5
add timeout upper inet TCP ESTABLISHED 5
add timeout twice inet tcp close 1 close 2
add timeout none inet tcp close 0
add timeout zeros inet tcp close 010
add timeout six inet6 tcp established 100
add timeout names inet udp unreplied 5 replied 9
add timeout names6 inet6 udp replied 9
add timeout lite inet udplite unreplied 3
add timeout tunnel inet gre unreplied 3 replied 4
add timeout ping inet icmp timeout 4
add timeout ping6 inet6 icmpv6 timeout 4
add timeout both inet icmpv6 timeout 4
add timeout stream inet sctp closed 1 cookie_wait 2 cookie_echoed 3 established 4 shutdown_sent 5 shutdown_recd 6 shutdown_ack_sent 7
add timeout beat inet sctp heartbeat_acked 3
add timeout rest inet generic timeout 7
add timeout two-words-in-one-name inet udp replied 5
add timeout dccp inet dccp request 4
add timeout number inet 132 closed 3
add timeout bogus inet tcp bogus 3
add timeout cut inet tcp established
add timeout bare inet tcp
add timeout family ipv4 tcp close 3
add timeout
add timeout x
add timeout x inet
add
delete timeout nobody`.split("\n");

/** Rules over what the lines make. */
const RULES = `-A PREROUTING -p tcp -j CT --timeout web
-A PREROUTING -p tcp -j CT --timeout six
-A PREROUTING -p udp -j CT --timeout web
-A PREROUTING -j CT --timeout web
-A PREROUTING ! -p udp -j CT --timeout web
-A PREROUTING -p tcp -j CT --timeout nobody
-A PREROUTING -p udp -j CT --timeout names
-A PREROUTING -p udp -j CT --timeout two-words-in-one-name
-A PREROUTING -p udp -j CT --timeout two-words-in-one
-A PREROUTING -p esp -j CT --timeout rest
-A PREROUTING -p dccp -j CT --timeout rest
-A PREROUTING -p tcp -j CT --timeout rest
-A PREROUTING -p udplite -j CT --timeout lite
-A PREROUTING -p udplite -j CT --timeout names
-A PREROUTING -p gre -j CT --timeout tunnel
-A PREROUTING -p sctp -j CT --timeout stream
-A PREROUTING -p icmp -j CT --timeout ping
-A PREROUTING -p icmp -j CT --timeout both
-A PREROUTING -p ipv6-icmp -j CT --timeout both
-A PREROUTING -p tcp -j CT --notrack --timeout nobody
-A PREROUTING -p tcp -j CT --timeout web --zone 3`.split("\n");

const SEPARATOR = "@@@@";

/** Runs a line of a shell after another in a network namespace of its own; status and output of each. */
function inNamespace(lines: readonly string[]): { status: number; output: string }[] {
  const script = lines.flatMap((line) => [`timeout 10 ${line} 2>&1`, `echo "${SEPARATOR}$?"`]).join("\n");
  const { stdout } = spawnSync("unshare", ["-n", "bash", "-s"], { input: script, encoding: "utf8" });
  const parts = stdout.split(SEPARATOR);
  return lines.map((_, i) => ({
    status: Number.parseInt(parts[i + 1] ?? "-1", 10),
    output: (parts[i] ?? "").replace(/^\d+\n/, ""),
  }));
}

function reason(): string | null {
  const probe = spawnSync("unshare", ["-n", "nfct", "add", "timeout", "a", "inet", "udp", "replied", "5"], {
    encoding: "utf8",
  });
  if (probe.error) return "no unshare";
  return probe.status === 0 ? null : `nfct cannot be asked: ${probe.stderr.trim()}`;
}

const why = reason();

describe.skipIf(why)(`timeout policies in the kernel${why ? ` (${why})` : ""}`, () => {
  const answers = why
    ? []
    : inNamespace([
        ...LINES.map((line) => `nfct ${line}`),
        "nfct list timeout",
        ...RULES.map((rule) => `iptables -t raw ${rule}`),
        "iptables-save -t raw",
      ]);
  const saved = answers[LINES.length]?.output ?? "";

  test("lines are accepted and refused as by nfct", () => {
    const { errors } = parseTimeoutPolicies(LINES.join("\n"));
    const refused = new Set(errors.map(({ line }) => line));
    // an empty policy and one of nobody: nfct sends them, the kernel refuses
    expect(LINES.map((line, i) => `${refused.has(i + 1) ? "refused" : "accepted"}: ${line}`)).toEqual(
      LINES.map((line, i) => `${answers[i]?.status === 0 ? "accepted" : "refused"}: ${line}`),
    );
  });

  test("what it lists then is what we read of the lines", () => {
    const ours = parseTimeoutPolicies(LINES.join("\n")).policies;
    const { policies, errors } = parseTimeoutPolicies(saved);
    expect(errors).toEqual([]);
    expect([...policies.keys()].sort()).toEqual([...ours.keys()].sort());
    for (const [name, { family, protocol, timeouts }] of ours)
      expect(policies.get(name), name).toMatchObject({ family, protocol, timeouts });
  });

  test("rules that name them are accepted and refused as by iptables", () => {
    const { policies } = parseTimeoutPolicies(saved);
    const { errors } = parseRuleset(`*raw\n${RULES.join("\n")}\nCOMMIT\n`, { family: 4, timeoutPolicies: policies });
    const refused = new Set(errors.map(({ line }) => line - 2));
    expect(RULES.map((rule, i) => `${refused.has(i) ? "refused" : "accepted"}: ${rule}`)).toEqual(
      RULES.map((rule, i) => `${answers[LINES.length + 1 + i]?.status === 0 ? "accepted" : "refused"}: ${rule}`),
    );
  });

  test("of names that iptables-save cuts, those are read that fit one policy", () => {
    const text = answers.at(-1)?.output ?? "";
    expect(text).toContain("-j CT --timeout two-\n");
    const { policies } = parseTimeoutPolicies(saved);
    const { ruleset, errors } = parseRuleset(text, { timeoutPolicies: policies });
    expect(errors.map(({ word }) => word)).toEqual([]);
    expect(
      ruleset.tables.flatMap(({ chains }) => chains.flatMap(({ rules }) => rules)).map((rule) => formatRule(rule, 4)),
    ).toContain("-p udp -j CT --timeout two-");
  });
});

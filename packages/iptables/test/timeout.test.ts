// Files of timeout policies, and rules that name them.
import { expect, test } from "vitest";
import { packet } from "../../conformance/src/packets.js";
import { CompileError, compileRules, Firewall, parseRuleset, parseTimeoutPolicies } from "../src/index.js";

const LISTED = `.web = {
	.l3proto = 2,
	.l4proto = 6,
	.policy = {
		.SYN_SENT = 120,
		.ESTABLISHED = 100,
		.RETRANS = 300,
		.UNACKNOWLEDGED = 300,
	},
};
.webhooks = {
	.l3proto = 2,
	.l4proto = 6,
	.policy = {
		.CLOSE = 1,
	},
};
.names6 = {
	.l3proto = 10,
	.l4proto = 17,
	.policy = {
		.UNREPLIED = 5,
		.REPLIED = 9,
	},
};
`;

test("what nfct lists", () => {
  const { policies, errors } = parseTimeoutPolicies(LISTED);
  expect(errors).toEqual([]);
  expect([...policies.values()]).toEqual([
    {
      name: "web",
      family: 4,
      protocol: 6,
      line: 1,
      timeouts: {
        nf_conntrack_tcp_timeout_syn_sent: 120,
        nf_conntrack_tcp_timeout_established: 100,
        nf_conntrack_tcp_timeout_max_retrans: 300,
        nf_conntrack_tcp_timeout_unacknowledged: 300,
      },
    },
    { name: "webhooks", family: 4, protocol: 6, line: 11, timeouts: { nf_conntrack_tcp_timeout_close: 1 } },
    {
      name: "names6",
      family: 6,
      protocol: 17,
      line: 18,
      timeouts: { nf_conntrack_udp_timeout: 5, nf_conntrack_udp_timeout_stream: 9 },
    },
  ]);
});

test("commands as people keep them, over several files", () => {
  const first = parseTimeoutPolicies("# policies\n\nsudo nfct add timeout web inet tcp established 100 # days\r\n");
  const { policies, errors } = parseTimeoutPolicies(
    "/usr/sbin/nfct timeout add rest inet generic timeout 7",
    first.policies,
  );
  expect([...first.errors, ...errors]).toEqual([]);
  expect([...policies.values()].map(({ name, protocol, timeouts }) => ({ name, protocol, timeouts }))).toEqual([
    { name: "web", protocol: 6, timeouts: { nf_conntrack_tcp_timeout_established: 100 } },
    { name: "rest", protocol: 255, timeouts: { nf_conntrack_generic_timeout: 7 } },
  ]);
});

test.each([
  ["nfct list timeout", 1, 6, /^wanted is nfct add timeout NAME/],
  ["add timeout a inet tcp close ten", 1, 30, /^wanted is a number of seconds, 0 to 2147483$/],
  ["add timeout a inet tcp close -1", 1, 30, /^wanted is a number of seconds/],
  ["add timeout a inet tcp close", 1, 30, /^the seconds are wanted$/],
  ["add timeout a inet tcp", 1, 24, /^a state and its seconds are wanted: syn_sent, /],
  ["add timeout a inet tcp open 5", 1, 24, /^not a state of tcp; wanted is syn_sent, /],
  ["add timeout a ipv4 tcp close 5", 1, 15, /^not a family/],
  ["add timeout a inet 6 close 5", 1, 20, /^not a protocol with timeouts; wanted is tcp, /],
  [
    `add timeout ${"n".repeat(32)} inet tcp close 5`,
    1,
    13,
    /^too long: the name of a policy has at most 31 characters$/,
  ],
  ['add timeout "" inet tcp close 5', 1, 13, /^the name of a policy is wanted, this one is empty$/],
  ["add timeout a inet tcp close 5\nadd timeout a inet udp replied 5", 2, 13, /already, in line 1$/],
  [".a {", 1, 1, /^wanted is \.NAME = \{/],
  [".a = {\n\t.l3proto = 2,", 2, 1, /^\}; is wanted: the block of line 1 is open$/],
  [".a = {\n\t.l3proto = 2,\n};", 3, 2, /^its \.l3proto and its \.l4proto are wanted/],
  [".a = {\n\t.CLOSE = 2,\n};", 2, 3, /^\.l4proto is wanted in front of the states$/],
  [".a = {\n\t.l3proto = 7,\n};", 2, 13, /^not a family/],
  [".a = {\n\t.l3proto = 2,\n\t.l4proto = 7,\n};", 3, 13, /^not the number of a protocol/],
  [".a = {\n\tl3proto 2\n};", 2, 1, /^wanted is \.KEY = NUMBER/],
])("%j is refused, and why", (text, line, column, message) => {
  const { errors } = parseTimeoutPolicies(text);
  expect(errors[0]).toMatchObject({ line, column, message: expect.stringMatching(message) });
});

const parse = (rule: string) =>
  parseRuleset(`*raw\n-A PREROUTING ${rule}\nCOMMIT\n`, {
    family: 4,
    timeoutPolicies: parseTimeoutPolicies(LISTED).policies,
  });

test.each([
  ["-p tcp -j CT --timeout nobody", /^there is no timeout policy nobody; there is web, webhooks or names6$/],
  ["-p udp -j CT --timeout web", /^the timeout policy web is for tcp over IPv4, this rule is not$/],
  ["-p udp -j CT --timeout names6", /^the timeout policy names6 is for udp over IPv6, this rule is not$/],
  ["-j CT --timeout web", /^a timeout policy needs a protocol: -p without !$/],
])("%s: refused, and why", (rule, message) => {
  expect(parse(rule).errors).toMatchObject([{ line: 2, message: expect.stringMatching(message) }]);
});

test("the first four letters of a name, as iptables-save prints it, stand for the policy that fits", () => {
  expect(parse("-p tcp -j CT --timeout webh").errors).toEqual([]);
  const { policies } = parseTimeoutPolicies(`${LISTED}add timeout webhost inet tcp close 2`);
  const two = parseRuleset("*raw\n-A PREROUTING -p tcp -j CT --timeout webh\nCOMMIT\n", { timeoutPolicies: policies });
  expect(two.errors).toMatchObject([{ message: expect.stringContaining("these may be webhooks or webhost") }]);
});

test("more policies than an engine has are refused", () => {
  const lines = Array.from({ length: 32 }, (_, i) => `add timeout p${i} inet udp replied ${i}`);
  const { policies } = parseTimeoutPolicies(lines.join("\n"));
  const rules = lines.map((_, i) => `-A PREROUTING -p udp -j CT --timeout p${i}`);
  const { ruleset } = parseRuleset(`*raw\n${rules.join("\n")}\nCOMMIT\n`, { timeoutPolicies: policies });
  expect(() => compileRules(ruleset, { timeoutPolicies: policies })).toThrow(CompileError);
  ruleset.tables[0]?.chains[0]?.rules.pop();
  expect(compileRules(ruleset, { timeoutPolicies: policies }).timeoutPolicies).toHaveLength(31);
});

test("connections get the timeouts of the policy; what it does not give is the sysctl's", async () => {
  const firewall = await Firewall.open({
    rules:
      "*raw\n-A PREROUTING -p tcp --dport 80 -j CT --timeout web\n-A PREROUTING -p udp -j CT --timeout names\nCOMMIT\n",
    timeoutPolicies: "add timeout web inet tcp syn_sent 7\nadd timeout names inet udp unreplied 3",
    sysctl: { nf_conntrack_tcp_timeout_syn_recv: 44, nf_conntrack_checksum: 0 },
    link: 101,
  });
  const time = 1_700_000_000_000_000_000n;
  const syn = { sport: 1025, dport: 80, flags: "S", seq: 1, ack: 0 };
  const answer = { sport: 80, dport: 1025, flags: "SA", seq: 9, ack: 2 };
  const timeouts = () => firewall.engine.flows().map(({ timeout }) => Number(timeout / 1_000_000_000n));
  firewall.packet(packet({ src: "10.0.0.1", dst: "10.0.0.2", tcp: syn }), { time });
  expect(timeouts()).toEqual([7]);
  firewall.packet(packet({ src: "10.0.0.2", dst: "10.0.0.1", tcp: answer }), { time });
  expect(timeouts()).toEqual([44]);
  firewall.engine.flush();
  firewall.packet(packet({ src: "10.0.0.1", dst: "10.0.0.2", udp: { sport: 1, dport: 53, payload: 9 } }), { time });
  expect(timeouts()).toEqual([3]);
  firewall.engine.flush();
  firewall.packet(packet({ src: "10.0.0.1", dst: "10.0.0.2", tcp: { ...syn, dport: 81 } }), { time });
  expect(timeouts()).toEqual([120]);
});

test("rules that name a policy nobody gave are refused", async () => {
  const rules = "*raw\n-A PREROUTING -p tcp -j CT --timeout web\nCOMMIT\n";
  await expect(Firewall.open({ rules })).rejects.toThrow(
    "line 2, column 38: there is no timeout policy web; give the file of nfct list timeout that has it",
  );
});

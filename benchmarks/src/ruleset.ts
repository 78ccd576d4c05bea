// Rulesets for the question about rules, as a generator writes them for many hosts and services.

/** `rules` rules in FORWARD, none of which a packet of packets.ts matches; with or without the usual first rule. */
export function rulesetText(rules: number, established: boolean): string {
  const lines = ["*filter", ":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]"];
  if (established) lines.push("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT");
  for (let i = 0; i < rules; i++) lines.push(`-A FORWARD ${questionOf(i)} -j ${i % 3 === 0 ? "DROP" : "ACCEPT"}`);
  return [...lines, "COMMIT", ""].join("\n");
}

// Addresses packets.ts never uses: it has 10.0.0.0/8 and 172.16.0.0/12.
function questionOf(i: number): string {
  const net = `192.168.${(i >> 6) & 255}.${(i & 63) << 2}/30`;
  switch (i % 4) {
    case 0:
      return `-s ${net} -p tcp -m tcp --dport ${1 + (i % 60_000)}`;
    case 1:
      return `-d ${net} -p tcp -m tcp --dport ${1 + (i % 60_000)}`;
    case 2:
      return `-s ${net}`;
    default:
      return `-d ${net} -p udp -m udp --dport ${1 + (i % 60_000)}`;
  }
}

/** Rulesets of about so many rules as tools write them; no packet of packets.ts matches one that decides, but for the first. */
export const STYLES: Readonly<Record<string, (rules: number) => string>> = { blocklist, ufw, pods, raw };

const save = (table: string, chains: readonly string[], rules: readonly string[]): string =>
  [`*${table}`, ...chains.map((chain) => `:${chain} - [0:0]`), ...rules, "COMMIT", ""].join("\n");

/** One address in every rule, as fail2ban and blocklists without a set have them. */
function blocklist(rules: number): string {
  const address = (i: number) => `${193 + (i % 30)}.${(i >> 8) & 255}.${i & 255}.${(i * 31) & 255}`;
  const lines = Array.from({ length: rules }, (_, i) => `-A FORWARD -s ${address(i)}/32 -j DROP`);
  return save("filter", [], lines);
}

/** Pairs of rules of a chain of the user: ports from anywhere, and ports from one network. */
function ufw(rules: number): string {
  const lines = Array.from({ length: rules >> 1 }, (_, i) => [
    `-A ufw-user-forward -s 192.168.${(i >> 6) & 255}.${(i & 63) << 2}/30 -p tcp -m multiport --dports ${1 + i},${10_000 + i}:${10_003 + i} -j ACCEPT`,
    `-A ufw-user-forward -d 192.168.${i & 255}.0/24 -p udp -m udp --dport ${1 + (i % 60_000)} -j ACCEPT`,
  ]);
  const first = ["-A FORWARD -m conntrack --ctstate INVALID -j DROP", "-A FORWARD -j ufw-user-forward"];
  return save("filter", ["ufw-user-forward"], [...first, ...lines.flat()]);
}

/** A chain for every address with rules of its own, as network policies of a cluster become. */
function pods(rules: number): string {
  const numbers = Array.from({ length: Math.ceil(rules / 5) }, (_, i) => i);
  const lines = numbers.flatMap((i) => {
    const address = `192.168.${(i >> 8) & 255}.${i & 255}/32`;
    return [
      `-A FORWARD -d ${address} -m comment --comment "to pod ${i}" -j POD-${i}`,
      `-A FORWARD -s ${address} -m comment --comment "from pod ${i}" -j POD-${i}`,
      `-A POD-${i} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
      `-A POD-${i} -d ${address} -p tcp -m tcp --dport ${8000 + (i % 1000)} -j RETURN`,
      `-A POD-${i} -j REJECT --reject-with icmp-port-unreachable`,
    ];
  });
  return save(
    "filter",
    numbers.map((i) => `POD-${i}`),
    lines,
  );
}

/** The usual first rule, and a raw table that says for some ports how they are tracked. */
function raw(rules: number): string {
  const lines = Array.from(
    { length: rules },
    (_, i) => `-A PREROUTING -p udp -m udp --dport ${53 + i} -j CT --notrack`,
  );
  const helper = "-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp";
  return save("raw", [], [helper, ...lines]) + rulesetText(10, true);
}

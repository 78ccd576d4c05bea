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

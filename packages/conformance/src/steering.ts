// What rules would tell connection tracking, said by the packet itself: its DSCP. The kernel gets rules that read it, the
// engine gets what they mean. So zones, NOTRACK and a dropped first packet can be compared without a rule engine.
//
//   1 … 7   conntrack zone
//   61      not tracked
//   62      dropped behind connection tracking, before confirm

export interface Steering {
  readonly zone?: number;
  readonly notrack?: boolean;
  readonly drop?: boolean;
}

const NOTRACK = 61;
const DROP = 62;
const ZONES = 7;

/** The type-of-service byte that says so. */
export const tosOf = ({ zone = 0, notrack = false, drop = false }: Steering): number =>
  (notrack ? NOTRACK : drop ? DROP : zone) << 2;

export function steeringOf(packet: Uint8Array): Steering {
  const v6 = (packet[0] ?? 0) >> 4 === 6;
  const tos = v6 ? (((packet[0] ?? 0) << 4) | ((packet[1] ?? 0) >> 4)) & 0xff : (packet[1] ?? 0);
  const dscp = tos >> 2;
  if (dscp === NOTRACK) return { notrack: true };
  if (dscp === DROP) return { drop: true };
  return dscp >= 1 && dscp <= ZONES ? { zone: dscp } : {};
}

function chainRules(): string[] {
  const rules: string[] = [];
  for (const family of ["ip", "ip6"]) {
    for (let zone = 1; zone <= ZONES; zone++) rules.push(`    ${family} dscp ${zone} ct zone set ${zone}`);
    rules.push(`    ${family} dscp ${NOTRACK} notrack`);
  }
  return rules;
}

/** The ruleset for the kernel. */
export const STEERING_RULES = `table inet steering {
  chain raw {
    type filter hook prerouting priority -300
${chainRules().join("\n")}
  }
  chain filter {
    type filter hook forward priority 0
    ip dscp ${DROP} drop
    ip6 dscp ${DROP} drop
  }
}
`;

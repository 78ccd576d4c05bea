import { Firewall } from "conntrack-iptables";

/** Joins two ends, each with `receive(frame)`, by a wire with a firewall on it; what they have to say they give to `send(frame)`. */
export async function guard(rules, guest, world) {
  const firewall = await Firewall.open({ rules, interfaces: ["wan", "lan"] });
  const join = (from, to, way) => {
    from.send = (frame) => firewall.packet(frame, way).verdict === "ACCEPT" && to.receive(frame);
  };
  join(guest, world, { in: "lan", out: "wan" });
  join(world, guest, { in: "wan", out: "lan" });
  return firewall;
}

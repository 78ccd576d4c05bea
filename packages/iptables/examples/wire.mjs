// A guest behind the firewall, the world in front of it, and Ethernet frames between them: `node examples/wire.mjs`
import { guard } from "./guard.mjs";

const RULES = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 10.0.0.0/8 -j REJECT
-A FORWARD -d 172.16.0.0/12 -j REJECT
-A FORWARD -d 192.168.0.0/16 -j REJECT
-A FORWARD -i lan -j ACCEPT
COMMIT`;

const FRAMES = {
  "guest asks 198.51.100.7 for a name":
    "0200000000020200000000010800450000200000000040118ee5c0a80105c633640704010035000c4af161626364",
  "198.51.100.7 answers":
    "0200000000020200000000010800450000240000000040118ee1c6336407c0a801050035040100107e1a6162636465666768",
  "198.51.100.66 answers as well":
    "0200000000020200000000010800450000240000000040118ea6c6336442c0a801050035040100107ddf6162636465666768",
  "guest asks its neighbour 10.0.0.1":
    "020000000002020000000001080045000020000000004011af1fc0a801050a00000104010035000c6b2b61626364",
};

const end = () => ({
  frames: 0,
  receive() {
    this.frames++;
    return true;
  },
});
const [guest, world] = [end(), end()];
const firewall = await guard(RULES, guest, world);
for (const [what, hex] of Object.entries(FRAMES)) {
  const sender = what.startsWith("guest") ? guest : world;
  console.log(sender.send(Uint8Array.from(Buffer.from(hex, "hex"))) ? "passed " : "blocked", what);
}
console.log(`guest got ${guest.frames}, world got ${world.frames}, ${firewall.engine.entries} connection`);

// Rulesets in the style of the programs that write them: whole files, several tables.
import type { Duel } from "./duel.js";
import { TRAFFIC } from "./traffic.js";

const file = (name: string, text: string, more: Partial<Duel> = {}): Duel => ({
  name,
  rules: [],
  text: `${text
    .trim()
    .split("\n")
    .map((line) => line.trim())
    .join("\n")}\n`,
  packets: TRAFFIC,
  ...more,
});

/** The kernel forgets what `connlimit` counted but was dropped two ticks later. */
const SPACED = { times: TRAFFIC.map((_, i) => i * 0.02) } as const satisfies Partial<Duel>;

/** The box itself is the goal: every address is local. */
const INPUT = { mode: "input" } as const satisfies Partial<Duel>;

const table = (name: string, chains: string, rules: string) => `*${name}\n${chains.trim()}\n${rules.trim()}\nCOMMIT`;
const FILTER = ":INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]";
const CLOSED = ":INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]";
const MANGLE =
  ":PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]";
const RAW = ":PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]";
const user = (...names: string[]) => names.map((name) => `:${name} - [0:0]`).join("\n");

export const PROGRAMS: readonly Duel[] = [
  file(
    "the issue's example of INPUT: replies only",
    table("filter", CLOSED, "-A INPUT -p all -m state --state RELATED,ESTABLISHED -j ACCEPT"),
    INPUT,
  ),
  file(
    "a workstation",
    table(
      "filter",
      CLOSED,
      `-A INPUT -i lo -j ACCEPT
      -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
      -A INPUT -m conntrack --ctstate INVALID -j DROP
      -A INPUT -p icmp -m icmp --icmp-type 8 -m limit --limit 1/hour --limit-burst 1 -j ACCEPT
      -A INPUT -p udp -m udp --dport 5060 -j ACCEPT
      -A INPUT -p tcp -j REJECT --reject-with tcp-reset
      -A INPUT -j REJECT --reject-with icmp-proto-unreachable`,
    ),
    INPUT,
  ),
  file(
    "ufw: a host",
    table(
      "filter",
      `${CLOSED}\n${user(
        "ufw-before-input",
        "ufw-after-input",
        "ufw-user-input",
        "ufw-not-local",
        "ufw-logging-deny",
        "ufw-logging-allow",
        "ufw-skip-to-policy-input",
        "ufw-user-limit",
        "ufw-user-limit-accept",
        "ufw-track-input",
      )}`,
      `-A INPUT -j ufw-before-input
      -A INPUT -j ufw-after-input
      -A INPUT -j ufw-track-input
      -A ufw-before-input -i lo -j ACCEPT
      -A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
      -A ufw-before-input -m conntrack --ctstate INVALID -j ufw-logging-deny
      -A ufw-before-input -m conntrack --ctstate INVALID -j DROP
      -A ufw-before-input -p icmp -m icmp --icmp-type 3 -j ACCEPT
      -A ufw-before-input -p icmp -m icmp --icmp-type 8 -j ACCEPT
      -A ufw-before-input -p udp -m udp --sport 67 --dport 68 -j ACCEPT
      -A ufw-before-input -j ufw-not-local
      -A ufw-before-input -d 224.0.0.251/32 -p udp -m udp --dport 5353 -j ACCEPT
      -A ufw-before-input -j ufw-user-input
      -A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN
      -A ufw-not-local -m addrtype --dst-type BROADCAST -j RETURN
      -A ufw-not-local -s 10.0.0.0/8 -j RETURN
      -A ufw-not-local -m limit --limit 3/min --limit-burst 10 -j ufw-logging-deny
      -A ufw-not-local -j DROP
      -A ufw-user-input -p tcp -m tcp --dport 80 -j ACCEPT
      -A ufw-user-input -p tcp -m tcp --dport 443 -m conntrack --ctstate NEW -m recent --set --name DEFAULT --mask 255.255.255.255 --rsource
      -A ufw-user-input -p tcp -m tcp --dport 443 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 --name DEFAULT --mask 255.255.255.255 --rsource -j ufw-user-limit
      -A ufw-user-input -p tcp -m tcp --dport 443 -j ufw-user-limit-accept
      -A ufw-user-limit -m limit --limit 3/min -j LOG --log-prefix "[UFW LIMIT BLOCK] "
      -A ufw-user-limit -j REJECT --reject-with icmp-port-unreachable
      -A ufw-user-limit-accept -j ACCEPT
      -A ufw-logging-deny -m conntrack --ctstate INVALID -m limit --limit 3/min --limit-burst 10 -j RETURN
      -A ufw-logging-deny -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "
      -A ufw-after-input -p udp -m udp --dport 137 -j ufw-skip-to-policy-input
      -A ufw-after-input -p tcp -m tcp --dport 445 -j ufw-skip-to-policy-input
      -A ufw-skip-to-policy-input -j DROP
      -A ufw-track-input -p udp -m conntrack --ctstate NEW -j ACCEPT`,
    ),
    INPUT,
  ),
  file(
    "ufw: routed, with a limit on logins",
    table(
      "filter",
      `${CLOSED}\n${user("ufw-before-forward", "ufw-user-forward", "ufw-user-limit")}`,
      `-A FORWARD -j ufw-before-forward
      -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
      -A ufw-before-forward -j ufw-user-forward
      -A ufw-user-forward -i orc-in -o orc-out -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m recent --set --name SSH --mask 255.255.255.255 --rsource
      -A ufw-user-forward -i orc-in -o orc-out -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 4 --name SSH --mask 255.255.255.255 --rsource -j ufw-user-limit
      -A ufw-user-forward -p tcp -m tcp --dport 22 -j ACCEPT
      -A ufw-user-limit -j REJECT --reject-with icmp-port-unreachable`,
    ),
  ),
  file(
    "firewalld: zones and direct rules",
    `${table(
      "mangle",
      `${MANGLE}\n${user("PREROUTING_direct", "PRE_public")}`,
      `-A PREROUTING -j PREROUTING_direct
      -A PREROUTING -i orc-in -g PRE_public
      -A PREROUTING_direct -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x64/0xffffffff
      -A PRE_public -j RETURN`,
    )}\n${table(
      "filter",
      `${FILTER}\n${user(
        "FORWARD_direct",
        "FORWARD_IN_ZONES",
        "FORWARD_OUT_ZONES",
        "FWDI_public",
        "FWDI_public_log",
        "FWDI_public_deny",
        "FWDI_public_allow",
        "FWDO_public",
        "FWDO_public_allow",
      )}`,
      `-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
      -A FORWARD -i lo -j ACCEPT
      -A FORWARD -j FORWARD_direct
      -A FORWARD -j FORWARD_IN_ZONES
      -A FORWARD -j FORWARD_OUT_ZONES
      -A FORWARD -m conntrack --ctstate INVALID -j DROP
      -A FORWARD -j REJECT --reject-with icmp-host-prohibited
      -A FORWARD_direct -s 10.0.0.9/32 -j DROP
      -A FORWARD_IN_ZONES -i orc-in -g FWDI_public
      -A FORWARD_IN_ZONES -g FWDI_public
      -A FORWARD_OUT_ZONES -o orc-out -g FWDO_public
      -A FWDI_public -j FWDI_public_log
      -A FWDI_public -j FWDI_public_deny
      -A FWDI_public -j FWDI_public_allow
      -A FWDI_public -p icmp -j ACCEPT
      -A FWDI_public_log -p udp -m limit --limit 1/min -j LOG --log-prefix "new udp: " --log-level 6
      -A FWDI_public_deny -p tcp -m tcp --dport 25 -j REJECT --reject-with icmp-port-unreachable
      -A FWDO_public -j FWDO_public_allow
      -A FWDO_public_allow -m mark --mark 0x64 -m conntrack --ctstate NEW,UNTRACKED -j ACCEPT
      -A FWDO_public_allow -p udp -m udp --dport 53 -m conntrack --ctstate NEW,UNTRACKED -j ACCEPT`,
    )}`,
  ),
  file(
    "firewalld: port forwarding by mark, rich rules",
    table(
      "filter",
      `${FILTER}\n${user("FWDI_dmz", "FWDI_dmz_pre", "FWDI_dmz_post")}`,
      `-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT
      -A FORWARD -i orc+ -g FWDI_dmz
      -A FWDI_dmz -j FWDI_dmz_pre
      -A FWDI_dmz -s 10.0.0.0/24 -p tcp -m tcp --dport 443 -m conntrack --ctstate NEW,UNTRACKED -m limit --limit 2/day --limit-burst 1 -j ACCEPT
      -A FWDI_dmz -s 10.0.0.0/24 -p tcp -m tcp --dport 443 -j LOG
      -A FWDI_dmz -j FWDI_dmz_post
      -A FWDI_dmz -j DROP
      -A FWDI_dmz_pre -p tcp -m connlimit --connlimit-above 2 --connlimit-mask 32 --connlimit-saddr -j REJECT --reject-with tcp-reset
      -A FWDI_dmz_post -p udp -m udp --dport 5060 -j ACCEPT`,
    ),
    SPACED,
  ),
  file(
    "Shorewall: two interfaces",
    `${table("raw", RAW, "-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp\n-A PREROUTING -p udp -m udp --dport 69 -j CT --helper tftp")}\n${table(
      "mangle",
      `${MANGLE}\n${user("tcfor", "tcpre")}`,
      "-A PREROUTING -j tcpre\n-A FORWARD -j MARK --set-xmark 0x0/0xff\n-A FORWARD -j tcfor",
    )}\n${table(
      "filter",
      `${CLOSED}\n${user("dynamic", "net_frwd", "net2loc", "loc2net", "reject", "logdrop", "smurfs", "tcpflags", "Broadcast", "~log0")}`,
      `-A FORWARD -i orc-in -j net_frwd
      -A FORWARD -j Broadcast
      -A FORWARD -m limit --limit 1/sec --limit-burst 10 -j LOG --log-prefix "Shorewall:FORWARD:REJECT:" --log-level 6
      -A FORWARD -g reject
      -A Broadcast -m addrtype --dst-type BROADCAST -j DROP
      -A Broadcast -m addrtype --dst-type MULTICAST -j DROP
      -A net_frwd -m conntrack --ctstate INVALID,NEW,UNTRACKED -j dynamic
      -A net_frwd -m conntrack --ctstate INVALID,NEW,UNTRACKED -j smurfs
      -A net_frwd -p tcp -j tcpflags
      -A net_frwd -o orc-out -j net2loc
      -A net2loc -m conntrack --ctstate ESTABLISHED -j ACCEPT
      -A net2loc -m conntrack --ctstate RELATED -j ACCEPT
      -A net2loc -m conntrack --ctstate INVALID -j DROP
      -A net2loc -p tcp -m multiport --dports 21,80,443 -j ACCEPT
      -A net2loc -p udp -m udp --dport 53 -m conntrack --ctstate NEW -j ~log0
      -A net2loc -j logdrop
      -A ~log0 -m hashlimit --hashlimit-upto 1/min --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name lograte -j LOG --log-prefix "Shorewall:net2loc:ACCEPT:"
      -A ~log0 -j ACCEPT
      -A logdrop -m addrtype --src-type LOCAL -j RETURN
      -A logdrop -j DROP
      -A reject -m addrtype --src-type BROADCAST -j DROP
      -A reject -s 224.0.0.0/4 -j DROP
      -A reject -p igmp -j DROP
      -A reject -p tcp -j REJECT --reject-with tcp-reset
      -A reject -p udp -j REJECT --reject-with icmp-port-unreachable
      -A reject -p icmp -j REJECT --reject-with icmp-host-unreachable
      -A reject -j REJECT --reject-with icmp-host-prohibited
      -A smurfs -s 0.0.0.0/32 -j RETURN
      -A smurfs -m addrtype --src-type BROADCAST -j DROP
      -A smurfs -s 224.0.0.0/4 -j DROP
      -A tcpflags -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG FIN,PSH,URG -j DROP
      -A tcpflags -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j DROP
      -A tcpflags -p tcp -m tcp --tcp-flags SYN,RST SYN,RST -j DROP
      -A tcpflags -p tcp -m tcp --tcp-flags FIN,SYN FIN,SYN -j DROP
      -A tcpflags -p tcp -m tcp --sport 0 --tcp-flags FIN,SYN,RST,ACK SYN -j DROP`,
    )}`,
  ),
  file(
    "Shorewall: traffic by mark",
    `${table(
      "mangle",
      `${MANGLE}\n${user("tcfor", "tcpost")}`,
      `-A PREROUTING -m connmark ! --mark 0x0/0xff -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff
      -A FORWARD -j tcfor
      -A POSTROUTING -j tcpost
      -A tcfor -p tcp -m multiport --ports 80,443 -j MARK --set-xmark 0x1/0xff
      -A tcfor -p udp -m length --length 0:100 -j MARK --set-xmark 0x2/0xff
      -A tcfor -m mark ! --mark 0x0/0xff -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff
      -A tcpost -m mark --mark 0x1/0xff -j CLASSIFY --set-class 0001:0011
      -A tcpost -m mark --mark 0x2/0xff -j CLASSIFY --set-class 0001:0012
      -A tcpost -p tcp -m connbytes --connbytes 3: --connbytes-mode packets --connbytes-dir both -j DSCP --set-dscp 0x08
      -A tcpost -m dscp --dscp 0x08`,
    )}`,
  ),
  file(
    "Docker with a published port and its own user rules",
    `${table(
      "filter",
      `:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n${user(
        "DOCKER",
        "DOCKER-BRIDGE",
        "DOCKER-CT",
        "DOCKER-FORWARD",
        "DOCKER-ISOLATION-STAGE-1",
        "DOCKER-ISOLATION-STAGE-2",
        "DOCKER-USER",
      )}`,
      `-A FORWARD -j DOCKER-USER
      -A FORWARD -j DOCKER-FORWARD
      -A DOCKER -d 10.0.0.2/32 ! -i orc-out -o orc-out -p tcp -m tcp --dport 80 -j ACCEPT
      -A DOCKER ! -i orc-out -o orc-out -j DROP
      -A DOCKER-BRIDGE -o orc-out -j DOCKER
      -A DOCKER-CT -o orc-out -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
      -A DOCKER-FORWARD -j DOCKER-CT
      -A DOCKER-FORWARD -j DOCKER-ISOLATION-STAGE-1
      -A DOCKER-FORWARD -j DOCKER-BRIDGE
      -A DOCKER-FORWARD -i orc-out -j ACCEPT
      -A DOCKER-ISOLATION-STAGE-1 -i orc-out ! -o orc-out -j DOCKER-ISOLATION-STAGE-2
      -A DOCKER-ISOLATION-STAGE-2 -o orc-out -j DROP
      -A DOCKER-USER -i orc-in -p udp -m conntrack --ctorigdstport 53 --ctdir ORIGINAL -j ACCEPT
      -A DOCKER-USER -s 10.9.0.0/16 -i orc-in -m conntrack --ctstate NEW -j REJECT --reject-with icmp-port-unreachable
      -A DOCKER-USER -j RETURN`,
    )}`,
  ),
  file(
    "Docker swarm: ingress and encryption",
    `${table(
      "mangle",
      MANGLE,
      `-A PREROUTING -p udp -m udp --dport 5060 -m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100" -j MARK --set-xmark 0xd0c4e3/0xffffffff
      -A PREROUTING -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x100/0xffffffff
      -A POSTROUTING -m mark --mark 0x100`,
    )}\n${table(
      "filter",
      `${FILTER}\n${user("DOCKER-INGRESS")}`,
      `-A FORWARD -j DOCKER-INGRESS
      -A DOCKER-INGRESS -p tcp -m tcp --dport 80 -j ACCEPT
      -A DOCKER-INGRESS -p tcp -m tcp --sport 80 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
      -A DOCKER-INGRESS -j RETURN`,
    )}`,
  ),
  file(
    "kube-proxy and a network policy",
    `${table(
      "mangle",
      `${MANGLE}\n${user("KUBE-IPTABLES-HINT", "KUBE-PROXY-CANARY")}`,
      "-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu\n-A PREROUTING -d 10.0.0.2/32 -j MARK --set-xmark 0x4000/0x4000",
    )}\n${table(
      "filter",
      `${FILTER}\n${user("KUBE-EXTERNAL-SERVICES", "KUBE-FIREWALL", "KUBE-FORWARD", "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL", "KUBE-SERVICES", "KUBE-POD-FW-A", "KUBE-NWPLCY-A")}`,
      `-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
      -A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
      -A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
      -A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
      -A FORWARD -d 10.0.0.2/32 -j KUBE-POD-FW-A
      -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
      -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
      -A KUBE-FORWARD -p tcp -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
      -A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
      -A KUBE-SERVICES -d 10.0.0.2/32 -p udp -m comment --comment "kube-system/dns has no endpoints" -m udp --dport 53 -j REJECT --reject-with icmp-port-unreachable
      -A KUBE-EXTERNAL-SERVICES -d 10.0.0.2/32 -p udp -m addrtype ! --dst-type LOCAL -m udp --dport 5060
      -A KUBE-POD-FW-A -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
      -A KUBE-POD-FW-A -m addrtype --src-type LOCAL -j ACCEPT
      -A KUBE-POD-FW-A -j KUBE-NWPLCY-A
      -A KUBE-POD-FW-A -m mark ! --mark 0x10000/0x10000 -m limit --limit 10/min --limit-burst 10 -j NFLOG --nflog-prefix "DROP by policy" --nflog-group 100
      -A KUBE-POD-FW-A -m mark ! --mark 0x10000/0x10000 -j REJECT --reject-with icmp-port-unreachable
      -A KUBE-POD-FW-A -j MARK --set-xmark 0x0/0x10000
      -A KUBE-NWPLCY-A -s 10.0.0.1/32 -p udp -j MARK --set-xmark 0x10000/0x10000
      -A KUBE-NWPLCY-A -m mark --mark 0x10000/0x10000 -j RETURN`,
    )}`,
  ),
  file(
    "k3s: kube-router pods and flannel",
    table(
      "filter",
      `${FILTER}\n${user("FLANNEL-FWD", "KUBE-ROUTER-FORWARD", "KUBE-POD-FW-B", "KUBE-NWPLCY-DEFAULT")}`,
      `-A FORWARD -m comment --comment "kube-router netpol - TEMCG2JMHZYE7H7T" -j KUBE-ROUTER-FORWARD
      -A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
      -A FLANNEL-FWD -s 10.0.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
      -A FLANNEL-FWD -d 10.0.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
      -A KUBE-ROUTER-FORWARD -d 10.0.0.2/32 -m comment --comment "rule to jump traffic destined to POD" -j KUBE-POD-FW-B
      -A KUBE-ROUTER-FORWARD -s 10.0.0.2/32 -j KUBE-POD-FW-B
      -A KUBE-ROUTER-FORWARD -m comment --comment "rule to explicitly ACCEPT traffic that comply to network policies" -m mark --mark 0x20000/0x20000 -j ACCEPT
      -A KUBE-POD-FW-B -m comment --comment "rule for stateful firewall for pod" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
      -A KUBE-POD-FW-B -m comment --comment "rule to drop invalid state for pod" -m conntrack --ctstate INVALID -j DROP
      -A KUBE-POD-FW-B -j KUBE-NWPLCY-DEFAULT
      -A KUBE-POD-FW-B -m mark ! --mark 0x10000/0x10000 -j REJECT --reject-with icmp-port-unreachable
      -A KUBE-POD-FW-B -j MARK --set-xmark 0x0/0x10000
      -A KUBE-POD-FW-B -m comment --comment "set mark to ACCEPT traffic that comply to network policies" -j MARK --set-xmark 0x20000/0x20000
      -A KUBE-NWPLCY-DEFAULT -p icmp -j MARK --set-xmark 0x10000/0x10000
      -A KUBE-NWPLCY-DEFAULT -p tcp -m tcp --dport 1024:65535 -j MARK --set-xmark 0x10000/0x10000`,
    ),
  ),
  file(
    "libvirt: a network behind a bridge",
    table(
      "filter",
      `${FILTER}\n${user("LIBVIRT_FWI", "LIBVIRT_FWO", "LIBVIRT_FWX", "LIBVIRT_INP")}`,
      `-A INPUT -j LIBVIRT_INP
      -A FORWARD -j LIBVIRT_FWX
      -A FORWARD -j LIBVIRT_FWI
      -A FORWARD -j LIBVIRT_FWO
      -A LIBVIRT_FWI -d 10.0.0.0/24 -o orc-out -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
      -A LIBVIRT_FWI -o orc-out -j REJECT --reject-with icmp-port-unreachable
      -A LIBVIRT_FWO -s 10.0.0.0/24 -i orc-out -j ACCEPT
      -A LIBVIRT_FWO -i orc-out -j REJECT --reject-with icmp-port-unreachable
      -A LIBVIRT_FWX -i orc-out -o orc-out -j ACCEPT
      -A LIBVIRT_INP -i orc-in -p udp -m udp --dport 53 -j ACCEPT
      -A LIBVIRT_INP -i orc-in -p tcp -m tcp --dport 67 -j ACCEPT`,
    ),
  ),
  file(
    "libvirt: for the box itself",
    table(
      "filter",
      `${FILTER}\n${user("LIBVIRT_INP")}`,
      `-A INPUT -j LIBVIRT_INP
      -A INPUT -m conntrack --ctstate NEW -j DROP
      -A LIBVIRT_INP -i orc-in -p udp -m udp --dport 53 -j ACCEPT
      -A LIBVIRT_INP -i orc-in -p tcp -m tcp --dport 53 -j ACCEPT
      -A LIBVIRT_INP -i orc-in -p udp -m udp --dport 67 -j ACCEPT`,
    ),
    INPUT,
  ),
  file(
    "fail2ban: jails",
    table(
      "filter",
      `${FILTER}\n${user("f2b-sshd", "f2b-nginx-http-auth", "f2b-recidive")}`,
      `-A INPUT -p tcp -j f2b-recidive
      -A INPUT -p tcp -m multiport --dports 80,443 -j f2b-nginx-http-auth
      -A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
      -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
      -A f2b-nginx-http-auth -s 10.0.0.9/32 -j REJECT --reject-with icmp-port-unreachable
      -A f2b-nginx-http-auth -j RETURN
      -A f2b-recidive -s 10.9.0.9/32 -j DROP
      -A f2b-recidive -j RETURN
      -A f2b-sshd -s 10.0.0.1/32 -j REJECT --reject-with icmp-port-unreachable
      -A f2b-sshd -j RETURN`,
    ),
    INPUT,
  ),
  file(
    "Tailscale: a node that routes",
    table(
      "filter",
      `${FILTER}\n${user("ts-forward", "ts-input")}`,
      `-A INPUT -j ts-input
      -A FORWARD -j ts-forward
      -A ts-forward -i orc-in -j MARK --set-xmark 0x40000/0xff0000
      -A ts-forward -m mark --mark 0x40000/0xff0000 -j ACCEPT
      -A ts-forward -s 100.64.0.0/10 -o orc-in -j DROP
      -A ts-forward -o orc-in -j ACCEPT
      -A ts-input -s 100.115.92.0/23 ! -i tailscale0 -j RETURN
      -A ts-input -s 100.64.0.0/10 ! -i tailscale0 -j DROP
      -A ts-input -i orc-in -j ACCEPT
      -A ts-input -p udp -m udp --dport 41641 -j ACCEPT`,
    ),
  ),
  file(
    "Tailscale: only its own net may call",
    table(
      "filter",
      `${CLOSED}\n${user("ts-input")}`,
      `-A INPUT -j ts-input
      -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
      -A ts-input -s 10.0.0.0/24 ! -i tailscale0 -m connmark ! --mark 0x80000/0xff0000 -p udp -j DROP
      -A ts-input -s 10.9.0.0/16 -i orc-in -j ACCEPT
      -A ts-input -p tcp -m tcp --dport 80 -j ACCEPT`,
    ),
    INPUT,
  ),
  file(
    "OpenWrt fw3: wan to lan",
    `${table(
      "mangle",
      MANGLE,
      '-A FORWARD -o orc-out -p tcp -m tcp --tcp-flags SYN,RST SYN -m comment --comment "!fw3: Zone wan MTU fixing" -j TCPMSS --clamp-mss-to-pmtu',
    )}\n${table(
      "filter",
      `${CLOSED}\n${user("forwarding_rule", "forwarding_wan_rule", "reject", "syn_flood", "zone_lan_dest_ACCEPT", "zone_wan_forward", "zone_wan_dest_REJECT")}`,
      `-A FORWARD -m comment --comment "!fw3: Custom forwarding rule chain" -j forwarding_rule
      -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "!fw3" -j ACCEPT
      -A FORWARD -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j syn_flood
      -A FORWARD -i orc-in -m comment --comment "!fw3" -j zone_wan_forward
      -A FORWARD -m comment --comment "!fw3" -j reject
      -A reject -p tcp -m comment --comment "!fw3" -j REJECT --reject-with tcp-reset
      -A reject -m comment --comment "!fw3" -j REJECT --reject-with icmp-port-unreachable
      -A syn_flood -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m limit --limit 25/sec --limit-burst 50 -m comment --comment "!fw3" -j RETURN
      -A syn_flood -m comment --comment "!fw3" -j DROP
      -A zone_lan_dest_ACCEPT -o orc-out -m comment --comment "!fw3" -j ACCEPT
      -A zone_wan_dest_REJECT -o orc-in -j reject
      -A zone_wan_forward -j forwarding_wan_rule
      -A zone_wan_forward -p esp -m comment --comment "!fw3: Allow-IPSec-ESP" -j zone_lan_dest_ACCEPT
      -A zone_wan_forward -p udp -m udp --dport 500 -m comment --comment "!fw3: Allow-ISAKMP" -j zone_lan_dest_ACCEPT
      -A zone_wan_forward -p udp -m udp --dport 5060 -j zone_lan_dest_ACCEPT
      -A zone_wan_forward -m conntrack --ctstate DNAT -m comment --comment "!fw3: Accept port forwards" -j ACCEPT
      -A zone_wan_forward -j zone_wan_dest_REJECT`,
    )}`,
  ),
  file(
    "OpenWrt fw3: the router itself",
    table(
      "filter",
      `${CLOSED}\n${user("reject", "syn_flood", "zone_wan_input", "zone_wan_src_REJECT")}`,
      `-A INPUT -i lo -m comment --comment "!fw3" -j ACCEPT
      -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "!fw3" -j ACCEPT
      -A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m comment --comment "!fw3" -j syn_flood
      -A INPUT -i orc-in -m comment --comment "!fw3" -j zone_wan_input
      -A reject -p tcp -j REJECT --reject-with tcp-reset
      -A reject -j REJECT --reject-with icmp-port-unreachable
      -A syn_flood -m limit --limit 1/hour --limit-burst 2 -j RETURN
      -A syn_flood -j DROP
      -A zone_wan_input -p udp -m udp --dport 68 -j ACCEPT
      -A zone_wan_input -p icmp -m icmp --icmp-type 8 -j ACCEPT
      -A zone_wan_input -p igmp -j ACCEPT
      -A zone_wan_input -j zone_wan_src_REJECT
      -A zone_wan_src_REJECT -i orc-in -j reject`,
    ),
    INPUT,
  ),
  file(
    "CSF: floods, limits, portscans",
    table(
      "filter",
      `${CLOSED}\n${user("ALLOWIN", "DENYIN", "INVALID", "INVDROP", "LOCALINPUT", "LOGDROPIN", "SYNFLOOD", "PORTFLOOD", "CONNLIMIT")}`,
      `-A INPUT ! -i lo -j LOCALINPUT
      -A INPUT ! -i lo -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j SYNFLOOD
      -A INPUT ! -i lo -p tcp -j INVALID
      -A INPUT -p tcp -m tcp --dport 80 --tcp-flags FIN,SYN,RST,ACK SYN -m connlimit --connlimit-above 1 --connlimit-mask 32 --connlimit-saddr -j CONNLIMIT
      -A INPUT -p tcp -m tcp --dport 443 -m conntrack --ctstate NEW -m recent --update --seconds 300 --hitcount 2 --name 443 --mask 255.255.255.255 --rsource -j PORTFLOOD
      -A INPUT -p tcp -m tcp --dport 443 -m conntrack --ctstate NEW -m recent --set --name 443 --mask 255.255.255.255 --rsource
      -A INPUT ! -i lo -p icmp -m icmp --icmp-type 8 -m limit --limit 1/sec -j ACCEPT
      -A INPUT ! -i lo -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
      -A INPUT ! -i lo -p tcp -m conntrack --ctstate NEW -m tcp --dport 80 -j ACCEPT
      -A INPUT ! -i lo -p tcp -m conntrack --ctstate NEW -m tcp --dport 443 -j ACCEPT
      -A INPUT ! -i lo -p udp -m conntrack --ctstate NEW -m udp --dport 53 -j ACCEPT
      -A INPUT ! -i lo -j LOGDROPIN
      -A ALLOWIN -s 10.0.0.7/32 ! -i lo -j ACCEPT
      -A CONNLIMIT -p tcp -j REJECT --reject-with tcp-reset
      -A DENYIN -s 10.9.0.0/24 ! -i lo -j DROP
      -A INVALID -m conntrack --ctstate INVALID -j INVDROP
      -A INVALID -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j INVDROP
      -A INVALID -p tcp -m tcp --tcp-flags FIN,SYN FIN,SYN -j INVDROP
      -A INVALID -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j INVDROP
      -A INVDROP -m limit --limit 30/min -j LOG --log-prefix "Firewall: *INVALID* "
      -A INVDROP -j DROP
      -A LOCALINPUT ! -i lo -j ALLOWIN
      -A LOCALINPUT ! -i lo -j DENYIN
      -A LOGDROPIN -p tcp -m tcp --dport 23 -j DROP
      -A LOGDROPIN -p tcp -m limit --limit 30/min -j LOG --log-prefix "Firewall: *TCP_IN Blocked* "
      -A LOGDROPIN -p udp -m limit --limit 30/min -j LOG --log-prefix "Firewall: *UDP_IN Blocked* "
      -A LOGDROPIN -j DROP
      -A PORTFLOOD -m limit --limit 30/min -j LOG --log-prefix "Firewall: *Port Flood* "
      -A PORTFLOOD -j DROP
      -A SYNFLOOD -m limit --limit 1/hour --limit-burst 3 -j RETURN
      -A SYNFLOOD -j DROP`,
    ),
    { ...INPUT, ...SPACED },
  ),
  file(
    "port knocking",
    table(
      "filter",
      `${CLOSED}\n${user("knock1", "knock2")}`,
      `-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
      -A INPUT -p tcp -m tcp --dport 80 -m recent --rcheck --seconds 30 --name k2 --mask 255.255.255.255 --rsource -j ACCEPT
      -A INPUT -p udp -m udp --dport 5060 -m recent --rcheck --seconds 10 --name k1 --mask 255.255.255.255 --rsource -j knock2
      -A INPUT -p udp -m udp --dport 53 -j knock1
      -A INPUT -p tcp -m tcp --dport 443 -m recent --rcheck --seconds 30 --name k2 --mask 255.255.255.255 --rsource -j ACCEPT
      -A knock1 -m recent --set --name k1 --mask 255.255.255.255 --rsource -j DROP
      -A knock2 -m recent --remove --name k1 --mask 255.255.255.255 --rsource
      -A knock2 -m recent --set --name k2 --mask 255.255.255.255 --rsource -j DROP`,
    ),
    INPUT,
  ),
  file(
    "several providers: marks kept with the connection",
    table(
      "mangle",
      `${MANGLE}\n${user("balance")}`,
      `-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff
      -A PREROUTING -m mark ! --mark 0x0 -j ACCEPT
      -A PREROUTING -m conntrack --ctstate NEW -j balance
      -A PREROUTING -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff
      -A balance -m statistic --mode nth --every 2 --packet 0 -j MARK --set-xmark 0x1/0xffffffff
      -A balance -m mark --mark 0x0 -j MARK --set-xmark 0x2/0xffffffff
      -A POSTROUTING -m mark --mark 0x1
      -A POSTROUTING -m mark --mark 0x2
      -A POSTROUTING -m connmark --mark 0x1`,
    ),
  ),
  file(
    "a filter of texts",
    table(
      "filter",
      FILTER,
      `-A FORWARD -p tcp -m tcp --dport 21 -m string --string "PORT" --algo bm -j LOG
      -A FORWARD -p tcp -m string --string "noop" --algo kmp --icase --from 40 --to 80 -j DROP
      -A FORWARD -p udp -m udp --dport 53 -m string --hex-string "|03 64 6e 73|" --algo bm -j DROP
      -A FORWARD -m u32 --u32 "0x6&0xff=0x11&&0x0>>0x16&0x3c@0x0>>0x10=0x400:0x403"`,
    ),
  ),
  file(
    "untracked names, tracked rest, in three tables",
    `${table("raw", RAW, "-A PREROUTING -p udp -m udp --dport 53 -j CT --notrack\n-A PREROUTING -p tcp -m tcp --dport 25 -j DROP\n-A PREROUTING -p tcp -m tcp --dport 110 -j NOTRACK")}\n${table(
      "security",
      FILTER,
      "-A FORWARD -p icmp -j DROP\n-A FORWARD -m conntrack --ctstate UNTRACKED -j ACCEPT",
    )}\n${table(
      "filter",
      `:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]`,
      `-A FORWARD -m conntrack --ctstate UNTRACKED -j ACCEPT
      -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
      -A FORWARD -m conntrack --ctstate NEW -p tcp -m multiport --dports 80,443,1863 -j ACCEPT
      -A FORWARD -p icmp -m icmp --icmp-type 8 -j ACCEPT`,
    )}`,
  ),
];

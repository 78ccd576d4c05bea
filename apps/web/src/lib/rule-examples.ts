import { NO_RULES, type RuleSettings } from "../worker/messages";

/** Rulesets to begin with. */
export const EXAMPLES: readonly { readonly title: string; readonly rules: RuleSettings }[] = [
  {
    title: "Known connections, web and ping",
    rules: {
      ...NO_RULES,
      text: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate INVALID -j DROP
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW -j ACCEPT
-A FORWARD -p icmp -m icmp --icmp-type 8 -j ACCEPT
COMMIT
`,
    },
  },
  {
    title: "Chains of one's own",
    rules: {
      ...NO_RULES,
      text: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:fresh - [0:0]
:refuse - [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -m conntrack --ctstate NEW -j fresh
-A FORWARD -j refuse
-A fresh -p tcp -m tcp --dport 1:1024 --syn -j ACCEPT
-A fresh -p udp -m limit --limit 5/sec -j ACCEPT
-A refuse -p tcp -j REJECT --reject-with tcp-reset
-A refuse -j DROP
COMMIT
`,
    },
  },
  {
    title: "FTP with its helper",
    rules: {
      ...NO_RULES,
      text: `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED -m helper --helper ftp -j ACCEPT
-A FORWARD -p tcp -m tcp --dport 21 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
`,
    },
  },
];

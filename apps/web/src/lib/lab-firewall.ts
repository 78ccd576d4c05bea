// What the lab's firewall may be set to.
import { DEFAULT_SETTINGS, NO_RULES, type Settings } from "../worker/messages";

export const GUARDS = [
  { id: "open", title: "lets everything pass", rules: "" },
  {
    id: "answers",
    title: "only answers come in",
    rules: `*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate INVALID -j DROP
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 10.0.0.0/24 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
`,
  },
  {
    id: "ftp",
    title: "new connections to port 21 only",
    rules: `*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate INVALID -j DROP
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -p tcp --dport 21 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
`,
  },
] as const;

export type Guard = (typeof GUARDS)[number]["id"];

export function firewallSettings(guard: Guard, helper: boolean): Settings {
  const text = GUARDS.find(({ id }) => id === guard)?.rules ?? "";
  return { ...DEFAULT_SETTINGS, helpers: helper ? ["ftp"] : [], rules: { ...NO_RULES, text } };
}

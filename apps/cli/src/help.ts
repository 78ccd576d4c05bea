// What stands below the help of commands.

export const EXAMPLES = `  ctrack web.pcap                                    every packet, its state, and why one is INVALID
  tcpdump -i any -U -w - | ctrack -                  the same, live
  ctrack -o json web.pcapng.gz | jq 'select(.state == "INVALID")'
  ctrack web.pcap --filter 'state=INVALID and port 443'
  ctrack explain web.pcap 30                         one packet, step by step
  ctrack list web.pcap --at '#12'                    the table behind packet 12, as /proc/net/nf_conntrack
  ctrack diff web.pcap --to-sysctl nf_conntrack_tcp_loose=0   which packets change with that setting
  ctrack check rules.v4 rules.v6 web.pcap            which rule decides each packet, what all would count
  ctrack diff web.pcap --rules old.v4 --to-rules new.v4       which packets a new ruleset treats differently
  ctrack test firewall.yaml                          expectations of packets, for CI
  ctrack rules rules.v4                              check rules of iptables, print them as iptables-save does
  ctrack web.pcap -o none --sysctl nf_conntrack_tcp_be_liberal=1`;

export const EXIT_CODES = `Exit codes:
  0 done   1 a check or test found what it looks for   2 wrong usage   3 input could not be read`;

/** Three of each command. */
export const COMMAND_EXAMPLES: Readonly<Record<string, string>> = {
  track: `  ctrack web.pcap
  tcpdump -i any -U -w - | ctrack -
  ctrack track big.pcapng.zst -o json --workers auto`,
  list: `  ctrack list web.pcap
  ctrack list web.pcap --at '#12' -o extended,id
  ctrack list web.pcap --at +3.5 -o json`,
  events: `  ctrack events web.pcap
  ctrack events web.pcap -o timestamp,id
  ctrack events web.pcap --json`,
  explain: `  ctrack explain web.pcap 30
  ctrack explain a.pcap b.pcap 1200 --helper ftp
  ctrack explain web.pcap 30 --rules rules.v4 -o json`,
  stats: `  ctrack stats web.pcap
  ctrack stats web.pcap -o proc
  ctrack stats web.pcap --max 1000 --json`,
  diff: `  ctrack diff web.pcap --to-sysctl nf_conntrack_tcp_be_liberal=1
  ctrack diff web.pcap --rules old.v4 --to-rules new.v4 --by flow
  ctrack diff ftp.pcap --to-helper ftp -o json`,
  rules: `  ctrack rules rules.v4
  ctrack rules -6 rules.v6
  iptables-save | ctrack rules - -o json`,
  check: `  ctrack check rules.v4 web.pcap --iface eth0=203.0.113.1/24 --iface eth1=192.168.1.1/24
  ctrack check rules.v4 rules.v6 web.pcapng --by flow
  ctrack check rules.v4 web.pcap --trace 30 -v`,
  test: `  ctrack test firewall.yaml
  ctrack test tests/*.yaml -o junit > report.xml
  ctrack test firewall.yaml -o tap`,
  completion: `  eval "$(ctrack completion bash)"
  ctrack completion zsh > "\${fpath[1]}/_ctrack"
  ctrack completion fish > ~/.config/fish/completions/ctrack.fish`,
  man: "  ctrack man | man -l -",
};

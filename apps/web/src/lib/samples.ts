/** The captures beside the app. */
export const SAMPLES: readonly { readonly name: string; readonly title: string }[] = [
  { name: "tour", title: "A tour of all states" },
  { name: "handshake-to-close", title: "TCP from handshake to close" },
  { name: "out-of-window", title: "TCP out of its window: INVALID" },
  { name: "midstream", title: "TCP picked up in the middle" },
  { name: "connection-refused", title: "Connection refused" },
  { name: "udp-request-and-stream", title: "UDP: a request, then a stream" },
  { name: "pings", title: "Pings" },
  { name: "port-unreachable-and-traceroute", title: "ICMP errors: RELATED" },
  { name: "ftp-active", title: "FTP, active" },
  { name: "ftp-passive", title: "FTP, passive" },
  { name: "ftp-epsv", title: "FTP, extended passive" },
  { name: "tftp", title: "TFTP" },
  { name: "ipv6", title: "IPv6" },
];

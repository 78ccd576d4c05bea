#!/bin/bash
# Records the sample captures of this folder: real programs, real Linux, in network namespaces of their own.
#
#   client 192.168.1.5  ──── lan  router  wan ────  203.0.113.10 server
#     2001:db8:1::5          (captured on lan)      2001:db8:2::10
#
# Every sample NAME has a function sample_NAME below. It writes NAME.pcap, and NAME.kernel.txt with what the router's own
# connection tracking said meanwhile. No packet leaves the namespaces; they and all processes in them are gone at the end,
# however it ends.
set -euo pipefail
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C TZ=UTC

usage() {
  cat <<USAGE
usage: record.sh [-o FOLDER] [NAME...]     record these samples, or all (about two minutes)
       record.sh --list                    the names
       record.sh --versions                kernel and packages as README.md quotes them
       record.sh --packages                the Debian packages needed
Needs root and a kernel with netfilter. FOLDER is where the files go: by default the folder of this script.
USAGE
}

# command:package
NEEDED=(ip:iproute2 sysctl:procps ethtool:ethtool nft:nftables iptables:iptables conntrack:conntrack tcpdump:tcpdump tshark:tshark
  python3:python3 curl:curl nc:netcat-openbsd ping:iputils-ping traceroute:traceroute dig:bind9-dnsutils dnsmasq:dnsmasq-base
  vsftpd:vsftpd lftp:lftp tftp:tftp-hpa in.tftpd:tftpd-hpa)

SAMPLES=(tour handshake-to-close connection-refused out-of-window midstream udp-request-and-stream pings
  port-unreachable-and-traceroute ipv6 ftp-passive ftp-active ftp-epsv ftp-eprt
  ftp-session ftp-ipv6-epsv ftp-ipv6-eprt tftp tftp-put)

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CLIENT=192.168.1.5 SERVER=203.0.113.10
CLIENT6=2001:db8:1::5 SERVER6=2001:db8:2::10
PREFIX=samples-$$
TMP=

die() { echo "record.sh: $*" >&2; exit 1; }

# --- namespaces and processes ------------------------------------------------------------------------------------

inside() { local ns=$1; shift; ip netns exec "$PREFIX-$ns" "$@"; }
router() { inside router "$@"; }
# A program of the client: never longer than 20 s, its output kept for when something goes wrong.
client() { timeout --foreground 20 ip netns exec "$PREFIX-client" "$@" >>"$TMP/log" 2>&1; }
# A program of the server, or a recorder: in the background until the sample is over, at most a minute.
background() {
  local ns=$1; shift
  timeout 60 ip netns exec "$PREFIX-$ns" "$@" >>"$TMP/log" 2>&1 &
  disown # so that bash does not report how it ended
}

# True as soon as the command after the limit in tenths of a second is; false at the limit.
# (A bare `return` would give the status from before the trap when called from there.)
within() { local n=$1; shift; for ((; n > 0; n--)); do "$@" && return 0; sleep 0.1; done; return 1; }

namespaces() { ip netns list | awk -v p="$PREFIX-" 'index($1, p) == 1 { print $1 }'; }

empty() { [ -z "$(ip netns pids "$1")" ]; }

teardown() {
  local ns pids
  for ns in $(namespaces); do
    pids=$(ip netns pids "$ns")
    [ -z "$pids" ] || kill -KILL $pids 2>/dev/null || true
    within 30 empty "$ns" || echo "record.sh: processes $(ip netns pids "$ns" | xargs) of $ns do not end" >&2
    ip netns del "$ns"
  done
}

finish() {
  local code=$?
  trap '' INT TERM HUP
  teardown
  if [ -n "$TMP" ]; then
    if [ "$code" != 0 ] && [ "$code" -lt 128 ]; then
      echo "record.sh: failed; the last words of the programs:" >&2
      tail -n 15 "$TMP/log" >&2 || true
    fi
    rm -rf "$TMP"
  fi
  exit "$code"
}

# --- topology ----------------------------------------------------------------------------------------------------

namespace() {
  ip netns add "$PREFIX-$1"
  # IPv6 without what it says unasked: only the ipv6 sample switches it on.
  inside "$1" sysctl -qw net.ipv6.conf.{all,default}.disable_ipv6=1 \
    net.ipv6.conf.default.{accept_dad,accept_ra,router_solicitations}=0 \
    net.ipv6.conf.default.mldv2_unsolicited_report_interval=10
  inside "$1" ip link set lo up
}

# connect NS DEVICE MAC ADDRESS  NS DEVICE MAC ADDRESS: a cable; both ends know each other, so no ARP in the captures.
connect() {
  ip link add "$2" netns "$PREFIX-$1" address "$3" type veth peer name "$6" netns "$PREFIX-$5" address "$7"
  configure "$1" "$2" "$4" "${8%/*}" "$7"
  configure "$5" "$6" "$8" "${4%/*}" "$3"
}

configure() { # NS DEVICE ADDRESS PEER PEER-MAC
  local offload
  # Without this the captures had packets larger than the MTU and checksums not yet computed.
  for offload in tx rx sg tso gso gro; do inside "$1" ethtool -K "$2" "$offload" off >/dev/null 2>&1 || true; done
  inside "$1" ip address add "$3" dev "$2"
  inside "$1" ip link set "$2" up
  inside "$1" ip neigh add "$4" lladdr "$5" dev "$2" nud permanent
}

# topology [hop]: with `hop` another router stands between ours and the server.
topology() {
  local ns
  for ns in client router server "$@"; do namespace "$ns"; done
  connect client eth0 02:00:00:00:01:05 $CLIENT/24  router lan 02:00:00:00:01:01 192.168.1.1/24
  if [ $# = 0 ]; then
    connect router wan 02:00:00:00:02:01 203.0.113.1/24  server eth0 02:00:00:00:02:10 $SERVER/24
  else
    connect router wan 02:00:00:00:03:01 198.51.100.1/24  hop near 02:00:00:00:03:02 198.51.100.2/24
    connect hop far 02:00:00:00:02:01 203.0.113.1/24  server eth0 02:00:00:00:02:10 $SERVER/24
    router ip route add 203.0.113.0/24 via 198.51.100.2
    inside hop ip route add 192.168.1.0/24 via 198.51.100.1
    inside hop sysctl -qw net.ipv4.ip_forward=1
  fi
  inside client ip route add default via 192.168.1.1
  inside server ip route add default via 203.0.113.1
  router sysctl -qw net.ipv4.ip_forward=1
}

# The second address family, as it comes: neighbours are found by neighbour discovery.
topology6() {
  local ns
  for ns in client router server; do inside "$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=0; done
  router sysctl -qw net.ipv6.conf.all.forwarding=1
  inside client ip address add $CLIENT6/64 dev eth0
  router ip address add 2001:db8:1::1/64 dev lan
  router ip address add 2001:db8:2::1/64 dev wan
  inside server ip address add $SERVER6/64 dev eth0
  inside client ip route add default via 2001:db8:1::1
  inside server ip route add default via 2001:db8:2::1
  sleep 2 # until the multicast reports of the new addresses are through
}

# The router drops what it calls INVALID, as most firewalls do, and forwards the rest. The second table changes nothing: it
# writes down what connection tracking made of each packet, right behind it (priority -200).
firewall() {
  router nft -f - <<'NFT'
table inet firewall {
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state invalid counter drop
    ct state established,related counter accept
    ct state new counter accept
  }
}
table inet verdicts {
  chain say {
    ct state invalid log prefix "INVALID" group 9 queue-threshold 1
    ct state untracked log prefix "UNTRACKED" group 9 queue-threshold 1
    ct state new ct direction original log prefix "NEW original" group 9 queue-threshold 1
    ct state new ct direction reply log prefix "NEW reply" group 9 queue-threshold 1
    ct state established ct direction original log prefix "ESTABLISHED original" group 9 queue-threshold 1
    ct state established ct direction reply log prefix "ESTABLISHED reply" group 9 queue-threshold 1
    ct state related ct direction original log prefix "RELATED original" group 9 queue-threshold 1
    ct state related ct direction reply log prefix "RELATED reply" group 9 queue-threshold 1
  }
  chain arriving { type filter hook prerouting priority -199; jump say; }
  chain own { type filter hook output priority -199; jump say; }
}
NFT
}

helper() {
  local family
  for family in iptables ip6tables; do router $family -t raw -A PREROUTING -p "$2" --dport "$3" -j CT --helper "$1"; done
}

# --- recording ---------------------------------------------------------------------------------------------------

listening() { inside server ss -Hln "$1" "sport = :$2" | grep -q .; }
wait_for() { within 50 listening "$1" "$2" || die "nothing listens on port $2 of the server"; }
said() { grep -q "$1" "$2" 2>/dev/null; }
subscribers() { [ "$(router awk '$2 == 12' /proc/net/netlink | wc -l)" -ge "$1" ]; } # 12: NETLINK_NETFILTER

ended() { ! kill -0 "$1" 2>/dev/null; }

recorder() { # FILE FOR ITS STDOUT, command
  local out=$1; shift
  timeout 60 ip netns exec "$PREFIX-router" "$@" >"$out" 2>"$out.err" &
  RECORDERS+=($!)
  disown
}

record() {
  RECORDERS=()
  # Complaints of conntrack about single packets go to NFLOG group 0, in this namespace only.
  router sysctl -qw net.netfilter.nf_conntrack_log_invalid=255 net.netfilter.nf_log.2=nfnetlink_log net.netfilter.nf_log.10=nfnetlink_log
  recorder "$TMP/capture" tcpdump -Z root -U --immediate-mode -s 262144 -i lan -w "$TMP/capture.pcap"
  recorder "$TMP/nflog" tcpdump -Z root -U -B 65536 -i nflog:0,9 -w "$TMP/nflog.pcap"
  recorder "$TMP/events" conntrack -E -o timestamp
  recorder "$TMP/expectations" conntrack -E expect -o timestamp
  within 50 said 'listening on' "$TMP/capture.err" || die "tcpdump does not start"
  within 50 said 'listening on' "$TMP/nflog.err" || die "tcpdump does not start on nflog: is nfnetlink_log there?"
  within 50 subscribers 3 || die "conntrack -E does not start"
}

# End the recording; the table is read first, then one second passes until the kernel has handed out its last log records.
store() {
  local name=$1 read_at pid wrong
  sleep 0.3
  read_at=$(date +%s.%6N)
  router cat /proc/net/nf_conntrack >"$TMP/table"
  sleep 1.2
  for pid in "${RECORDERS[@]}"; do kill -INT "$pid" 2>/dev/null || true; done
  for pid in "${RECORDERS[@]}"; do within 50 ended "$pid" || die "a recorder does not end"; done
  grep -q '^0 packets dropped by kernel' "$TMP/capture.err" || die "tcpdump lost packets"

  {
    echo "# $name: what Linux $(uname -r | cut -d- -f1) said while $name.pcap was recorded ($(conntrack --version | cut -d' ' -f1-2))"
    echo
    echo "## packets: frame, ct state, direction, words of nf_conntrack_log_invalid"
    python3 "$HERE/verdicts.py" "$TMP/capture.pcap" "$TMP/nflog.pcap"
    echo
    echo "## events: conntrack -E -o timestamp"
    cat "$TMP/events"
    if [ -s "$TMP/expectations" ]; then
      echo
      echo "## expectations: conntrack -E expect -o timestamp"
      cat "$TMP/expectations"
    fi
    echo
    echo "## table: /proc/net/nf_conntrack at $read_at"
    cat "$TMP/table"
  } >"$TMP/kernel.txt" || die "could not write $name.kernel.txt"

  wrong=$(tshark -r "$TMP/capture.pcap" -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE \
    -Y 'ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0
      || icmp.checksum.status == 0 || icmpv6.checksum.status == 0' 2>>"$TMP/log" | wc -l)
  [ "$wrong" = 0 ] || die "$name: $wrong frames have wrong checksums"

  local shape_before='' shape_now
  [ ! -e "$FOLDER/$name.kernel.txt" ] || shape_before=$(shape "$FOLDER/$name.kernel.txt")
  shape_now=$(shape "$TMP/kernel.txt")
  mv "$TMP/capture.pcap" "$FOLDER/$name.pcap"
  mv "$TMP/kernel.txt" "$FOLDER/$name.kernel.txt"
  printf '%-38s %3d packets %6d bytes\n' "$name.pcap" "$(wc -l <<<"$shape_now")" "$(stat -c %s "$FOLDER/$name.pcap")"
  if [ -n "$shape_before" ] && [ "$shape_before" != "$shape_now" ]; then
    echo "  other states than in the recording it replaces: look after the frame numbers in README.md"
  fi
}

# Frame, state and direction of every packet: what stays the same from one recording to the next.
shape() { awk '/^## / { on = $2 == "packets:"; next } on && NF { print $1, $2, $3 }' "$1"; }

# --- servers -----------------------------------------------------------------------------------------------------

web_server() { # ADDRESS
  background server python3 -m http.server --protocol HTTP/1.1 --directory "$TMP/pub" --bind "$1" 80
  wait_for -t 80
}

name_server() {
  background server dnsmasq --keep-in-foreground --conf-file=/dev/null --pid-file= --user=root --no-resolv --no-hosts \
    --bind-interfaces --listen-address=$SERVER --log-facility=- --host-record=www.example.com,$SERVER,$SERVER6 "$@"
  wait_for -u 53
}

ftp_server() { # where it listens, as vsftpd.conf has it
  mkdir -p "$TMP/empty"
  cat >"$TMP/vsftpd.conf" <<CONF
background=NO
$1
anonymous_enable=YES
local_enable=NO
anon_root=$TMP/pub
secure_chroot_dir=$TMP/empty
connect_from_port_20=YES
pasv_min_port=50000
pasv_max_port=50099
xferlog_enable=NO
CONF
  background server vsftpd "$TMP/vsftpd.conf"
  wait_for -t 21
}

lines_server() { # PORT
  background server python3 "$HERE/peers.py" lines-server $SERVER "$1" "$TMP/go"
  wait_for -t "$1"
}

talk() { client python3 "$HERE/peers.py" talk $SERVER "$@"; }
must_fail() { ! "$@" || die "should have failed: $*"; }

# --- the samples -------------------------------------------------------------------------------------------------

sample_tour() {
  topology
  firewall
  name_server
  web_server $SERVER
  lines_server 7000
  record
  client ping -n -c 2 -i 0.5 $SERVER
  sleep 0.3
  client dig +tries=1 @$SERVER www.example.com A
  sleep 0.3
  client curl -sS http://$SERVER/hello.txt
  sleep 0.3
  must_fail client nc -z -w 2 $SERVER 81
  sleep 0.3
  must_fail client dig +tries=1 +timeout=2 @$SERVER -p 5300 www.example.com A
  sleep 0.3
  talk 7000 say:hello forge:seq-too-high say:"still there"
}

sample_handshake-to-close() {
  topology
  firewall
  web_server $SERVER
  record
  client curl -sS http://$SERVER/hello.txt
}

sample_connection-refused() {
  topology
  firewall
  record
  must_fail client nc -z -w 2 $SERVER 81
  sleep 0.3
  must_fail client nc -z -w 2 $SERVER 8080
}

sample_out-of-window() {
  topology
  firewall
  lines_server 7000
  record
  talk 7000 say:one forge:seq-too-high say:two forge:seq-too-low say:three forge:ack-too-high say:four forge:rst-below-ack say:five
}

# Two connections are open before the router tracks anything. Of the first the client's next packet is seen first, of the
# second the server's.
sample_midstream() {
  topology
  lines_server 7000
  lines_server 7001
  talk 7000 say:before made:"$TMP/ready1" until:"$TMP/go1" say:one say:two say:three &
  local first=$!
  talk 7001 say:before ask:"later news" made:"$TMP/ready2" hear say:thanks &
  local second=$!
  within 50 test -e "$TMP/ready1" -a -e "$TMP/ready2" || die "the connections were not made"
  sleep 0.3
  record
  firewall
  touch "$TMP/go1"
  wait $first
  sleep 0.3
  touch "$TMP/go"
  wait $second
}

sample_udp-request-and-stream() {
  topology
  firewall
  name_server
  background server python3 "$HERE/peers.py" echo-server $SERVER 5004
  wait_for -u 5004
  record
  client dig +tries=1 @$SERVER www.example.com A
  sleep 0.3
  client python3 "$HERE/peers.py" stream $SERVER 5004 6 0.6
}

sample_pings() {
  topology
  firewall
  inside client ip neigh flush nud permanent dev eth0
  router ip neigh flush nud permanent dev lan
  record
  client ping -n -c 3 -i 0.2 $SERVER
  sleep 0.2
  client ping -n -e 1001 -c 3 -i 0.4 $SERVER & local first=$!
  sleep 0.2
  client ping -n -e 1002 -c 3 -i 0.4 $SERVER & local second=$!
  wait $first
  wait $second
  client python3 "$HERE/peers.py" stray-echo-reply $CLIENT $SERVER
}

sample_port-unreachable-and-traceroute() {
  topology hop
  firewall
  record
  must_fail client dig +tries=1 +timeout=2 @$SERVER -p 5300 www.example.com A
  sleep 0.3
  client traceroute -n -q 1 -N 1 -w 2 -m 5 $SERVER
}

sample_ipv6() {
  topology
  topology6
  firewall
  web_server $SERVER6
  record
  client ping -6 -n -c 2 -i 0.3 $SERVER6
  sleep 0.3
  client curl -sS "http://[$SERVER6]/hello.txt"
}

ftp_sample() { # client's command
  topology
  firewall
  helper ftp tcp 21
  ftp_server "listen=YES
listen_address=$SERVER"
  record
  client "$@"
}

ftp6_sample() {
  topology
  topology6
  firewall
  helper ftp tcp 21
  ftp_server "listen=NO
listen_ipv6=YES
listen_address6=$SERVER6"
  record
  client "$@"
}

sample_ftp-passive() { ftp_sample curl -sS --disable-epsv ftp://$SERVER/hello.txt; }
sample_ftp-active() { ftp_sample curl -sS --ftp-port - --disable-eprt ftp://$SERVER/hello.txt; }
sample_ftp-epsv() { ftp_sample curl -sS ftp://$SERVER/hello.txt; }
sample_ftp-eprt() { ftp_sample curl -sS --ftp-port - ftp://$SERVER/hello.txt; }
sample_ftp-ipv6-epsv() { ftp6_sample curl -sS "ftp://[$SERVER6]/hello.txt"; }
sample_ftp-ipv6-eprt() { ftp6_sample curl -sS --ftp-port - "ftp://[$SERVER6]/hello.txt"; }

# One control connection, four data connections: two passive, then two announced by PORT.
sample_ftp-session() {
  ftp_sample lftp -c "set net:max-retries 1; open ftp://$SERVER; cls; cat hello.txt; set ftp:passive-mode no; cat hello.txt; cat poem.txt"
}

sample_tftp() {
  topology
  firewall
  helper tftp udp 69
  name_server --enable-tftp --tftp-root="$TMP/pub"
  record
  client curl -sS --tftp-no-options tftp://$SERVER/poem.txt
}

sample_tftp-put() {
  topology
  firewall
  helper tftp udp 69
  touch "$TMP/pub/upload.txt"
  chmod 666 "$TMP/pub/upload.txt"
  background server in.tftpd --foreground --ipv4 --user root --secure --address $SERVER:69 "$TMP/pub"
  wait_for -u 69
  record
  client tftp -4 -m binary $SERVER -c put "$TMP/pub/poem.txt" upload.txt
  client tftp -4 -m binary $SERVER -c get hello.txt /dev/null
}

# --- main --------------------------------------------------------------------------------------------------------

versions() {
  local entry packages=()
  for entry in "${NEEDED[@]}"; do packages+=("${entry#*:}"); done
  echo "Linux $(uname -r | cut -d- -f1) ($(uname -m)), Debian $(cat /etc/debian_version), $(date +%F)"
  dpkg-query -W -f '${Package} ${Version}\n' "${packages[@]}"
}

FOLDER=$HERE
names=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit ;;
    --list) printf '%s\n' "${SAMPLES[@]}"; exit ;;
    --packages) printf '%s\n' "${NEEDED[@]#*:}"; exit ;;
    --versions) versions; exit ;;
    -o) [ $# -ge 2 ] || { usage >&2; exit 2; }; FOLDER=$2; shift ;;
    -*) usage >&2; exit 2 ;;
    *) [[ " ${SAMPLES[*]} " == *" $1 "* ]] || { echo "record.sh: no sample is called $1; see --list" >&2; exit 2; }; names+=("$1") ;;
  esac
  shift
done
[ ${#names[@]} -gt 0 ] || names=("${SAMPLES[@]}")

missing=()
for entry in "${NEEDED[@]}"; do command -v "${entry%%:*}" >/dev/null || missing+=("${entry#*:}"); done
[ ${#missing[@]} = 0 ] || die "missing; on Debian: apt-get install ${missing[*]}"
[ "$(id -u)" = 0 ] || die "needs root: it makes network namespaces"
[ -d "$FOLDER" ] || die "no folder $FOLDER"
for module in nf_conntrack nf_conntrack_netlink nfnetlink_log nf_conntrack_ftp nf_conntrack_tftp xt_CT; do
  modprobe -q "$module" 2>/dev/null || true # may be built in; what is missing in earnest shows up below
done

trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
TMP=$(mktemp -d)
chmod 755 "$TMP"
mkdir "$TMP/pub"
echo "Hello from the server." >"$TMP/pub/hello.txt"
for line in $(seq 25); do echo "Line $line of a text long enough for three TFTP blocks."; done >"$TMP/pub/poem.txt"

for name in "${names[@]}"; do
  rm -f "$TMP"/{go,go1,ready1,ready2}
  echo "--- $name" >>"$TMP/log"
  "sample_$name"
  store "$name"
  teardown
done

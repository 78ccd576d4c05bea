// From a link-layer frame to its IP packet: the address of the IP header, and which family it says it is.
// Link types are the LINKTYPE_ numbers of https://www.tcpdump.org/linktypes.html.
import { REASON_LINK_SHORT, REASON_LINK_UNKNOWN, REASON_NOT_IP } from "../abi";
import { be16, be32 } from "../bytes";

/** Result of findIp(): offset of the IP header in the frame. */
export let ipOffset: u32 = 0;
/** Its family: 4, 6, or 0 when only the version field can tell. */
export let ipFamily: u32 = 0;

const ETHERTYPE_IPV4: u32 = 0x0800;
const ETHERTYPE_IPV6: u32 = 0x86dd;
const PPP_IPV4: u32 = 0x0021;
const PPP_IPV6: u32 = 0x0057;
const PPP_MPLS: u32 = 0x0281;

function found(offset: u32, family: u32): u32 {
  ipOffset = offset;
  ipFamily = family;
  return 0;
}

/** Walks the link layer of a frame of `n` captured bytes; 0, or the reason why there is no IP packet in it. */
export function findIp(link: u32, p: usize, n: u32): u32 {
  switch (link) {
    case 1: // Ethernet
      if (n < 14) return REASON_LINK_SHORT;
      return byEthertype(be16(p, 12), p, 14, n);
    case 101: // raw IP, and its older numbers
    case 12:
    case 14:
      return found(0, 0);
    case 228:
      return found(0, 4);
    case 229:
      return found(0, 6);
    case 113: // Linux cooked, v1: type 2, hardware 2, address length 2, address 8, protocol 2
      if (n < 16) return REASON_LINK_SHORT;
      return byEthertype(be16(p, 14), p, 16, n);
    case 276: // Linux cooked, v2: protocol 2, reserved 2, interface 4, hardware 2, type 1, address length 1, address 8
      if (n < 20) return REASON_LINK_SHORT;
      return byEthertype(be16(p), p, 20, n);
    case 0: // BSD loopback: family in the byte order of the machine that captured
      if (n < 4) return REASON_LINK_SHORT;
      return byBsdFamily(min<u32>(load<u32>(p), be32(p)), 4);
    case 108: // OpenBSD loopback: family in network order
      if (n < 4) return REASON_LINK_SHORT;
      return byBsdFamily(be32(p), 4);
    case 9: // PPP, with or without HDLC framing
    case 50:
      return ppp(p, 0, n);
    case 51: // PPPoE session
      return pppoe(p, 0, n);
    case 104: // Cisco HDLC: address, control, ethertype
      if (n < 4) return REASON_LINK_SHORT;
      return byEthertype(be16(p, 2), p, 4, n);
    case 6: // IEEE 802.5
      return tokenRing(p, n);
    case 10: // FDDI: frame control, destination, source; frames with data are those of LLC
      if (n < 13) return REASON_LINK_SHORT;
      return (load<u8>(p) & 0xf0) == 0x50 ? llc(p, 13, n) : REASON_NOT_IP;
    case 107: // Frame Relay
      return frameRelay(p, n);
    case 109: // OpenBSD, behind IPsec: family in the byte order of the machine that captured, SPI, flags
      if (n < 12) return REASON_LINK_SHORT;
      return byBsdFamily(min<u32>(load<u32>(p), be32(p)), 12);
    case 117: // OpenBSD's pflog: length, family, …; padded to 4
      if (n < 2) return REASON_LINK_SHORT;
      return pflog(p, n);
    case 105: // IEEE 802.11
      return ieee80211(p, 0, n);
    case 119: // with the header of Prism, 144 bytes, or that of AVS in its place
    case 163:
      if (n < 8) return REASON_LINK_SHORT;
      return ieee80211(p, be32(p) >> 12 == 0x80211 ? min<u32>(be32(p, 4), n) : 144, n);
    case 127: // radiotap: version, pad, length u16 little-endian
      if (n < 4) return REASON_LINK_SHORT;
      return ieee80211(p, load<u16>(p, 2), n);
    case 192: // PPI: version, flags, length u16, link type u32 of what follows, both little-endian
      if (n < 8) return REASON_LINK_SHORT;
      return load<u32>(p, 4) == 105 ? ieee80211(p, load<u16>(p, 2), n) : REASON_LINK_UNKNOWN;
    case 239: // NFLOG
      return nflog(p, n);
    default:
      return REASON_LINK_UNKNOWN;
  }
}

// The smaller of both byte orders is the family: families are small numbers.
function byBsdFamily(family: u32, at: u32): u32 {
  switch (family) {
    case 2:
      return found(at, 4);
    case 10: // Linux
    case 24: // NetBSD, OpenBSD
    case 28: // FreeBSD
    case 30: // macOS
      return found(at, 6);
    default:
      return REASON_NOT_IP;
  }
}

// `at` is the offset behind the type field.
function byEthertype(type: u32, p: usize, at: u32, n: u32): u32 {
  for (;;) {
    switch (type) {
      case ETHERTYPE_IPV4:
        return found(at, 4);
      case ETHERTYPE_IPV6:
        return found(at, 6);
      case 0x8100: // 802.1Q, 802.1ad and what came before it
      case 0x88a8:
      case 0x9100:
      case 0x9200:
        if (n < at + 4) return REASON_LINK_SHORT;
        type = be16(p, at + 2);
        at += 4;
        break;
      case 0x8847:
      case 0x8848:
        return mpls(p, at, n);
      case 0x8864:
        return pppoe(p, at, n);
      default:
        if (type > 1500) return REASON_NOT_IP;
        return llc(p, at, n);
    }
  }
  return REASON_NOT_IP;
}

// IEEE 802.2 with SNAP: AA AA 03, organisation 0, ethertype.
function llc(p: usize, at: u32, n: u32): u32 {
  if (n < at + 8) return REASON_LINK_SHORT;
  if (be32(p, at) != 0xaaaa0300 || load<u16>(p + at, 4) != 0) return REASON_NOT_IP;
  const type = be16(p, at + 6);
  return type > 1500 ? byEthertype(type, p, at + 8, n) : REASON_NOT_IP;
}

function pflog(p: usize, n: u32): u32 {
  const at = (<u32>load<u8>(p) + 3) & ~3;
  return n < at ? REASON_LINK_SHORT : byBsdFamily(load<u8>(p, 1), at);
}

// Access control, frame control, destination, source; a source whose first bit is set is followed by a route, whose first
// five bits of length count it whole. Frames with data are those of LLC.
function tokenRing(p: usize, n: u32): u32 {
  if (n < 14) return REASON_LINK_SHORT;
  if ((load<u8>(p, 1) & 0xc0) != 0x40) return REASON_NOT_IP;
  if ((load<u8>(p, 8) & 0x80) == 0) return llc(p, 14, n);
  if (n < 16) return REASON_LINK_SHORT;
  return llc(p, 14 + (<u32>load<u8>(p, 14) & 0x1f), n);
}

// RFC 2427: an address of two to four bytes, whose last one has bit 0; control 3, padding, then the NLPID of IP, or that of SNAP.
// Cisco puts an ethertype behind the address.
function frameRelay(p: usize, n: u32): u32 {
  let at: u32 = 0;
  do {
    if (at == 4 || at >= n) return at == 4 ? REASON_NOT_IP : REASON_LINK_SHORT;
  } while ((load<u8>(p + at++) & 1) == 0);
  if (n < at + 2) return REASON_LINK_SHORT;
  if (load<u8>(p + at) != 3) return byEthertype(be16(p, at), p, at + 2, n);
  ++at;
  if (load<u8>(p + at) == 0) ++at;
  if (n <= at) return REASON_LINK_SHORT;
  switch (load<u8>(p + at)) {
    case 0xcc:
      return found(at + 1, 4);
    case 0x8e:
      return found(at + 1, 6);
    case 0x80: // SNAP: organisation, ethertype
      if (n < at + 6) return REASON_LINK_SHORT;
      if (be32(p, at) != 0x80000000) return REASON_NOT_IP;
      return byEthertype(be16(p, at + 4), p, at + 6, n);
    default:
      return REASON_NOT_IP;
  }
}

// RFC 3032: labels of 4 bytes, bit 8 marks the last; then the version field tells.
function mpls(p: usize, at: u32, n: u32): u32 {
  for (;;) {
    if (n < at + 4) return REASON_LINK_SHORT;
    const label = be32(p, at);
    at += 4;
    if (label & 0x100) break;
  }
  if (n <= at) return REASON_LINK_SHORT;
  const version = load<u8>(p + at) >> 4;
  return version == 4 || version == 6 ? found(at, version) : REASON_NOT_IP;
}

// RFC 2516: version/type, code, session, length; code 0 carries PPP.
function pppoe(p: usize, at: u32, n: u32): u32 {
  if (n < at + 6) return REASON_LINK_SHORT;
  return load<u8>(p + at, 1) == 0 ? ppp(p, at + 6, n) : REASON_NOT_IP;
}

// RFC 1661, RFC 1662: optional FF 03; a protocol whose first byte is odd is compressed to that byte.
function ppp(p: usize, at: u32, n: u32): u32 {
  if (n >= at + 2 && be16(p, at) == 0xff03) at += 2;
  if (n < at + 2) return REASON_LINK_SHORT;
  let protocol = <u32>load<u8>(p + at);
  if (protocol & 1) at += 1;
  else {
    protocol = be16(p, at);
    at += 2;
  }
  if (protocol == PPP_IPV4) return found(at, 4);
  if (protocol == PPP_IPV6) return found(at, 6);
  return protocol == PPP_MPLS ? mpls(p, at, n) : REASON_NOT_IP;
}

// Data frames: 24 bytes of header, 6 more between two access points, 2 for QoS, 4 for HT control; then LLC.
function ieee80211(p: usize, at: u32, n: u32): u32 {
  if (n < at + 24) return REASON_LINK_SHORT;
  const control = <u32>load<u16>(p + at);
  if ((control & 0x0c) != 0x08 || control & 0x4040) return REASON_NOT_IP; // not data, no payload, or encrypted
  let header: u32 = 24;
  if ((control & 0x0300) == 0x0300) header += 6;
  if (control & 0x80) header += control & 0x8000 ? 6 : 2;
  return llc(p, at + header, n);
}

// NFLOG: family u8, version u8, resource u16, then TLVs: length u16, type u16 (host order), value, padded to 4.
function nflog(p: usize, n: u32): u32 {
  if (n < 4) return REASON_LINK_SHORT;
  const family = load<u8>(p);
  let at: u32 = 4;
  while (at + 4 <= n) {
    const length = <u32>load<u16>(p + at);
    if (length < 4) break;
    if ((load<u16>(p + at, 2) & 0x7fff) == 9) return family == 2 ? found(at + 4, 4) : family == 10 ? found(at + 4, 6) : REASON_NOT_IP;
    at += (length + 3) & ~3;
  }
  return REASON_NOT_IP;
}

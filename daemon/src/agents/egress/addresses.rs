//! Which addresses are public. An allow-list for IPv6, the special-purpose registry of IANA for IPv4.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one that strangers may name: globally routable unicast, in no special-purpose block.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_public_v4(mapped),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0                                    // this network
        || a == 10                              // private
        || (a == 100 && (64..128).contains(&b)) // carrier-grade NAT
        || a == 127                             // loopback
        || (a == 169 && b == 254)               // link local, cloud metadata
        || (a == 172 && (16..32).contains(&b))  // private
        || (a == 192 && b == 0 && c == 0)       // protocol assignments
        || (a == 192 && b == 0 && c == 2)       // documentation
        || (a == 192 && b == 31 && c == 196)    // AS112
        || (a == 192 && b == 52 && c == 193)    // AMT
        || (a == 192 && b == 88 && c == 99)     // 6to4 relay
        || (a == 192 && b == 168)               // private
        || (a == 192 && b == 175 && c == 48)    // AS112
        || (a == 198 && (18..20).contains(&b))  // benchmarks
        || (a == 198 && b == 51 && c == 100)    // documentation
        || (a == 203 && b == 0 && c == 113)     // documentation
        || a >= 224) // multicast, reserved, broadcast
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // 2000::/3 is all that is given out; these blocks of it are not for the public.
    (a & 0xe000) == 0x2000
        && !(a == 0x2001 && b < 0x0200) // 2001::/23: Teredo, benchmarks, ORCHID
        && !(a == 0x2001 && b == 0x0db8) // documentation
        && a != 0x2002 // 6to4: carries any IPv4 address
        && !(a == 0x3fff && b < 0x1000) // documentation
}

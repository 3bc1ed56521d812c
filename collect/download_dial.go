package collect

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// specialBlocks are the blocks that are not the public Internet, beyond those that net/netip knows
// (private, loopback, link-local, unique local, multicast). Source: IANA's registries of
// special-purpose addresses for IPv4 and IPv6.
func specialBlocks() []string {
	return []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b:1::/48", "100::/64", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10",
	}
}

// carried is the IPv4 address that an IPv6 address stands for, if it does: mapped, compatible
// (RFC 4291), translated (RFC 6052), of 6to4 (RFC 3056) or of Teredo (RFC 4380).
func carried(ip netip.Addr) (netip.Addr, bool) {
	if ip.Is4In6() {
		return ip.Unmap(), true
	}
	if !ip.Is6() {
		return ip, false
	}
	b := ip.As16()
	within := func(prefix string) bool { return netip.MustParsePrefix(prefix).Contains(ip.WithZone("")) }
	switch {
	case within("::/96") && binary.BigEndian.Uint32(b[12:]) > 1, within("64:ff9b::/96"):
		return netip.AddrFrom4([4]byte(b[12:])), true
	case within("2002::/16"):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	case within("2001::/32"):
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}), true
	}
	return ip, false
}

// dialable says whether a presigned download may go to an address. It is asked of each
// address as it is dialled, after all look-ups: what a name meant before does not count.
func dialable(address string, allow []netip.Prefix) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s", errPrivate, address)
	}
	ip := ap.Addr().Unmap()
	for _, p := range allow {
		if p.Contains(ip.WithZone("")) {
			return nil
		}
	}
	means, _ := carried(ip)
	for _, ip := range []netip.Addr{ip, means} {
		if !public(ip) {
			return fmt.Errorf("%w: %s", errPrivate, ap.Addr())
		}
	}
	return nil
}

// public says whether an address is one of the public Internet.
func public(ip netip.Addr) bool {
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLinkLocalUnicast() {
		return false
	}
	for _, block := range specialBlocks() {
		if netip.MustParsePrefix(block).Contains(ip.WithZone("")) {
			return false
		}
	}
	return true
}

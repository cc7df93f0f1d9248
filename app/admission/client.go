package admission

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Client is whom limits are counted for: an IPv4 address or an IPv6 /64, which is what
// one subscriber gets. The zero Client is all those whose address is not known.
type Client struct{ prefix netip.Prefix }

// String returns the prefix of a client.
func (c Client) String() string { return c.prefix.String() }

// ClientAt returns the client at an address HOST:PORT.
func ClientAt(address string) Client {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return Client{}
	}
	return clientOf(ap.Addr())
}

func clientOf(a netip.Addr) Client {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return Client{}
	}
	return Client{p}
}

// ErrProxies is returned for proxies that are none.
var ErrProxies = errors.New("not an address or prefix of a proxy")

// Proxies are those whose X-Forwarded-For is believed. The empty Proxies believe nobody.
type Proxies []netip.Prefix

// ParseProxies reads addresses and prefixes, such as 127.0.0.1 and 10.1.0.0/16.
func ParseProxies(list []string) (Proxies, error) {
	if len(list) > maxProxies {
		return nil, fmt.Errorf("%w: %d of them, at most %d", ErrProxies, len(list), maxProxies)
	}
	var out Proxies
	for _, s := range list {
		a, err := netip.ParseAddr(s)
		p := netip.PrefixFrom(a, a.BitLen())
		if err != nil {
			p, err = netip.ParsePrefix(s)
		}
		if err != nil || p.Addr().Is4In6() || a.Zone() != "" {
			return nil, fmt.Errorf("%w: %q", ErrProxies, s)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func (p Proxies) include(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(p, func(proxy netip.Prefix) bool { return proxy.Contains(a) })
}

// includeAt reports whether an address HOST:PORT is that of a proxy.
func (p Proxies) includeAt(address string) bool {
	ap, err := netip.ParseAddrPort(address)
	return err == nil && p.include(ap.Addr())
}

// Client returns whose request it is: the address that sent it, or, if that is a
// proxy's, the last one in X-Forwarded-For that is no proxy's. Each proxy adds the
// address it was asked from on the right; what stands left of the first one that is no
// proxy's is what a stranger wrote.
func (p Proxies) Client(r *http.Request) Client {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return Client{}
	}
	client := from.Addr()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for range maxForwarded {
		if !p.include(client) || len(hops) == 0 {
			break
		}
		next, ok := parseHop(hops[len(hops)-1])
		if !ok {
			break // the proxy does not say: its own share has to do
		}
		client, hops = next, hops[:len(hops)-1]
	}
	return clientOf(client)
}

// parseHop reads one address of X-Forwarded-For, which some proxies write with a port.
func parseHop(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a, true
	}
	host, _, err := net.SplitHostPort(s)
	if err != nil {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(host)
	return a, err == nil
}

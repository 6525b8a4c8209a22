# Sourced by scripts/try: a router, an "internet" and two phones in network namespaces, and this machine as one more
# client over a veth. Nothing of this machine's own network is changed: one device, its address and a route to the
# lab's "internet" appear, and go again.
#
#   phone1 eth0 ─┐
#   phone2 eth0 ─┼─ br-lan [router] wan ──── eth0 [internet]
#   tpk-try ─────┘
#
# 198.18.0.0/15 is for measurements between networks (RFC 2544): nobody's real network.

readonly LAB=turnpike-try
readonly ROUTER=$LAB-router INTERNET=$LAB-internet PHONE1=$LAB-phone1 PHONE2=$LAB-phone2
readonly VETH=tpk-try
readonly LAN4=198.18.77 LAN6=fd54:7077 NET4=198.19.77 NET6=fd54:7078
# shellcheck disable=SC2034 # scripts/try reads it
readonly PORTAL_PORT=2050

# in_ns NAMESPACE COMMAND…
in_ns() {
    local space=$1
    shift
    ip netns exec "$space" "$@"
}

# lab_down: removes all of it, whatever there is of it.
lab_down() {
    local space pid
    for space in "$ROUTER" "$INTERNET" "$PHONE1" "$PHONE2"; do
        [ -e "/run/netns/$space" ] || continue
        for pid in $(ip netns pids "$space" 2>/dev/null); do
            kill -9 "$pid" 2>/dev/null || true
        done
        ip netns delete "$space" 2>/dev/null || true
    done
    # Normally gone with its peer.
    ip link delete "$VETH" 2>/dev/null || true
}

# settle NAMESPACE FORWARDS: addresses usable at once; forwarding as told.
settle() {
    in_ns "$1" sysctl -q -w net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
        net.ipv4.ip_forward="$2" net.ipv6.conf.all.forwarding="$2" \
        net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
    ip -n "$1" link set lo up
}

# phone_up NAMESPACE NUMBER
phone_up() {
    ip link add "p$2" netns "$ROUTER" type veth peer name eth0 netns "$1"
    ip -n "$ROUTER" link set "p$2" master br-lan up
    ip -n "$1" -batch - <<END
link set eth0 address 02:54:70:00:00:1$2 up
address add $LAN4.1$2/24 dev eth0
address add $LAN6::1$2/64 dev eth0 nodad
route add default via $LAN4.1
route add default via $LAN6::1
END
}

# lab_up: the network, with nothing running in it yet.
lab_up() {
    local space
    for space in "$ROUTER" "$INTERNET" "$PHONE1" "$PHONE2"; do
        ip netns add "$space"
    done
    settle "$ROUTER" 1
    settle "$INTERNET" 0
    settle "$PHONE1" 0
    settle "$PHONE2" 0
    ip link add wan netns "$ROUTER" type veth peer name eth0 netns "$INTERNET"
    ip -n "$ROUTER" -batch - <<END
link add br-lan address 02:54:70:00:00:01 type bridge forward_delay 0 mcast_snooping 0
link set br-lan up
link set wan up
address add $LAN4.1/24 dev br-lan
address add $LAN6::1/64 dev br-lan nodad
address add $NET4.2/24 dev wan
address add $NET6::2/64 dev wan nodad
route add default via $NET4.1
route add default via $NET6::1
END
    ip -n "$INTERNET" -batch - <<END
link set eth0 up
address add $NET4.1/24 dev eth0
address add $NET6::1/64 dev eth0 nodad
route add $LAN4.0/24 via $NET4.2
route add $LAN6::/64 via $NET6::2
END
    phone_up "$PHONE1" 1
    phone_up "$PHONE2" 2
    # A firewall beside Turnpike's, as a real router has one.
    in_ns "$ROUTER" nft -f - <<'END'
table inet firewall {
  chain srcnat {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "wan" meta nfproto ipv4 masquerade
  }
}
END
}

# join_machine: this machine becomes a client. No IPv6 on its veth: a router's advertisement must not reach it.
join_machine() {
    ip link add "$VETH" type veth peer name p0 netns "$ROUTER"
    if [ -e "/proc/sys/net/ipv6/conf/$VETH/disable_ipv6" ]; then
        echo 1 >"/proc/sys/net/ipv6/conf/$VETH/disable_ipv6"
    fi
    ip -n "$ROUTER" link set p0 master br-lan up
    ip address add "$LAN4.2/24" dev "$VETH"
    ip link set "$VETH" up
    ip route add "$NET4.0/24" via "$LAN4.1" dev "$VETH"
}

# lab_free: whether nothing on this machine uses the lab's addresses.
lab_free() {
    ! ip -4 route show | grep -qE '^198\.(18|19)\.77\.'
}

# services_up DIR: the internet's web page and iperf3, the router's name server.
services_up() {
    mkdir "$1/www"
    printf '<!doctype html><title>The internet</title><h1>You are online</h1><p>This page is on the far side.\n' \
        >"$1/www/index.html"
    truncate -s 200M "$1/www/large"
    # In subshells: no jobs of this shell, so that it keeps quiet when they are killed.
    (ip netns exec "$INTERNET" python3 -m http.server 80 --bind :: --directory "$1/www" >"$1/www.log" 2>&1 &)
    (ip netns exec "$INTERNET" iperf3 -s >"$1/iperf3.log" 2>&1 &)
    (ip netns exec "$ROUTER" dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --user=root \
        --pid-file="$1/dnsmasq.pid" --log-facility="$1/dnsmasq.log" --bind-dynamic --except-interface=wan \
        "--address=/#/$NET4.1" "--address=/#/$NET6::1" &)
}

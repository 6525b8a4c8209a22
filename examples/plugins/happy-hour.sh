#!/bin/sh
# Gives an hour to whoever asks during the happy hour. POSIX shell and jq.
#
#   [[plugin]]
#   name = "happy-hour"
#   command = ["/usr/lib/turnpike/happy-hour.sh"]
#   permissions = ["register_handler"]
#   env = { FROM = "17", UNTIL = "19" }

FROM=${FROM:-17}
UNTIL=${UNTIL:-19}
SECS=${SECS:-3600}

# The hour of the local day, without a leading zero: 08 would be read as an octal number.
hour() {
    now=$(date +%H)
    echo "${now#0}"
}

answer() { # ID RESULT
    printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$1" "$2"
}

echo '{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":1,"name":"happy-hour"}}'
echo '{"jsonrpc":"2.0","id":2,"method":"provider.register","params":{"name":"happy-hour","title":"Happy hour","button":"Go online","text":"Free from '"$FROM"' to '"$UNTIL"' o'\''clock."}}'

# Turnpike closes this stream when it stops us; the loop ends with it.
jq --unbuffered -r 'select(.method and .id) | "\(.id) \(.method)"' | while read -r id method; do
    case $method in
    ping) answer "$id" '{}' ;;
    portal.submit)
        now=$(hour)
        if [ "$now" -ge "$FROM" ] && [ "$now" -lt "$UNTIL" ]; then
            answer "$id" '{"grant": {"kind": "time", "time_secs": '"$SECS"', "properties": {"Offer": "happy-hour"}}}'
        else
            answer "$id" '{"refuse": {"text": "Happy hour is from '"$FROM"' to '"$UNTIL"' o'\''clock."}}'
        fi
        ;;
    *) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"not needed here"}}\n' "$id" ;;
    esac
done

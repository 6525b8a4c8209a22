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
    jq -cn --argjson id "$1" --argjson result "$2" '{jsonrpc: "2.0", id: $id, result: $result}'
}

refuse() { # ID
    jq -cn --argjson id "$1" '{jsonrpc: "2.0", id: $id, error: {code: -32601, message: "not needed here"}}'
}

echo '{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":1,"name":"happy-hour"}}'
echo '{"jsonrpc":"2.0","id":2,"method":"provider.register","params":{"name":"happy-hour","title":"Happy hour","button":"Go online","text":"Free from '"$FROM"' to '"$UNTIL"' o'\''clock."}}'

# Turnpike closes this stream when it stops us; the loop ends with it.
while read -r line; do
    method=$(printf '%s\n' "$line" | jq -r '.method // empty')
    id=$(printf '%s\n' "$line" | jq -c '.id // null')
    [ -n "$method" ] || continue
    [ "$id" != null ] || continue
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
    *) refuse "$id" ;;
    esac
done

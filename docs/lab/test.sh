#!/bin/sh
# A test of a program that sends mail, in shell, with curl.
#
#     EHLO=path/to/ehlo sh test.sh

set -eu

folder=$(mktemp -d)
"${EHLO:-ehlo}" lab --port-base 0 --http 0 --account bob:secret \
    --ports-file "$folder/ports.json" --ca-out "$folder/ca.pem" >"$folder/said" &
lab=$!
trap 'kill "$lab"; wait "$lab" || true; rm -r "$folder"' EXIT

# When the file is there, everything listens.
tries=0
while ! [ -e "$folder/ports.json" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || exit 1
    sleep 0.1
done
smtp=$(sed -n 's|^ *smtp://127.0.0.1:\([0-9]*\).*|\1|p' "$folder/said")
http=$(sed -n 's|.*http://127.0.0.1:\([0-9]*\)/.*|\1|p' "$folder/said")

# What is tested: here it is curl that sends the message.
printf 'From: shop@shop.test\r\nTo: bob@lab.test\r\nSubject: Invoice 17\r\n\r\nPlease pay.\r\n' |
    curl -sS --max-time 10 "smtp://127.0.0.1:$smtp" \
        --mail-from shop@shop.test --mail-rcpt bob@lab.test --upload-file -

# Is it there? Curl fails if it is not after five seconds.
curl -sS --fail "http://127.0.0.1:$http/v1/wait?to=bob@lab.test&timeout=5" >"$folder/came"
grep -q '"subject": "Invoice 17"' "$folder/came"

# The message as it came, and what was said.
id=$(sed -n 's|.*"id": "\([0-9a-f-]*\)".*|\1|p' "$folder/came")
curl -sS --fail "http://127.0.0.1:$http/v1/messages/$id/raw" | grep -q 'Please pay.'
curl -sS --fail "http://127.0.0.1:$http/v1/sessions/1" | grep -q 'RCPT TO:<bob@lab.test>'

# From now on the mailbox is full.
curl -sS --fail "http://127.0.0.1:$http/v1/faults" --data '{"fault": "reply=RCPT:452 4.2.2 mailbox full"}' >/dev/null
if printf 'Subject: Invoice 18\r\n\r\n' |
    curl -s --max-time 10 "smtp://127.0.0.1:$smtp" \
        --mail-from shop@shop.test --mail-rcpt bob@lab.test --upload-file -
then
    echo "the message was taken" >&2
    exit 1
fi
curl -sS --fail -X POST "http://127.0.0.1:$http/v1/reset" >/dev/null
echo "ok"
